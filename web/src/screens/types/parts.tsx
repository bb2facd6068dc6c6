/** The lists of a device type's form: where versions show, who signs, its own topics, attributes. */
import {
  ActionIcon,
  Button,
  Checkbox,
  Fieldset,
  Group,
  Select,
  Stack,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";

import { fault, type ProblemError } from "../../kit/api";
import { pathOf, sourceKind, type TypeForm } from "./form";

type Rows<T> = { rows: T[]; set: (rows: T[]) => void; problem: ProblemError | null };

const at = <T,>(rows: T[], place: number, row: T) => rows.map((one, here) => (here === place ? row : one));
const without = <T,>(rows: T[], place: number) => rows.filter((_, here) => here !== place);

const Remove = ({ what, onClick }: { what: string; onClick: () => void }) => (
  <ActionIcon variant="subtle" aria-label={`Remove ${what}`} onClick={onClick} mb={4}>
    ✕
  </ActionIcon>
);

const Add = ({ children, onClick }: { children: string; onClick: () => void }) => (
  <Button variant="default" size="compact-sm" onClick={onClick} style={{ alignSelf: "flex-start" }}>
    {children}
  </Button>
);

export function Sources({ rows, set, problem }: Rows<TypeForm["sources"][number]>) {
  return (
    <Fieldset legend="Where the running version shows">
      <Stack gap="xs">
        <Text size="sm" c="dimmed">
          Tried in order; {"{component}"} stands for a component’s name. None: reported firmware.version, then
          components.{"{component}"}.
        </Text>
        {rows.map((row, place) => (
          <Group key={place} gap="xs" align="flex-end">
            <Select
              aria-label={`Source ${place + 1}`}
              allowDeselect={false}
              w={220}
              data={[
                { value: "reported", label: "Reported in the shadow" },
                { value: "inventory", label: "Inventory" },
                { value: "nowhere", label: "Nowhere" },
              ]}
              value={sourceKind(row)}
              onChange={(kind) =>
                set(
                  at(
                    rows,
                    place,
                    kind === "nowhere"
                      ? "nowhere"
                      : kind === "inventory"
                        ? { inventory: pathOf(row) }
                        : { reported: pathOf(row) },
                  ),
                )
              }
            />
            {row === "nowhere" ? null : (
              <TextInput
                aria-label={`Path of source ${place + 1}`}
                placeholder="firmware.version"
                style={{ flex: 1, minWidth: 140 }}
                value={pathOf(row)}
                onChange={(event) => {
                  const text = event.currentTarget.value;
                  set(at(rows, place, "inventory" in row ? { inventory: text } : { reported: text }));
                }}
                error={fault(problem, `versionSources.${place}`)}
              />
            )}
            <Remove what={`source ${place + 1}`} onClick={() => set(without(rows, place))} />
          </Group>
        ))}
        <Add onClick={() => set([...rows, { reported: "" }])}>Add a place</Add>
      </Stack>
    </Fieldset>
  );
}

/** Whose signatures count, and whether one is needed. */
export function Signers({
  rows,
  set,
  problem,
  required,
  require,
  legend = "Who signs its software",
  hint = "Certificates (PEM) of signers, or of authorities that certify them. None: the signers of the whole tenant count, which the settings name.",
  demand = "A release for such devices is refused unless one of these signed every file of it.",
  disabled = false,
}: Rows<string> & {
  required: boolean;
  require: (required: boolean) => void;
  legend?: string;
  hint?: string;
  demand?: string;
  disabled?: boolean;
}) {
  return (
    <Fieldset legend={legend} disabled={disabled}>
      <Stack gap="xs">
        <Text size="sm" c="dimmed">
          {hint}
        </Text>
        {rows.map((pem, place) => (
          <Group key={place} gap="xs" align="flex-start">
            <Textarea
              aria-label={`Signer ${place + 1}`}
              placeholder="-----BEGIN CERTIFICATE-----"
              className="mono"
              autosize
              minRows={3}
              maxRows={8}
              style={{ flex: 1, minWidth: 200 }}
              value={pem}
              onChange={(event) => set(at(rows, place, event.currentTarget.value))}
              error={fault(problem, `signers.${place}`) ?? fault(problem, `signers[${place}]`)}
            />
            <Remove what={`signer ${place + 1}`} onClick={() => set(without(rows, place))} />
          </Group>
        ))}
        {fault(problem, "signers") ? (
          <Text size="sm" c="var(--mantine-color-error)">
            {fault(problem, "signers")}
          </Text>
        ) : null}
        <Add onClick={() => set([...rows, ""])}>Add a signer</Add>
        <Checkbox
          label="Only signed software"
          description={demand}
          checked={required}
          onChange={(event) => require(event.currentTarget.checked)}
          error={fault(problem, "requireSignature")}
          aria-invalid={fault(problem, "requireSignature") !== undefined}
        />
      </Stack>
    </Fieldset>
  );
}

export function Topics({ rows, set, problem }: Rows<TypeForm["topics"][number]>) {
  return (
    <Fieldset legend="Topics of its own">
      <Stack gap="xs">
        <Text size="sm" c="dimmed">
          What devices publish outside the contract. {"{name}"} and {"{clientId}"} stand for the device, + for
          one level, a final # for all below.
        </Text>
        {rows.map((row, place) => (
          <Group key={place} gap="xs" align="flex-end">
            <TextInput
              aria-label={`Filter ${place + 1}`}
              placeholder="sites/+/{name}/values"
              style={{ flex: 1, minWidth: 160 }}
              value={row.filter}
              onChange={(event) => set(at(rows, place, { ...row, filter: event.currentTarget.value }))}
              error={fault(problem, `topicMap.${place}.filter`) ?? fault(problem, `topicMap.${place}`)}
            />
            <Select
              aria-label={`Meaning of filter ${place + 1}`}
              allowDeselect={false}
              w={140}
              data={["telemetry", "event", "log"]}
              value={row.target}
              onChange={(target) => set(at(rows, place, { ...row, target: target as typeof row.target }))}
            />
            <Remove what={`filter ${place + 1}`} onClick={() => set(without(rows, place))} />
          </Group>
        ))}
        <Add onClick={() => set([...rows, { filter: "", target: "telemetry" }])}>Add a topic</Add>
      </Stack>
    </Fieldset>
  );
}

/** Which hawkBit client the devices run, and the words that the server takes for it. */
const CLIENT_ATTRIBUTE = "hawkbit.client";
const CLIENTS = ["swupdate", "rauc", "zephyr", "generic"];

export function Attributes({ rows, set, problem }: Rows<[string, string]>) {
  return (
    <Fieldset legend="Attributes that new devices start with">
      <Stack gap="xs">
        {rows.map(([key, value], place) => (
          <Group key={place} gap="xs" align="flex-end">
            <TextInput
              aria-label={`Attribute ${place + 1}`}
              value={key}
              style={{ flex: 1 }}
              onChange={(event) => set(at(rows, place, [event.currentTarget.value, value]))}
              error={fault(problem, `defaultAttributes.${key}`)}
            />
            {key === CLIENT_ATTRIBUTE ? (
              <Select
                aria-label={`Value of attribute ${place + 1}`}
                allowDeselect={false}
                style={{ flex: 1 }}
                data={CLIENTS}
                value={value}
                onChange={(client) => set(at(rows, place, [key, client ?? ""]))}
              />
            ) : (
              <TextInput
                aria-label={`Value of attribute ${place + 1}`}
                value={value}
                style={{ flex: 1 }}
                onChange={(event) => set(at(rows, place, [key, event.currentTarget.value]))}
              />
            )}
            <Remove what={`attribute ${place + 1}`} onClick={() => set(without(rows, place))} />
          </Group>
        ))}
        <Add onClick={() => set([...rows, ["", ""]])}>Add an attribute</Add>
      </Stack>
    </Fieldset>
  );
}
