/** Why something did not connect: `/refusals`. */
import { useState } from "react";

import { Button, Group, Select, Stack, Text, TextInput } from "@mantine/core";

import { path, useList, type Schemas } from "../../kit/api";
import { Go, useUrl } from "../../kit/nav";
import { Empty, Listing, Screen } from "../../kit/parts";
import { Time } from "../../ui/Time";

type Refusal = Schemas["Refusal"];

const STAGES = [
  { value: "tls", label: "TLS" },
  { value: "connect", label: "Connect" },
  { value: "subscribe", label: "Subscribe" },
  { value: "publish", label: "Publish" },
  { value: "http", label: "HTTP" },
];

export function Refusals() {
  const [q, setQ] = useUrl("q");
  const [stage, setStage] = useUrl("stage");
  const [typed, setTyped] = useState(q);
  const list = useList<Refusal>(path("refusals"), { q, stage });
  return (
    <Screen
      title="Refused connections"
      about="What was turned away, why, and what to do about it. Kept in memory, newest first."
    >
      <form
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          setQ(typed.trim());
        }}
      >
        <Group align="flex-end">
          <TextInput
            label="Name, address or certificate"
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            style={{ flex: 1, minWidth: 200 }}
          />
          <Select
            label="Where"
            placeholder="Everywhere"
            clearable
            data={STAGES}
            value={stage || null}
            onChange={(value) => setStage(value ?? "")}
          />
          <Button type="submit">Search</Button>
        </Group>
      </form>
      <Listing
        label="Refused connections"
        list={list}
        keyOf={(it) => it.id}
        columns={[
          {
            title: "Who",
            cell: (it) => (
              <Stack gap={0}>
                {it.device ? (
                  <Go to={`/devices/${encodeURIComponent(it.device)}`}>{it.device}</Go>
                ) : (
                  <Text size="sm">{it.claimedName ?? it.clientId ?? it.certificateSubject ?? "unknown"}</Text>
                )}
                <Text size="xs" c="dimmed">
                  {it.address}
                </Text>
              </Stack>
            ),
          },
          { title: "Where", wide: true, cell: (it) => it.stage },
          {
            title: "Why",
            roomy: true,
            cell: (it) => (
              <Stack gap={2}>
                <Text size="sm">{it.detail}</Text>
                <Text size="sm" c="dimmed">
                  {it.action}
                </Text>
                {it.certificateIssuer ? (
                  <Text size="xs" c="dimmed">
                    Certificate {it.certificateSubject ?? ""} of {it.certificateIssuer}
                  </Text>
                ) : null}
              </Stack>
            ),
          },
          {
            title: "Last",
            cell: (it) => (
              <>
                <Time at={it.lastAt} />
                {it.count > 1 ? `, ${it.count} times` : ""}
              </>
            ),
          },
        ]}
        empty={
          <Empty title={q || stage ? "Nothing like that" : "Nothing was refused"}>
            {q || stage
              ? "If the device says that it cannot connect, it may not reach this server: check name, port and firewall."
              : "Wrong certificates, forbidden topics and unknown names appear here with their reason."}
          </Empty>
        }
      />
    </Screen>
  );
}
