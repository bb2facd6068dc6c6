// Those who may sign in, of one kind: their list, what can be done to each, and how another one is let in.
// Does not know whether they are people or programs.
import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useCallback, useMemo, useState } from "react";
import type { Page as ApiPage } from "../../api/client";
import { type Column, ListTable } from "../../list/ListTable";
import { type Question, useConfirm } from "../../ui/confirm";
import { Dialog } from "../../ui/Dialog";
import { Empty, Page } from "../../ui/Page";
import { RowMenu } from "../../ui/RowMenu";
import { done } from "../../ui/toast";

interface AdmittedProps<T> {
  title: string;
  subtitle: string;
  /** First element of the queries' keys. */
  kind: string;
  load: (cursor: string | undefined, signal: AbortSignal) => Promise<ApiPage<T>>;
  columns: Column<T>[];
  rowId: (item: T) => string;
  nameOf: (item: T) => string;
  /** What the menu of a row offers. */
  menu: (item: T) => ReactNode;
  /** On the button and over the dialog. */
  adding: string;
  form: (close: () => void) => ReactNode;
  /** What is said while there are none: a few words, and what to do. */
  empty: [title: string, what: string];
  children?: ReactNode;
}

export function Admitted<T>(props: AdmittedProps<T>) {
  const { kind, nameOf, menu, columns } = props;
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const withMenu = useMemo<Column<T>[]>(
    () => [
      ...columns,
      {
        id: "actions",
        head: "Actions",
        cell: (item) => <RowMenu label={`Actions for ${nameOf(item)}`}>{menu(item)}</RowMenu>,
      },
    ],
    [columns, nameOf, menu],
  );
  const close = () => {
    setAdding(false);
    void client.invalidateQueries({ queryKey: [kind] });
  };
  return (
    <Page
      title={props.title}
      subtitle={props.subtitle}
      actions={<Button onClick={() => setAdding(true)}>{props.adding}</Button>}
    >
      <ListTable<T>
        label={props.title}
        queryKey={[kind, "list"]}
        load={props.load}
        columns={withMenu}
        rowId={props.rowId}
        empty={<Empty title={props.empty[0]}>{props.empty[1]}</Empty>}
      />
      <Dialog opened={adding} onClose={() => setAdding(false)} title={props.adding} size="lg">
        {props.form(close)}
      </Dialog>
      {props.children}
    </Page>
  );
}

/** Asks before something ends, ends it, says so, and has the lists of that kind fetched again. */
export function useEnding(kind: string): (question: Question, said: string) => Promise<void> {
  const client = useQueryClient();
  const confirm = useConfirm();
  return useCallback(
    async (question, said) => {
      if (await confirm({ ...question, danger: true })) done(said);
      await client.invalidateQueries({ queryKey: [kind] });
    },
    [client, confirm, kind],
  );
}
