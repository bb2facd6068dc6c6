import { Badge, Button, Menu, Stack } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, take, type Schemas } from "../../api/client";
import { type Column, ListTable } from "../../list/ListTable";
import { useMe } from "../../session/session";
import { Clip } from "../../ui/Clip";
import { useConfirm } from "../../ui/confirm";
import { Empty, Facts, Page, Panel } from "../../ui/Page";
import { RowMenu } from "../../ui/RowMenu";
import { Time } from "../../ui/Time";
import { done } from "../../ui/toast";
import { PasswordForm } from "./Users";

type Session = Schemas["Session"];

/** One's own password and sessions. */
export function Account() {
  const me = useMe();
  const [changing, setChanging] = useState(false);
  return (
    <Page title="Your account">
      <Stack>
        <Panel title="You">
          <Facts
            items={[
              ["Name", me.name],
              ["Role", me.role],
              ["Devices", me.scope ? <code key="scope">{me.scope}</code> : "all"],
            ]}
          />
        </Panel>
        {me.kind === "user" ? (
          <Panel title="Password">
            {changing ? (
              <PasswordForm user={me.name} own onDone={() => setChanging(false)} />
            ) : (
              <Button variant="default" onClick={() => setChanging(true)}>
                Change your password
              </Button>
            )}
          </Panel>
        ) : null}
        <Panel title="Where you are signed in">
          <Sessions />
        </Panel>
      </Stack>
    </Page>
  );
}

function Sessions() {
  const client = useQueryClient();
  const confirm = useConfirm();
  const columns = useMemo<Column<Session>[]>(() => {
    const end = async (session: Session) => {
      const yes = await confirm({
        title: "End this session?",
        body: "Whoever uses it has to sign in again.",
        action: "End it",
        danger: true,
        run: () => take(api.DELETE("/api/v1/sessions/{id}", { params: { path: { id: session.id } } })),
      });
      if (yes) done("The session has ended.");
      await client.invalidateQueries({ queryKey: ["session"] });
    };
    return [
      {
        id: "agent",
        head: "Browser",
        cell: (session) => (
          <>
            <Clip>{session.userAgent ?? "unknown"}</Clip>{" "}
            {session.current ? (
              <Badge variant="outline" size="sm">
                this one
              </Badge>
            ) : null}
          </>
        ),
      },
      {
        id: "address",
        head: "Address",
        wide: true,
        cell: (session) => <Clip mono>{session.address ?? "–"}</Clip>,
      },
      { id: "used", head: "Last used", cell: (session) => <Time at={session.lastUsedAt} /> },
      { id: "created", head: "Signed in", wide: true, cell: (session) => <Time at={session.createdAt} /> },
      { id: "ends", head: "Ends", wide: true, cell: (session) => <Time at={session.expiresAt} /> },
      {
        id: "actions",
        head: "Actions",
        cell: (session) => (
          <RowMenu label={`Actions for the session from ${session.address ?? "unknown"}`}>
            <Menu.Item disabled={session.current} onClick={() => void end(session)}>
              End it…
            </Menu.Item>
          </RowMenu>
        ),
      },
    ];
  }, [client, confirm]);
  return (
    <ListTable<Session>
      label="Sessions"
      queryKey={["session", "list"]}
      load={(_, signal) => take(api.GET("/api/v1/sessions", { signal }))}
      columns={columns}
      rowId={(session) => String(session.id)}
      empty={
        <Empty title="No sessions">
          You are signed in without one: with a password or a token per request.
        </Empty>
      }
    />
  );
}
