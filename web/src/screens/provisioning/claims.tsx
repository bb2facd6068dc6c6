/** Claims: certificates that may do nothing but provision. The key is shown once. */
import { useState } from "react";

import { Button, Group, MultiSelect, Stack, Text, Textarea, TextInput } from "@mantine/core";

import { fault, path, request, useAct, useList, type Schemas } from "../../kit/api";
import { SaveForm } from "../../kit/kept";
import { Confirmed, Digest, Empty, Listing, Notice } from "../../kit/parts";
import { Dialog } from "../../ui/Dialog";
import { NumberField } from "../../ui/NumberField";
import { save } from "../../ui/save";
import { StateOf } from "../../ui/Status";
import { useCan } from "../../session/session";
import { Time } from "../../ui/Time";

type Claim = Schemas["Claim"];
type Created = Schemas["CreatedClaim"];

export function Claims() {
  const may = useCan();
  const list = useList<Claim>(path("claims"));
  const [open, setOpen] = useState(false);
  const revoke = useAct<string, unknown>(
    (name) => request("POST", path("claims", name, "revoke")),
    [path("claims")],
  );
  const make = may("claim.manage") ? <Button onClick={() => setOpen(true)}>New claim</Button> : null;
  return (
    <Stack>
      <Group justify="flex-end">{list.items.length > 0 ? make : null}</Group>
      <Listing
        label="Claims"
        list={list}
        keyOf={(it) => it.name}
        columns={[
          { title: "Claim", cell: (it) => it.name },
          { title: "State", cell: (it) => <StateOf state={it.status} /> },
          { title: "Templates", wide: true, cell: (it) => it.templates.join(", ") || "every template" },
          { title: "Good until", wide: true, cell: (it) => <Time at={it.notAfter} /> },
          {
            title: "Fingerprint",
            wide: true,
            cell: (it) => <Digest value={it.fingerprint} label="fingerprint" />,
          },
          {
            title: "Actions",
            cell: (it) =>
              may("claim.manage") && it.status === "active" ? (
                <Confirmed label="Revoke" title="Revoke this claim?" act={() => revoke.mutateAsync(it.name)}>
                  No device can enrol with {it.name} any more. Those that did stay as they are.
                </Confirmed>
              ) : null,
          },
        ]}
        empty={
          <Empty title="No claim yet" action={make}>
            Devices that enrol themselves present a claim: one certificate for a batch, which may do nothing
            else.
          </Empty>
        }
      />
      <Dialog opened={open} onClose={() => setOpen(false)} title="New claim" size="lg" held>
        <NewClaim done={() => setOpen(false)} />
      </Dialog>
    </Stack>
  );
}

function NewClaim({ done }: { done: () => void }) {
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<string[]>([]);
  const [days, setDays] = useState<number | "">("");
  const [csr, setCsr] = useState("");
  const templates = useList<Schemas["Template"]>(path("templates"), { limit: 1000 });
  const make = useAct<void, Created>(
    () =>
      request("POST", path("claims"), {
        body: {
          name,
          templates: chosen,
          ...(days === "" ? {} : { expiresAt: new Date(Date.now() + days * 86_400_000).toISOString() }),
          ...(csr.trim() ? { csr } : {}),
        },
      }),
    [path("claims")],
  );
  if (make.data) return <Once created={make.data} done={done} />;
  const problem = make.error;
  return (
    <SaveForm save={make} shown={["name", "templates", "expiresAt", "csr"]} label="Make the claim">
      <TextInput
        label="Name"
        required
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        error={fault(problem, "name")}
      />
      <MultiSelect
        label="Templates it may use"
        description="None: every template."
        data={templates.items.map((it) => it.name)}
        value={chosen}
        onChange={setChosen}
        error={fault(problem, "templates")}
      />
      <NumberField
        label="Good for days"
        description="Empty: a year."
        min={1}
        value={days}
        set={setDays}
        error={fault(problem, "expiresAt")}
      />
      <Textarea
        label="Signing request"
        description="PEM. Empty: the server makes the key and shows it once."
        autosize
        minRows={2}
        value={csr}
        onChange={(event) => setCsr(event.currentTarget.value)}
        error={fault(problem, "csr")}
      />
    </SaveForm>
  );
}

/** What was made. The key exists only here: leaving needs a download first, or a second thought. */
function Once({ created, done }: { created: Created; done: () => void }) {
  const key = created.privateKeyPem;
  const [saved, setSaved] = useState(!key);
  return (
    <Stack>
      {key ? (
        <Notice color="yellow" title="The key is shown this once">
          It is kept nowhere. Save it now; without it the claim is of no use.
        </Notice>
      ) : null}
      <Group>
        {key ? (
          <Button
            onClick={() => {
              save("claim.key", key);
              setSaved(true);
            }}
          >
            Save claim.key
          </Button>
        ) : null}
        <Button variant="default" onClick={() => save("claim.pem", created.certificatePem)}>
          Save claim.pem
        </Button>
        <Button variant="default" onClick={() => save("ca.pem", created.caPem)}>
          Save ca.pem
        </Button>
      </Group>
      <Text size="sm" c="dimmed">
        Put the three files on the devices, or try them with: windlass sim --claim DIRECTORY
      </Text>
      <Group justify="flex-end">
        <Button variant={saved ? "filled" : "default"} onClick={done}>
          {saved ? "Done" : "Close without saving the key"}
        </Button>
      </Group>
    </Stack>
  );
}
