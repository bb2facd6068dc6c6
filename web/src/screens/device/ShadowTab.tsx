// Desired, reported and their difference. A save says which version it was made from, so that nobody's change is
// lost without being told.
import { Button, Group, Select, SimpleGrid, Stack, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { api, asProblem, ProblemError, type Schemas, take, version } from "../../api/client";
import { useCan } from "../../session/session";
import { JsonField } from "../../ui/JsonField";
import { Empty, Panel } from "../../ui/Page";
import { Status } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { done } from "../../ui/toast";
import { Trouble } from "../../ui/Trouble";
import { pretty, rows, toPatch } from "./delta";
import classes from "./device.module.css";

type Shadow = Schemas["Shadow"];
const CLASSIC = "";

function read(name: string, shadow: string): Promise<Shadow> {
  return shadow === CLASSIC
    ? take(api.GET("/api/v1/devices/{name}/shadow", { params: { path: { name } } }))
    : take(api.GET("/api/v1/devices/{name}/shadows/{shadow}", { params: { path: { name, shadow } } }));
}

function patch(name: string, shadow: string, desired: unknown, from: number | undefined): Promise<Shadow> {
  const header = from === undefined ? {} : { "If-Match": version(from) };
  return shadow === CLASSIC
    ? take(
        api.PATCH("/api/v1/devices/{name}/shadow", { params: { path: { name }, header }, body: { desired } }),
      )
    : take(
        api.PATCH("/api/v1/devices/{name}/shadows/{shadow}", {
          params: { path: { name, shadow }, header },
          body: { desired },
        }),
      );
}

export default function ShadowTab({ name }: { name: string }) {
  const { shadow = CLASSIC } = useSearch({ from: "/shell/devices/$name" });
  const navigate = useNavigate({ from: "/devices/$name" });
  const can = useCan();
  const all = useQuery({
    queryKey: ["shadow", name, "list"],
    queryFn: () => take(api.GET("/api/v1/devices/{name}/shadows", { params: { path: { name } } })),
  });
  const query = useQuery({
    queryKey: ["shadow", name, "one", shadow],
    queryFn: async () => {
      try {
        return await read(name, shadow);
      } catch (error) {
        if (asProblem(error).status === 404) return null;
        throw error;
      }
    },
  });
  const named = (all.data?.items ?? [])
    .map((info) => info.name)
    .filter((n): n is string => typeof n === "string");
  const document = query.data;
  return (
    <Stack>
      {named.length > 0 ? (
        <Select
          label="Shadow"
          w={260}
          data={[{ value: CLASSIC, label: "classic" }, ...named.map((n) => ({ value: n, label: n }))]}
          allowDeselect={false}
          value={shadow}
          onChange={(next) =>
            void navigate({ search: (before) => ({ ...before, shadow: next || undefined }) })
          }
        />
      ) : null}
      <Trouble error={query.error} onRetry={() => void query.refetch()} />
      {document === undefined ? null : (
        <>
          {document ? (
            <Comparison shadow={document} />
          ) : (
            <Empty title="No shadow yet">
              Write what the device should be under Desired; it hears of it as soon as it is connected.
            </Empty>
          )}
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            <Panel title="Desired">
              {can("shadow.write") ? (
                <DesiredForm key={`${name} ${shadow}`} name={name} shadow={shadow} current={document} />
              ) : (
                <pre className={classes.json}>{pretty(document?.state.desired)}</pre>
              )}
            </Panel>
            <Panel title="Reported">
              <pre className={classes.json} tabIndex={0} aria-label="Reported document">
                {pretty(document?.state.reported)}
              </pre>
            </Panel>
          </SimpleGrid>
        </>
      )}
    </Stack>
  );
}

function Comparison({ shadow }: { shadow: Shadow }) {
  const open = rows(shadow.state.delta, shadow.state.reported);
  return (
    <Panel
      title="Delta"
      actions={
        <Text size="sm" c="dimmed">
          version {shadow.version}, changed <Time at={shadow.updatedAt} />
        </Text>
      }
    >
      {open.length === 0 ? (
        <Status tone="good">The device is as desired</Status>
      ) : (
        <div className={classes.scroll} tabIndex={0} role="region" aria-label="What differs">
          <table className={classes.delta}>
            <thead>
              <tr>
                <th scope="col">Where</th>
                <th scope="col">Desired</th>
                <th scope="col">Reported</th>
              </tr>
            </thead>
            <tbody>
              {open.map((row) => (
                <tr key={row.path}>
                  <th scope="row">{row.path}</th>
                  <td>{row.desired}</td>
                  <td>{row.reported ?? <span className="quiet">nothing</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

function DesiredForm({ name, shadow, current }: { name: string; shadow: string; current: Shadow | null }) {
  const client = useQueryClient();
  // What the text was made from. It stays while somebody writes, whatever arrives meanwhile.
  const [base, setBase] = useState({ version: current?.version, desired: current?.state.desired });
  const [text, setText] = useState(() => pretty(current?.state.desired));
  const [problem, setProblem] = useState<ProblemError>();
  const [busy, setBusy] = useState(false);
  const untouched = text === pretty(base.desired);
  const moved = pretty(current?.state.desired) !== pretty(base.desired);
  // Nobody has written anything: follow the server.
  if (untouched && current && base.version !== current.version) {
    setBase({ version: current.version, desired: current.state.desired });
    setText(pretty(current.state.desired));
  }

  const save = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const wanted = parse(text);
      const saved = await saveOver(name, shadow, base, wanted, current?.version);
      setBase({ version: saved.version, desired: saved.state.desired });
      setText(pretty(saved.state.desired));
      done("Saved. The device hears of it as soon as it is connected.");
      await client.invalidateQueries({ queryKey: ["shadow", name] });
    } catch (error) {
      setProblem(asProblem(error));
      if (asProblem(error).status === 412) await client.invalidateQueries({ queryKey: ["shadow", name] });
    } finally {
      setBusy(false);
    }
  };
  const conflict = problem?.status === 412 || (!untouched && moved);
  return (
    <Stack gap="sm">
      <JsonField
        aria-label="Desired document"
        className="mono"
        autosize
        minRows={8}
        maxRows={26}
        value={text}
        onChange={setText}
        spellCheck={false}
        error={problem?.fields.find((field) => field.field.startsWith("desired"))?.problem}
      />
      {conflict ? (
        <div className={classes.conflict} role="alert">
          <Text size="sm" fw={600}>
            Somebody else changed the desired document meanwhile
          </Text>
          <Text size="sm">It now says:</Text>
          <pre className={classes.json}>{pretty(current?.state.desired)}</pre>
          <Group gap={8} mt={8}>
            <Button
              size="xs"
              variant="default"
              onClick={() => {
                setBase({ version: current?.version, desired: current?.state.desired });
                setText(pretty(current?.state.desired));
                setProblem(undefined);
              }}
            >
              Take theirs
            </Button>
            <Button
              size="xs"
              variant="default"
              onClick={() => {
                setBase({ version: current?.version, desired: current?.state.desired });
                setProblem(undefined);
              }}
            >
              Go on with mine
            </Button>
          </Group>
        </div>
      ) : null}
      {problem && problem.status !== 412 ? <Trouble error={problem} /> : null}
      <Group justify="flex-end" gap={8}>
        <Button variant="default" disabled={untouched} onClick={() => setText(pretty(base.desired))}>
          Undo
        </Button>
        <Button loading={busy} disabled={untouched || conflict} onClick={() => void save()}>
          Save
        </Button>
      </Group>
    </Stack>
  );
}

/** How often reports of the device may get in between before a save is given up. */
const TRIES = 6;

/**
 * Saves over exactly the desired document that the text was made from. Reports of the device raise the version too, so
 * a version that has moved on is only a conflict where the desired document is another one.
 */
async function saveOver(
  name: string,
  shadow: string,
  base: { version?: number; desired?: unknown },
  wanted: Record<string, unknown>,
  newest: number | undefined,
): Promise<Shadow> {
  let from = newest ?? base.version;
  for (let tries = 1; ; tries += 1) {
    try {
      return await patch(name, shadow, toPatch(base.desired, wanted), from);
    } catch (error) {
      if (asProblem(error).status !== 412 || tries === TRIES) throw error;
      const present = await read(name, shadow);
      if (pretty(present.state.desired) !== pretty(base.desired)) throw error;
      from = present.version;
    }
  }
}

function parse(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = text.trim() === "" ? {} : JSON.parse(text);
  } catch (cause) {
    throw new ProblemError(
      0,
      "console.invalid",
      "The document is no JSON",
      cause instanceof Error ? cause.message : "",
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ProblemError(
      0,
      "console.invalid",
      "The document must be an object",
      'Such as {"interval": 60}.',
    );
  return value as Record<string, unknown>;
}
