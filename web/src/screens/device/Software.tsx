// What runs on the device, and how its last update goes or went, with the reason.
import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, asProblem, take } from "../../api/client";
import { useCan } from "../../session/session";
import { Facts, Panel } from "../../ui/Page";
import { StateOf } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { Why } from "../../ui/Why";
import type { Device } from "./StatusTab";
import { versionsOf } from "./versions";

export function Software({ device }: { device: Device }) {
  const can = useCan();
  return (
    <Panel title="Software">
      <Versions device={device} />
      {can("job.read") ? <LastUpdate name={device.name} /> : null}
    </Panel>
  );
}

function Versions({ device }: { device: Device }) {
  const can = useCan();
  const { name, type } = device;
  const of = useQuery({
    queryKey: ["type", type ?? "none"],
    queryFn: () => take(api.GET("/api/v1/types/{name}", { params: { path: { name: type ?? "" } } })),
    enabled: type != null && can("type.read"),
  });
  const shadow = useQuery({
    queryKey: ["shadow", name, "classic"],
    // A device that has never reported anything has no shadow: that is no error here.
    queryFn: () =>
      take(api.GET("/api/v1/devices/{name}/shadow", { params: { path: { name } } })).catch(
        (error: unknown) => {
          if (asProblem(error).status === 404) return null;
          throw error;
        },
      ),
    enabled: can("shadow.read"),
  });
  const shown = versionsOf(of.data?.versionSources, shadow.data?.state.reported, device.inventory);
  if (shown.length === 0)
    return (
      <Text size="sm" c="dimmed">
        The device has shown no version. Where versions show is said by its type.
      </Text>
    );
  return <Facts items={shown.map(({ what, version }) => [what, version])} />;
}

/** The newest job of an update on the device. */
function LastUpdate({ name }: { name: string }) {
  const last = useQuery({
    queryKey: ["execution", name, "last update"],
    queryFn: () => lastUpdate(name),
  });
  if (!last.data) return null;
  const { execution, job } = last.data;
  return (
    <div style={{ marginTop: 14 }}>
      <Text size="sm" component="div" mb={4}>
        <Link to="/jobs/$id" params={{ id: String(job.id) }} className="link">
          {job.release ? `${job.release.name} ${job.release.version}` : `Job ${job.id}`}
        </Link>{" "}
        <StateOf state={execution.outcome} />{" "}
        <span className="quiet">
          <Time at={execution.updatedAt} />
        </span>
      </Text>
      <Why why={execution.why} action={execution.action} />
    </div>
  );
}

/** How many of the newest jobs of a device are looked through for an update. */
const LOOK_BACK = 20;

async function lastUpdate(name: string) {
  const page = await take(
    api.GET("/api/v1/devices/{name}/executions", {
      params: { path: { name }, query: { limit: LOOK_BACK } },
    }),
  );
  for (const execution of page.items) {
    const job = await take(api.GET("/api/v1/jobs/{id}", { params: { path: { id: execution.job } } }));
    if (job.kind === "update") return { execution, job };
  }
  return null;
}
