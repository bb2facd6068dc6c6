import type { ReactNode } from "react";
import { IconWarning } from "./icons";
import classes from "./ui.module.css";

interface NoteProps {
  tone: "warn" | "bad";
  title: string;
  children: ReactNode;
  /** `alert` for what has just happened. */
  role?: "alert" | "note";
}

/** Something that must not be overlooked. */
export function Note({ tone, title, children, role = "note" }: NoteProps) {
  return (
    <div className={classes.note} data-tone={tone} role={role}>
      <span className={classes.noteIcon}>
        <IconWarning />
      </span>
      <div className={classes.noteBody}>
        <strong className="anywhere">{title}</strong>
        {children}
      </div>
    </div>
  );
}
