/** Small parts that every screen of operations is made of. Ask the server nothing. */
import { type ReactNode, useEffect } from "react";

import {
  ActionIcon,
  Alert,
  type AlertProps,
  Button,
  Code,
  CopyButton,
  Group,
  Loader,
  Skeleton,
  Stack,
  Table,
  Text,
  Tooltip,
} from "@mantine/core";

import { useLocation } from "@tanstack/react-router";

import type { ProblemError } from "../api/client";
import { useConfirm } from "../ui/confirm";
import { IconCheck, IconCopy } from "../ui/icons";
import { Empty, Page } from "../ui/Page";
import { Trouble as AnyTrouble } from "../ui/Trouble";

import { GoButton } from "./nav";

export { Empty };

/** A screen: its heading, what can be done on it, and its content. */
export function Screen(props: {
  title: string;
  about?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <Page title={props.title} subtitle={props.about} actions={props.actions}>
      <Stack gap="lg">{props.children}</Stack>
    </Page>
  );
}

/** Why the server refused, unless every bad field says it itself. */
export function Trouble({
  problem,
  shown = [],
}: {
  problem: ProblemError | null | undefined;
  shown?: string[];
}) {
  const said = problem?.fields.length && problem.fields.every((it) => shown.includes(it.field));
  return said ? null : <AnyTrouble error={problem} />;
}

/** Brings the first field that is wrong into sight and under the keyboard, once a form was refused. */
export function useFaultInSight(refused: unknown) {
  useEffect(() => {
    if (refused) document.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [refused]);
}

export type Column<T> = {
  title: string;
  cell: (row: T) => ReactNode;
  /** Left out on a phone. */
  wide?: boolean;
  /** For sentences. */
  roomy?: boolean;
};

/** A table with what it says while loading, empty or refused. */
export function Listing<T>(props: {
  label: string;
  list: {
    items: T[];
    problem?: ProblemError | null;
    loading: boolean;
    more?: boolean | undefined;
    loadMore?: () => void;
    /** More was asked for and is on its way. */
    loadingMore?: boolean;
  };
  columns: Column<T>[];
  keyOf: (row: T) => string | number;
  empty: ReactNode;
}) {
  const { items, problem, loading, more, loadMore, loadingMore = false } = props.list;
  if (problem) return <AnyTrouble error={problem} />;
  if (loading) {
    return (
      <Stack gap="xs" aria-busy="true">
        {[1, 2, 3].map((line) => (
          <Skeleton key={line} height={28} />
        ))}
      </Stack>
    );
  }
  if (items.length === 0) return props.empty;
  return (
    <Stack gap="sm">
      <Table.ScrollContainer minWidth={300} type="native" tabIndex={0} role="region" aria-label={props.label}>
        <Table highlightOnHover verticalSpacing="xs" aria-label={props.label}>
          <Table.Thead>
            <Table.Tr>
              {props.columns.map((column) => (
                <Table.Th key={column.title} {...(column.wide ? { visibleFrom: "sm" } : {})}>
                  {column.title}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((row) => (
              <Table.Tr key={props.keyOf(row)}>
                {props.columns.map((column) => (
                  <Table.Td
                    key={column.title}
                    style={{ overflowWrap: "anywhere", minWidth: column.roomy ? 160 : 88 }}
                    {...(column.wide ? { visibleFrom: "sm" } : {})}
                  >
                    {column.cell(row)}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {more ? (
        <Group justify="center">
          <Button variant="default" onClick={loadMore} loading={loadingMore}>
            Show more
          </Button>
        </Group>
      ) : null}
    </Stack>
  );
}

/** One record once it is there; until then that it is coming, or why it is not. */
export function Loaded<T>(props: {
  record: { data: T | undefined; error: ProblemError | null; refetch: () => unknown };
  children: (data: T) => ReactNode;
}) {
  const { data, error, refetch } = props.record;
  if (data !== undefined) return props.children(data);
  if (error?.status === 404) return <NothingHere problem={error} />;
  if (error) return <AnyTrouble error={error} onRetry={() => void refetch()} />;
  return <Loader aria-label="Loading" />;
}

/** Where to look for what an address does not have, by its first part. */
const LISTS: Record<string, string> = {
  devices: "Devices",
  jobs: "Rollouts",
  releases: "Releases",
  types: "Device types",
};

/** The page of an address that nothing is at: of no thing at all, or of one that is gone. */
function NothingHere({ problem }: { problem: ProblemError }) {
  const [, list = ""] = useLocation().pathname.split("/");
  const [to, label] = LISTS[list] ? [`/${list}`, LISTS[list]] : ["/", "Overview"];
  return (
    <Screen title="Nothing is here">
      <Text>
        {problem.code === "path.not_found" ? "No page of the console has this address." : problem.detail}
      </Text>
      <Group>
        <GoButton to={to} quiet>
          {label}
        </GoButton>
      </Group>
    </Screen>
  );
}

/** Something to be told in passing; the colour never carries the meaning alone. */
export function Notice(props: AlertProps) {
  return <Alert variant="light" styles={{ title: { color: "var(--mantine-color-text)" } }} {...props} />;
}

/** A screen for those whose role does not allow what it is for, before they have filled it in. */
export const NotAllowed = ({ title, who }: { title: string; who: string }) => (
  <Screen title={title}>
    <Notice title="Your role does not allow it">{who}</Notice>
  </Screen>
);

/** A button for what cannot be done as things stand: it does nothing, and says why to whoever comes near it. */
export const Held = ({ label, why }: { label: string; why: string }) => (
  <Tooltip label={why} multiline maw={300} events={{ hover: true, focus: true, touch: true }}>
    <Button
      size="compact-sm"
      variant="default"
      data-disabled
      aria-disabled
      onClick={(event) => event.preventDefault()}
    >
      {label}
    </Button>
  </Tooltip>
);

/** A button that asks first, in one sentence, and shows why it was refused. */
export function Confirmed(props: {
  label: string;
  title: string;
  children: ReactNode;
  act: () => Promise<unknown>;
  danger?: boolean;
  /** Why it cannot be done as things stand, where that is known before. */
  held?: string | null | undefined;
}) {
  const ask = useConfirm();
  if (props.held) return <Held label={props.label} why={props.held} />;
  return (
    <Button
      size="compact-sm"
      variant="default"
      onClick={() =>
        void ask({
          title: props.title,
          body: props.children,
          action: props.label,
          danger: props.danger ?? true,
          run: props.act,
        })
      }
    >
      {props.label}
    </Button>
  );
}

/** A digest or fingerprint: its beginning, and a way to copy all of it. */
export const Digest = ({ value, label = "digest" }: { value: string; label?: string }) => (
  <Group gap={4} wrap="nowrap">
    <Code title={value} style={{ whiteSpace: "nowrap" }}>
      {value.slice(0, 12)}…
    </Code>
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <ActionIcon
          variant="subtle"
          size="sm"
          onClick={copy}
          aria-label={copied ? "Copied" : `Copy ${label}`}
        >
          {copied ? <IconCheck /> : <IconCopy />}
        </ActionIcon>
      )}
    </CopyButton>
  </Group>
);
