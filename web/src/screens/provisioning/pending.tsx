/** Devices that wait for a decision: they ask for a name that somebody has, or their way in asks a person. */
import { SegmentedControl, Stack, Text } from "@mantine/core";

import { path, request, useAct, useList, type Schemas } from "../../kit/api";
import { Go, useUrl } from "../../kit/nav";
import { Confirmed, Digest, Empty, Listing } from "../../kit/parts";
import { Status } from "../../ui/Status";
import { useCan } from "../../session/session";
import { Time } from "../../ui/Time";

type Pending = Schemas["Pending"];

export function PendingQueue() {
  const may = useCan();
  const [state, setState] = useUrl("state");
  const list = useList<Pending>(path("pending"), { state: state || "open" });
  const decide = useAct<{ id: number; how: "accept" | "reject" }, unknown>(
    ({ id, how }) => request("POST", path("pending", id, how), how === "reject" ? { body: {} } : {}),
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
                  <Confirmed
                    label="Accept"
                    danger={false}
                    title="Let this device in?"
                    act={() => decide.mutateAsync({ id: it.id, how: "accept" })}
                  >
                    The device with this key becomes {it.name} at its next try.
                    {it.knownDevice ? ` What ${it.name} had as credentials until now ends then.` : ""}
                  </Confirmed>
                  <Confirmed
                    label="Reject"
                    title="Reject this device?"
                    act={() => decide.mutateAsync({ id: it.id, how: "reject" })}
                  >
                    The device with this key stays out. Others may still ask for {it.name}.
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
    </Stack>
  );
}
