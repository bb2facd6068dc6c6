/** Static groups: `/groups`. */
import { useState } from "react";

import { Button, Group, Stack, TextInput } from "@mantine/core";

import { quoted } from "../../api/query";
import { fault, path, request, useAct, useList, type Schemas } from "../../kit/api";
import { SaveForm } from "../../kit/kept";
import { Go } from "../../kit/nav";
import { Confirmed, Empty, Listing, Screen, Trouble } from "../../kit/parts";
import { useCan } from "../../session/session";
import { Dialog } from "../../ui/Dialog";
import { Time } from "../../ui/Time";
import { counted } from "../../ui/format";

type FleetGroup = Schemas["Group"];

export function Groups() {
  const may = useCan();
  const list = useList<FleetGroup>(path("groups"));
  const [open, setOpen] = useState<{ path: string; description: string; isNew: boolean } | null>(null);
  const [filling, setFilling] = useState<string | null>(null);
  const remove = useAct<string, unknown>(
    (group) => request("DELETE", path("groups", group)),
    [path("groups")],
  );
  const make = may("group.write") ? (
    <Button onClick={() => setOpen({ path: "", description: "", isNew: true })}>New group</Button>
  ) : null;
  return (
    <Screen
      title="Groups"
      about="Devices put together by hand. For what changes by itself use a query or a tag."
      actions={make}
    >
      <Listing
        label="Groups"
        list={list}
        keyOf={(it) => it.path}
        columns={[
          {
            title: "Group",
            cell: (it) => (
              <Go to={`/devices?q=${encodeURIComponent(`group==${quoted(it.path)}`)}`}>{it.path}</Go>
            ),
          },
          { title: "Devices", cell: (it) => it.deviceCount.toLocaleString("en") },
          { title: "Description", wide: true, cell: (it) => it.description },
          { title: "Made", wide: true, cell: (it) => <Time at={it.createdAt} /> },
          {
            title: "Actions",
            cell: (it) =>
              may("group.write") ? (
                <Group gap="xs">
                  <Button size="compact-sm" variant="light" onClick={() => setFilling(it.path)}>
                    Members
                  </Button>
                  <Button size="compact-sm" variant="light" onClick={() => setOpen({ ...it, isNew: false })}>
                    Describe
                  </Button>
                  <Confirmed
                    label="Delete"
                    title="Delete this group?"
                    act={() => remove.mutateAsync(it.path)}
                  >
                    {it.path} goes; its {counted(it.deviceCount, "device")} stay.
                  </Confirmed>
                </Group>
              ) : null,
          },
        ]}
        empty={
          <Empty title="No group yet" action={make}>
            Groups form a tree: eu/berlin/plant-3 is part of eu/berlin.
          </Empty>
        }
      />
      <Dialog
        opened={open !== null}
        onClose={() => setOpen(null)}
        title={open?.isNew ? "New group" : (open?.path ?? "")}
      >
        {open ? <Editor {...open} done={() => setOpen(null)} /> : null}
      </Dialog>
      <Dialog
        opened={filling !== null}
        onClose={() => setFilling(null)}
        title={`Members of ${filling ?? ""}`}
      >
        {filling ? <Members group={filling} done={() => setFilling(null)} /> : null}
      </Dialog>
    </Screen>
  );
}

function Editor(props: { path: string; description: string; isNew: boolean; done: () => void }) {
  const [group, setGroup] = useState(props.path);
  const [description, setDescription] = useState(props.description);
  const save = useAct<void, unknown>(
    () =>
      props.isNew
        ? request("POST", path("groups"), { body: { path: group, description } })
        : request("PUT", path("groups", group), { body: { description } }),
    [path("groups")],
    props.done,
  );
  return (
    <SaveForm save={save} shown={["path", "description"]}>
      {props.isNew ? (
        <TextInput
          label="Path"
          description="Up to 8 parts joined by /, such as eu/berlin."
          required
          data-autofocus
          value={group}
          onChange={(event) => setGroup(event.currentTarget.value)}
          error={fault(save.error, "path")}
        />
      ) : null}
      <TextInput
        label="Description"
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
        error={fault(save.error, "description")}
      />
    </SaveForm>
  );
}

function Members({ group, done }: { group: string; done: () => void }) {
  const [query, setQuery] = useState("");
  const [names, setNames] = useState("");
  const list = (text: string) => text.split(/[\s,;]+/).filter((name) => name !== "");
  const save = useAct<"add" | "remove", Schemas["BulkResult"]>(
    (what) =>
      request("POST", path("groups", group, "members"), {
        body: {
          [what]: list(names),
          ...(what === "add" && query.trim() ? { addMatching: query.trim() } : {}),
        },
      }),
    [path("groups"), path("devices")],
    done,
  );
  return (
    <Stack>
      <TextInput
        label="All that match a query"
        placeholder="type==pump;attribute.site==berlin"
        value={query}
        onChange={(event) => setQuery(event.currentTarget.value)}
        error={fault(save.error, "addMatching")}
      />
      <TextInput
        label="These devices"
        description="Names with spaces or commas between them."
        value={names}
        onChange={(event) => setNames(event.currentTarget.value)}
      />
      <Trouble problem={save.error} shown={["addMatching"]} />
      <Group justify="flex-end">
        <Button variant="default" disabled={!names.trim()} onClick={() => save.mutate("remove")}>
          Remove these
        </Button>
        <Button
          disabled={!names.trim() && !query.trim()}
          loading={save.isPending}
          onClick={() => save.mutate("add")}
        >
          Add
        </Button>
      </Group>
    </Stack>
  );
}
