/** Who is told of alerts, and whether it arrived: `/notifications`. */
import { useState } from "react";

import { Button, Group, Modal, Stack, Text } from "@mantine/core";

import { path, request, useAct, useList, useRecord, type Schemas } from "../../kit/api";
import { Confirmed, Empty, Listing, Screen, Trouble, Notice } from "../../kit/parts";
import { StateOf } from "../../ui/Status";
import { useCan } from "../../session/session";
import { Time } from "../../ui/Time";
import { words } from "../../ui/format";
import { ChannelForm } from "./channel";

type ServerFacts = Schemas["ServerInfo"];
type Channel = Schemas["Channel"];
type Delivery = Schemas["Delivery"];

export function Notifications() {
  const may = useCan();
  const list = useList<Channel>(path("notifications"));
  const server = useRecord<ServerFacts>(path("server"));
  const [open, setOpen] = useState<Channel | "new" | null>(null);
  const [log, setLog] = useState<string | null>(null);
  const remove = useAct<string, unknown>(
    (name) => request("DELETE", path("notifications", name)),
    [path("notifications")],
  );
  const make = may("notification.manage") ? (
    <Button onClick={() => setOpen("new")}>New channel</Button>
  ) : null;
  return (
    <Screen title="Notifications" about="Where alerts are told." actions={make}>
      <Listing
        label="Channels"
        list={list}
        keyOf={(it) => it.name}
        columns={[
          {
            title: "Channel",
            cell: (it) => (
              <Stack gap={0}>
                <Text size="sm">
                  {it.name}
                  {it.enabled ? "" : " (off)"}
                </Text>
                <Text size="xs" c="dimmed">
                  {it.kind === "webhook" ? it.url : (it.to ?? []).join(", ")}
                </Text>
              </Stack>
            ),
          },
          { title: "Told of", wide: true, cell: (it) => it.alerts.map(words).join(", ") || "every alert" },
          {
            title: "Last",
            wide: true,
            cell: (it) =>
              it.lastDelivery ? (
                <>
                  {it.lastDelivery.outcome} <Time at={it.lastDelivery.at} />
                </>
              ) : (
                "nothing yet"
              ),
          },
          {
            title: "Actions",
            cell: (it) => (
              <Group gap="xs">
                <Test name={it.name} />
                <Button size="compact-sm" variant="light" onClick={() => setLog(it.name)}>
                  Deliveries
                </Button>
                <Button size="compact-sm" variant="light" onClick={() => setOpen(it)}>
                  Change
                </Button>
                <Confirmed
                  label="Delete"
                  title="Delete this channel?"
                  act={() => remove.mutateAsync(it.name)}
                >
                  Nothing is told to {it.name} any more.
                </Confirmed>
              </Group>
            ),
          },
        ]}
        empty={
          <Empty title="Nobody is told" action={make}>
            Add a webhook or an e-mail address, and alerts come to you.
          </Empty>
        }
      />
      <Modal
        closeButtonProps={{ "aria-label": "Close" }}
        opened={open !== null}
        onClose={() => setOpen(null)}
        title={open === "new" || open === null ? "New channel" : open.name}
        size="lg"
      >
        {open ? (
          <ChannelForm
            start={open === "new" ? null : open}
            mail={server.data?.mail ?? false}
            done={() => setOpen(null)}
          />
        ) : null}
      </Modal>
      <Modal
        closeButtonProps={{ "aria-label": "Close" }}
        opened={log !== null}
        onClose={() => setLog(null)}
        title={`Deliveries to ${log ?? ""}`}
        size="xl"
      >
        {log ? <Deliveries name={log} /> : null}
      </Modal>
    </Screen>
  );
}

/** Sends a test and says what came of it. */
function Test({ name }: { name: string }) {
  const test = useAct<void, { outcome: string; detail: string }>(
    () => request("POST", path("notifications", name, "test")),
    [path("notifications")],
  );
  const close = () => test.reset();
  return (
    <>
      <Button size="compact-sm" variant="light" loading={test.isPending} onClick={() => test.mutate()}>
        Test
      </Button>
      <Modal
        closeButtonProps={{ "aria-label": "Close" }}
        opened={test.isSuccess || test.isError}
        onClose={close}
        title={`Test of ${name}`}
      >
        <Trouble problem={test.error} />
        {test.data ? (
          <Notice
            color={test.data.outcome === "delivered" ? "green" : "red"}
            title={words(test.data.outcome)}
          >
            {test.data.detail}
          </Notice>
        ) : null}
      </Modal>
    </>
  );
}

function Deliveries({ name }: { name: string }) {
  const list = useList<Delivery>(path("notifications", name, "deliveries"));
  return (
    <Listing
      label="Deliveries"
      list={list}
      keyOf={(it) => it.id}
      columns={[
        { title: "What", cell: (it) => (it.alert ? `${it.event}, alert ${it.alert}` : it.event) },
        { title: "State", cell: (it) => <StateOf state={it.state} /> },
        { title: "Tries", cell: (it) => it.attempts },
        { title: "Last error", cell: (it) => it.lastError ?? "" },
        { title: "Made", wide: true, cell: (it) => <Time at={it.createdAt} /> },
      ]}
      empty={<Empty title="Nothing yet">Send a test to see one.</Empty>}
    />
  );
}
