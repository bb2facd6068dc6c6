import { Group, Text, Title } from "@mantine/core";
import { type ReactNode, useEffect } from "react";
import classes from "./ui.module.css";

interface PageProps {
  /** Also the title of the browser's tab. */
  title: string;
  /** Above the title: where this belongs. */
  trail?: ReactNode;
  subtitle?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** What every screen begins with. */
export function Page({ title, trail, subtitle, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Windlass`;
  }, [title]);
  return (
    <>
      <div className={classes.pageHead}>
        <div className={classes.pageTitle}>
          {trail ? (
            <Text size="sm" c="dimmed" component="div">
              {trail}
            </Text>
          ) : null}
          <Title order={1} className="anywhere" dir="auto">
            {title}
          </Title>
          {subtitle ? (
            <Text size="sm" c="dimmed" component="div" mt={2}>
              {subtitle}
            </Text>
          ) : null}
        </div>
        {actions ? <Group gap={8}>{actions}</Group> : null}
      </div>
      {children}
    </>
  );
}

/** A titled part of a screen. */
export function Panel({
  title,
  actions,
  children,
}: {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className={classes.panel} aria-label={title}>
      <div className={classes.panelHead}>
        <Title order={2}>{title}</Title>
        {actions ? <Group gap={8}>{actions}</Group> : null}
      </div>
      {children}
    </section>
  );
}

/** Names and values, in two columns. */
export function Facts({ items }: { items: [name: string, value: ReactNode][] }) {
  return (
    <dl className={classes.facts}>
      {items.map(([name, value]) => (
        <div key={name} style={{ display: "contents" }}>
          <dt>{name}</dt>
          <dd dir="auto">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Nothing here yet, and what to do next. */
export function Empty({
  title,
  children,
  action,
}: {
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className={classes.empty}>
      <Text fw={600} mb={4}>
        {title}
      </Text>
      {children ? (
        <Text size="sm" c="dimmed" component="div">
          {children}
        </Text>
      ) : null}
      {action ? (
        <Group justify="center" mt="md">
          {action}
        </Group>
      ) : null}
    </div>
  );
}
