// What runs on the device, and how the updates that are meant for it go, with the reason.
import { useState } from "react";

import { Button, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, asProblem, take } from "../../api/client";
import { path, useRecord, type Schemas } from "../../kit/api";
import { useCan } from "../../session/session";
import { Facts, Panel } from "../../ui/Page";
import { StateOf } from "../../ui/Status";
import { Trouble } from "../../ui/Trouble";
import { Why } from "../../ui/Why";
import type { Device } from "./StatusTab";
import { releaseWords } from "../rollouts/named";
import { OneDevice } from "../rollouts/one";
import { versionsOf } from "./versions";

export function Software({ device }: { device: Device }) {
  const can = useCan();
  return (
    <Panel title="Software">
      <Versions device={device} />
      {can("job.read") ? <Updates name={device.name} /> : null}
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
  if (shown.length === 0 && (of.isLoading || shadow.isLoading)) return null;
  if (shown.length === 0 && (of.error ?? shadow.error)) return <Trouble error={of.error ?? shadow.error} />;
  if (shown.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {can("shadow.read")
          ? "The device has shown no version. Where versions show is said by its type."
          : "Your role does not see what the device reports, so not which versions it runs."}
      </Text>
    );
  return <Facts items={shown.map(({ what, version }) => [what, version])} />;
}

/** Every update that is meant for the device, newest first, with why it is where it is. */
function Updates({ name }: { name: string }) {
  const can = useCan();
  const updates = useQuery({
    queryKey: ["execution", name, "updates"],
    queryFn: () => take(api.GET("/api/v1/devices/{name}/updates", { params: { path: { name } } })),
  });
  const items = updates.data?.items ?? [];
  const [all, setAll] = useState(false);
  const shown = all ? items.length : MOST_UPDATES;
  return (
    <>
      <Trouble error={updates.error} />
      {items.slice(0, shown).map((update) => (
        <div key={update.job} style={{ marginTop: 14 }}>
          <Text size="sm" component="div" mb={4}>
            <Link to="/jobs/$id" params={{ id: String(update.job) }} className="link">
              {update.release ? releaseWords(update.release) : `Job ${update.job}`}
            </Link>{" "}
            <span className="quiet">{update.release ? `no. ${update.job}` : ""}</span>{" "}
            <StateOf state={update.outcome ?? update.jobState} />
          </Text>
          <Why why={update.why} action={update.action} />
          {update.outcome === "open" && update.execution != null && can("job.control") ? (
            <Part id={update.execution} />
          ) : null}
        </div>
      ))}
      {items.length > shown ? (
        <Button variant="default" size="compact-sm" mt={14} onClick={() => setAll(true)}>
          Show {items.length - shown} more
        </Button>
      ) : null}
    </>
  );
}

/** What can be done about one of them here. */
function Part({ id }: { id: number }) {
  const part = useRecord<Schemas["Execution"]>(path("executions", id));
  return part.data ? (
    <div style={{ marginTop: 8 }}>
      <OneDevice execution={part.data} />
    </div>
  ) : null;
}

/** What is shown until somebody asks for more. */
const MOST_UPDATES = 3;
