import { ActionIcon, CopyButton, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "./icons";
import classes from "./ui.module.css";

/** Text to be used elsewhere, with a button that copies it. */
export function Snippet({ text, label }: { text: string; label: string }) {
  return (
    <div className={classes.snippet}>
      <pre className={classes.code} tabIndex={0} aria-label={label}>
        <code>{text}</code>
      </pre>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? "Copied" : "Copy"} position="left">
            <ActionIcon
              className={classes.copy}
              variant="default"
              onClick={copy}
              aria-label={copied ? "Copied" : `Copy ${label}`}
            >
              {copied ? <IconCheck /> : <IconCopy />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </div>
  );
}
