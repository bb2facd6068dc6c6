/** What happened on the fleet, newest first: `/events`. */
import { path, useList, type Schemas } from "../../kit/api";
import { Go } from "../../kit/nav";
import { Empty, Listing, Screen } from "../../kit/parts";
import { Status } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { words } from "../../ui/format";

const TONES = { info: "off", warning: "warn", error: "bad" } as const;

export function Events() {
  const list = useList<Schemas["Event"]>(path("events"));
  return (
    <Screen
      title="Events"
      about="What happened to devices. The same within a minute is one event with a count."
    >
      <Listing
        label="Events"
        list={list}
        keyOf={(it) => it.id}
        columns={[
          { title: "When", cell: (it) => <Time at={it.lastAt} /> },
          {
            title: "Device",
            cell: (it) =>
              it.device ? <Go to={`/devices/${encodeURIComponent(it.device)}`}>{it.device}</Go> : "gone",
          },
          {
            title: "What",
            cell: (it) => (
              <Status tone={TONES[it.severity]}>
                {words(it.kind) + (it.count > 1 ? ` × ${it.count}` : "")}
              </Status>
            ),
          },
          { title: "Detail", roomy: true, cell: (it) => it.detail },
        ]}
        empty={
          <Empty title="Nothing happened yet">Connections, refusals and what devices say appear here.</Empty>
        }
      />
    </Screen>
  );
}
