// What was asked of the device, by any job, how far it is, and why.
import { Link } from "@tanstack/react-router";
import { api, type Schemas, take } from "../../api/client";
import { type Column, ListTable } from "../../list/ListTable";
import { Clip } from "../../ui/Clip";
import { Empty } from "../../ui/Page";
import { StateOf } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { Why } from "../../ui/Why";

type Execution = Schemas["Execution"];

const COLUMNS: Column<Execution>[] = [
  {
    id: "job",
    head: "Job",
    cell: (execution) => (
      <Link to="/jobs/$id" params={{ id: String(execution.job) }} className="link" tabIndex={-1}>
        {execution.job}
      </Link>
    ),
  },
  { id: "outcome", head: "Outcome", cell: (execution) => <StateOf state={execution.outcome} /> },
  {
    id: "state",
    head: "The device said",
    wide: true,
    cell: (execution) => <StateOf state={execution.state} />,
  },
  {
    id: "verdict",
    head: "The truth",
    wide: true,
    cell: (execution) => <StateOf state={execution.verdict} />,
  },
  {
    id: "why",
    head: "Why",
    cell: (execution) => (
      <div style={{ whiteSpace: "normal" }}>
        <Why why={execution.why} action={execution.action} compact />
      </div>
    ),
  },
  { id: "queued", head: "Offered", wide: true, cell: (execution) => <Time at={execution.queuedAt} /> },
  {
    id: "details",
    head: "Details",
    wide: true,
    extra: true,
    cell: (execution) => <Clip>{details(execution)}</Clip>,
  },
  { id: "updated", head: "Last change", wide: true, cell: (execution) => <Time at={execution.updatedAt} /> },
];

function details(execution: Execution): string {
  return (
    Object.entries(execution.details)
      .map(([key, value]) => `${key}=${value}`)
      .join("  ") || "–"
  );
}

export default function JobsTab({ name }: { name: string }) {
  return (
    <ListTable<Execution>
      label={`Jobs of ${name}`}
      queryKey={["execution", name, "list"]}
      load={(cursor, signal) =>
        take(
          api.GET("/api/v1/devices/{name}/executions", {
            params: { path: { name }, query: { cursor } },
            signal,
          }),
        )
      }
      columns={COLUMNS}
      rowId={(execution) => String(execution.id)}
      empty={<Empty title="No jobs yet">Rollouts and commands that reach this device are listed here.</Empty>}
    />
  );
}
