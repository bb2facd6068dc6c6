import { Modal } from "@mantine/core";
import type { ReactNode } from "react";

interface DialogProps {
  title: string;
  opened: boolean;
  onClose: () => void;
  size?: "lg" | "xl";
  /** A click beside it does not close it: what it holds would be lost. */
  held?: boolean;
  children: ReactNode;
}

/** A window over the page; its content exists only while it is open. */
export function Dialog({ title, opened, onClose, size, held = false, children }: DialogProps) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={title}
      size={size}
      closeOnClickOutside={!held}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {opened ? children : null}
    </Modal>
  );
}
