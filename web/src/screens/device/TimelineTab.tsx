// What happened to the device, newest first.
import { Text } from "@mantine/core";
import { api, type Schemas, take } from "../../api/client";
import { type Column, ListTable } from "../../list/ListTable";
import { Clip } from "../../ui/Clip";
import { words } from "../../ui/format";
import { Empty } from "../../ui/Page";
import { StateOf } from "../../ui/Status";
import { Time } from "../../ui/Time";

type Event = Schemas["Event"];

const COLUMNS: Column<Event>[] = [
  { id: "last", head: "When", cell: (event) => <Time at={event.lastAt} /> },
  { id: "severity", head: "Severity", wide: true, cell: (event) => <StateOf state={event.severity} /> },
  { id: "kind", head: "What", cell: (event) => <Clip>{words(event.kind)}</Clip> },
  {
    id: "detail",
    head: "Detail",
    cell: (event) => (
      <Text size="sm" className="anywhere" style={{ whiteSpace: "normal" }} dir="auto">
        {event.detail}
      </Text>
    ),
  },
  { id: "count", head: "Times", wide: true, cell: (event) => <span className="numbers">{event.count}</span> },
];

export default function TimelineTab({ name }: { name: string }) {
  return (
    <ListTable<Event>
      label={`Events of ${name}`}
      queryKey={["event", name, "list"]}
      load={(cursor, signal) =>
        take(
          api.GET("/api/v1/devices/{name}/events", { params: { path: { name }, query: { cursor } }, signal }),
        )
      }
      columns={COLUMNS}
      rowId={(event) => String(event.id)}
      empty={
        <Empty title="Nothing happened yet">Connections, refusals, changes and errors appear here.</Empty>
      }
    />
  );
}
