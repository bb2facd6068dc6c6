/** Devices that wait for a decision: they ask for a name that somebody has, or their way in asks a person. */
import { useState } from "react";

import { Button, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";

import { fault, path, request, useAct, useList, type Schemas } from "../../kit/api";
import { SaveForm } from "../../kit/kept";
import { Go, useUrl } from "../../kit/nav";
import { Confirmed, Digest, Empty, Listing } from "../../kit/parts";
import { Dialog } from "../../ui/Dialog";
import { Status } from "../../ui/Status";
import { useCan } from "../../session/session";
import { Time } from "../../ui/Time";

type Pending = Schemas["Pending"];

export function PendingQueue() {
  const may = useCan();
  const [state, setState] = useUrl("state");
  const list = useList<Pending>(path("pending"), { state: state || "open" });
  const [asked, setAsked] = useState<Pending | null>(null);
  const reject = useAct<number, unknown>(
    (id) => request("POST", path("pending", id, "reject"), { body: {} }),
    [path("pending"), path("devices")],
  );
  return (
    <Stack>
      <SegmentedControl
        aria-label="State"
        maw={360}
        data={[
          { value: "", label: "Open" },
          { value: "accepted", label: "Accepted" },
          { value: "rejected", label: "Rejected" },
        ]}
        value={state === "open" ? "" : state}
        onChange={setState}
      />
      <Listing
        label="Waiting devices"
        list={list}
        keyOf={(it) => it.id}
        columns={[
          {
            title: "Name it asks for",
            cell: (it) =>
              it.knownDevice && it.name ? (
                <Go to={`/devices/${encodeURIComponent(it.name)}`}>{it.name}</Go>
              ) : (
                <Text>{it.name ?? "none"}</Text>
              ),
          },
          { title: "Why it waits", roomy: true, cell: (it) => it.reason },
          {
            title: "Came with",
            wide: true,
            cell: (it) =>
              (it.claim ? `claim ${it.claim}` : it.source) + (it.template ? `, template ${it.template}` : ""),
          },
          {
            title: "Key",
            wide: true,
            cell: (it) => <Digest value={it.publicKeySha256} label="key digest" />,
          },
          {
            title: "Last asked",
            wide: true,
            cell: (it) => (
              <>
                <Time at={it.lastAt} />, {it.attempts} times
              </>
            ),
          },
          {
            title: "Decision",
            cell: (it) =>
              it.state !== "open" ? (
                <Status
                  tone={it.state === "accepted" ? "good" : "off"}
                >{`${it.state} by ${it.decidedBy ?? "nobody"}`}</Status>
              ) : may("credential.issue") ? (
                <Stack gap={4}>
                  <Button size="compact-sm" variant="default" onClick={() => setAsked(it)}>
                    Accept
                  </Button>
                  <Confirmed label="Reject" title="Reject this device?" act={() => reject.mutateAsync(it.id)}>
                    The device with this key stays out.
                    {it.name ? ` Others may still ask for ${it.name}.` : ""}
                  </Confirmed>
                </Stack>
              ) : null,
          },
        ]}
        empty={
          <Empty title={state ? "Nothing here" : "Nobody waits"}>
            A device waits here when it asks for a name that another one holds. Nothing is ever taken over
            silently.
          </Empty>
        }
      />
      <Dialog opened={asked !== null} onClose={() => setAsked(null)} title="Let this device in?">
        {asked ? <Accept asked={asked} done={() => setAsked(null)} /> : null}
      </Dialog>
    </Stack>
  );
}

/** What accepting means; whose a certificate is has to be said where it does not say so itself. */
function Accept({ asked, done }: { asked: Pending; done: () => void }) {
  const [name, setName] = useState(asked.name ?? "");
  const nameless = asked.source === "certificate" && !asked.name;
  const accept = useAct<void, unknown>(
    () =>
      request("POST", path("pending", asked.id, "accept"), { body: nameless ? { name: name.trim() } : {} }),
    [path("pending"), path("devices")],
    done,
  );
  return (
    <SaveForm save={accept} shown={nameless ? ["name"] : []} label="Accept">
      {nameless ? (
        <>
          <Text size="sm">
            This server’s authority signed the certificate, which does not say whose it is. Compare the key’s
            digest with the device: <Digest value={asked.publicKeySha256} label="key digest" />
          </Text>
          <TextInput
            label="The device it belongs to"
            description="A device that has this name loses the credentials it had until now; where there is none, it is made."
            required
            autoComplete="off"
            data-autofocus
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={fault(accept.error, "name")}
          />
        </>
      ) : (
        <Text size="sm">
          The device with this key becomes {asked.name} at its next try.
          {asked.knownDevice ? ` What ${asked.name ?? "it"} had as credentials until now ends then.` : ""}
        </Text>
      )}
    </SaveForm>
  );
}
