// Commands to this device: run one, see what it answered.
import { Stack, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "@tanstack/react-router";
import { api, take, type Schemas } from "../../api/client";
import { useCan } from "../../session/session";
import { Empty, Panel } from "../../ui/Page";
import { StateOf } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { Trouble } from "../../ui/Trouble";
import { Why } from "../../ui/Why";
import { CommandForm } from "./CommandForm";
import classes from "./device.module.css";
import type { Device } from "./StatusTab";

type CommandResult = Schemas["CommandResult"];

/** How long the answer of a running device is waited for before it is only listed. */
const WAIT = "10s";

export default function CommandsTab({ device }: { device: Device }) {
  const can = useCan();
  const client = useQueryClient();
  const { name } = device;
  const [result, setResult] = useState<CommandResult>();
  const past = useQuery({
    queryKey: ["execution", name, "commands"],
    queryFn: () =>
      take(api.GET("/api/v1/devices/{name}/commands", { params: { path: { name }, query: { limit: 50 } } })),
    retry: false,
  });
  const items = past.data?.items ?? [];
  return (
    <Stack>
      {can("job.create") && device.lifecycle !== "decommissioned" ? (
        <Panel title="Run a command">
          <CommandForm
            submitLabel="Run"
            onSubmit={async (body) => {
              setResult(undefined);
              setResult(
                await take(
                  api.POST("/api/v1/devices/{name}/commands", {
                    params: { path: { name }, query: { wait: WAIT } },
                    body,
                  }),
                ),
              );
              await client.invalidateQueries({ queryKey: ["execution", name] });
            }}
          />
          {device.presence === "connected" ? null : (
            <Text size="sm" c="dimmed" mt="xs">
              The device is not connected: the command waits for it until it expires.
            </Text>
          )}
        </Panel>
      ) : null}
      {result ? (
        <Panel title={`Answer to ${result.command}`}>
          <div role="status">
            <Answer {...result} />
          </div>
        </Panel>
      ) : null}
      <Panel title="Commands so far">
        <Trouble error={past.error} onRetry={() => void past.refetch()} />
        {past.isSuccess && items.length === 0 ? (
          <Empty title="No commands yet">
            A command reaches a connected device at once, any other when it comes back.
          </Empty>
        ) : null}
        <Stack gap="md">
          {items.map((execution) => (
            <article key={execution.execution} aria-label={`Command of job ${execution.job}`}>
              <Text size="sm" mb={4}>
                <Link to="/jobs/$id" params={{ id: String(execution.job) }} className="link">
                  Job {execution.job}
                </Link>{" "}
                <span className="quiet">
                  <Time at={execution.queuedAt} />
                </span>
              </Text>
              <Answer {...execution} />
            </article>
          ))}
        </Stack>
      </Panel>
    </Stack>
  );
}

type AnswerProps = Pick<CommandResult, "outcome" | "exitCode" | "output" | "outputUrl" | "why" | "action">;

function Answer({ outcome, exitCode, output, outputUrl, why, action }: AnswerProps) {
  return (
    <Stack gap={6}>
      <Text size="sm" component="div">
        <StateOf state={outcome} />
        {exitCode != null ? <span className="quiet"> · exit code {exitCode}</span> : null}
      </Text>
      <Why why={why} action={action} />
      {output ? (
        <pre className={classes.json} tabIndex={0} aria-label="Output">
          {output}
        </pre>
      ) : null}
      {outputUrl ? (
        <a className="link" href={outputUrl} download>
          Download the whole output
        </a>
      ) : null}
    </Stack>
  );
}
