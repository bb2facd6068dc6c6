/** Who may sign artifacts, and how many bytes there may be of all of them: a tab of `/settings`. */
import { useState } from "react";

import { Button, Fieldset, Group, Progress, Stack, Text } from "@mantine/core";

import { fault, path, request, useAct, useRecord, type Schemas } from "../../kit/api";
import { Loaded, Trouble, useFaultInSight } from "../../kit/parts";
import { useCan } from "../../session/session";
import { NumberField } from "../../ui/NumberField";
import { bytes } from "../../ui/format";
import { done } from "../../ui/toast";
import { Signers } from "../types/parts";

type Terms = Schemas["ArtifactTerms"];

const GIB = 1024 ** 3;

/** As it is shown; what was set elsewhere to the byte is kept as long as nobody changes the figure. */
const gib = (quota: Terms["quotaBytes"]) => (quota == null ? "" : Number((quota / GIB).toPrecision(6)));

export function ArtifactSettings() {
  const terms = useRecord<Terms>(path("settings", "artifacts"));
  // What comes in the background must not wipe what is being typed: the form starts once.
  return <Loaded record={terms}>{(it) => <Form start={it} />}</Loaded>;
}

function Form({ start }: { start: Terms }) {
  const may = useCan()("server.manage");
  const [based, setBased] = useState(start);
  const [signers, setSigners] = useState(start.signers);
  const [required, setRequired] = useState(start.requireSignature);
  const [quota, setQuota] = useState<number | "">(gib(start.quotaBytes));
  const save = useAct<void, Terms>(
    () =>
      request("PUT", path("settings", "artifacts"), {
        body: {
          signers: signers.filter((pem) => pem.trim() !== ""),
          requireSignature: required,
          ...(quota === ""
            ? {}
            : { quotaBytes: quota === gib(based.quotaBytes) ? based.quotaBytes : Math.round(quota * GIB) }),
        },
        headers: { "if-match": `"${based.version}"` },
      }),
    [path("settings"), path("artifacts"), path("server")],
    (after) => {
      setBased(after);
      setSigners(after.signers);
      done("The settings are in force.");
    },
  );
  useFaultInSight(save.error);
  const changing =
    <T,>(set: (value: T) => void) =>
    (value: T) => {
      save.reset();
      set(value);
    };
  const most = Math.min(based.quotaBytes ?? based.allowedBytes, based.allowedBytes);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Stack maw={720}>
        <Signers
          legend="Who signs software for every device"
          hint="Certificates (PEM) of signers, or of authorities that certify them. A device type with signers of its own is judged by those instead."
          demand="Every device takes signed software only, also those whose type does not say so."
          rows={signers}
          set={changing(setSigners)}
          problem={save.error}
          required={required}
          require={changing(setRequired)}
          disabled={!may}
        />
        <Fieldset legend="How much there may be" disabled={!may}>
          <Stack gap="sm">
            <Text size="sm" c="dimmed">
              {bytes(based.usedBytes)} of {bytes(most)} used by artifacts and unfinished uploads.
            </Text>
            <Progress
              value={Math.min(100, Math.round((100 * based.usedBytes) / Math.max(1, most)))}
              aria-label="Used of the quota"
            />
            <NumberField
              fraction
              label="Quota for all artifacts (GiB)"
              description={`Empty: what the server allows, ${bytes(based.allowedBytes)}. Uploads beyond it are refused.`}
              min={0}
              value={quota}
              set={changing(setQuota)}
              error={fault(save.error, "quotaBytes")}
            />
          </Stack>
        </Fieldset>
        <Trouble problem={save.error} shown={["requireSignature", "quotaBytes"]} />
        {may ? (
          <Group>
            <Button type="submit" loading={save.isPending}>
              Save
            </Button>
          </Group>
        ) : null}
      </Stack>
    </form>
  );
}
