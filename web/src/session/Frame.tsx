import { Paper, Title } from "@mantine/core";
import { type ReactNode, useEffect } from "react";
import { Logo } from "../ui/Logo";
import classes from "./frame.module.css";

/** A card in the middle of an otherwise empty page. */
export function Frame({
  title,
  wide = false,
  children,
}: {
  title: string;
  wide?: boolean;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Windlass`;
  }, [title]);
  return (
    <main className={classes.page} id="main">
      <div className={wide ? classes.wide : classes.column}>
        <div className={classes.brand}>
          <Logo size={34} /> Windlass
        </div>
        <Paper withBorder p="lg" radius={8} className={classes.card}>
          <Title order={1} mb="md">
            {title}
          </Title>
          {children}
        </Paper>
      </div>
    </main>
  );
}
