/** Device types: `/types`. */
import { Text } from "@mantine/core";

import { path, useList, type Schemas } from "../../kit/api";
import { Go, GoButton } from "../../kit/nav";
import { Empty, Listing, Screen } from "../../kit/parts";
import { useCan } from "../../session/session";
import { Time } from "../../ui/Time";
import { span } from "../../kit/text";

type DeviceType = Schemas["DeviceType"];

export function Types() {
  const may = useCan();
  const list = useList<DeviceType>(path("types"));
  const make = may("type.write") ? <GoButton to="/types/new">New type</GoButton> : null;
  return (
    <Screen title="Device types" about="What is true of every device of one model." actions={make}>
      <Listing
        label="Device types"
        list={list}
        keyOf={(it) => it.name}
        columns={[
          {
            title: "Type",
            cell: (it) => (
              <>
                <Go to={`/types/edit/${encodeURIComponent(it.name)}`}>{it.displayName ?? it.name}</Go>
                {it.displayName ? (
                  <Text size="xs" c="dimmed" className="anywhere">
                    {it.name}
                  </Text>
                ) : null}
              </>
            ),
          },
          { title: "Description", wide: true, cell: (it) => it.description },
          { title: "Expected in contact", cell: (it) => `every ${span(it.contactIntervalSeconds ?? 3600)}` },
          { title: "Topics of its own", wide: true, cell: (it) => it.topicMap?.length ?? 0 },
          { title: "Changed", wide: true, cell: (it) => <Time at={it.updatedAt} /> },
        ]}
        empty={
          <Empty title="No type yet" action={make}>
            A type says how often its devices are expected, where their running version shows, and what their
            own topics mean.
          </Empty>
        }
      />
    </Screen>
  );
}
