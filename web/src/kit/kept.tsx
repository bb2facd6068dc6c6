/**
 * Things that are kept under a name and changed in a dialog: their list, with what can be done to each, and the editor.
 *
 * Does not know what is kept. An editor saves with `useAct` and is drawn with `SaveForm`.
 */
import { type ReactNode, useState } from "react";

import { Button, Group, Stack } from "@mantine/core";

import { Dialog } from "../ui/Dialog";
import { path, request, useAct, type ListOf, type ProblemError } from "./api";
import { Confirmed, Empty, Listing, Trouble, useFaultInSight, type Column } from "./parts";

export function Kept<T extends { name: string }, E extends { version?: number | undefined }>(props: {
  label: string;
  /** The part of the API's path that they are under. */
  under: string;
  list: ListOf<T>;
  columns: Column<T>[];
  /** Whether they may be made, changed and deleted. */
  writable: boolean;
  /** What one is called, as in “New template”. */
  noun: string;
  start: E;
  edit: (kept: T) => E;
  /** What deleting one means. */
  deleting: (kept: T) => string;
  /** What they are good for, while there is none. */
  about: string;
  editor: (start: E, done: () => void) => ReactNode;
}) {
  const { list, noun, under } = props;
  const [open, setOpen] = useState<{ start: E; title: string } | null>(null);
  const remove = useAct<string, unknown>((name) => request("DELETE", path(under, name)), [path(under)]);
  const make = props.writable ? (
    <Button onClick={() => setOpen({ start: props.start, title: `New ${noun}` })}>New {noun}</Button>
  ) : null;
  const actions: Column<T> = {
    title: "Actions",
    cell: (kept) => (
      <Group gap="xs">
        <Button
          size="compact-sm"
          variant="light"
          onClick={() => setOpen({ start: props.edit(kept), title: kept.name })}
        >
          Change
        </Button>
        <Confirmed label="Delete" title={`Delete this ${noun}?`} act={() => remove.mutateAsync(kept.name)}>
          {props.deleting(kept)}
        </Confirmed>
      </Group>
    ),
  };
  return (
    <Stack>
      <Group justify="flex-end">{list.items.length > 0 ? make : null}</Group>
      <Listing
        label={props.label}
        list={list}
        keyOf={(kept) => kept.name}
        columns={props.writable ? [...props.columns, actions] : props.columns}
        empty={
          <Empty title={`No ${noun} yet`} action={make}>
            {props.about}
          </Empty>
        }
      />
      <Dialog opened={open !== null} onClose={() => setOpen(null)} title={open?.title ?? ""} size="xl" held>
        {open ? props.editor(open.start, () => setOpen(null)) : null}
      </Dialog>
    </Stack>
  );
}

/** A form that saves one thing; what is wrong with it is said above the button unless its field says so. */
export function SaveForm(props: {
  save: { mutate: () => void; isPending: boolean; error: ProblemError | null };
  /** The API's names of the fields that show their own error. */
  shown: string[];
  /** Whether it can be sent as it is. */
  ready?: boolean;
  label?: string;
  /** Whether it takes something away. */
  danger?: boolean;
  /** Leaves it without saving, where a button shall say so. */
  cancel?: () => void;
  /** What that button says where “Cancel” could mean something else. */
  cancelLabel?: string;
  children: ReactNode;
}) {
  const { save, ready = true } = props;
  useFaultInSight(save.error);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) save.mutate();
      }}
    >
      <Stack>
        {props.children}
        <Trouble problem={save.error} shown={props.shown} />
        <Group justify="flex-end" gap="xs">
          {props.cancel ? (
            <Button variant="default" onClick={props.cancel}>
              {props.cancelLabel ?? "Cancel"}
            </Button>
          ) : null}
          <Button type="submit" loading={save.isPending} {...(props.danger ? { color: "red.9" } : {})}>
            {props.label ?? "Save"}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
