// "Are you sure" with the effects named. `useConfirm` gives a function that answers once the user has.
import { Button, Group, List, Modal, Text, TextInput } from "@mantine/core";
import { createContext, type ReactNode, useCallback, useContext, useState } from "react";
import { asProblem, type ProblemError } from "../api/client";
import { Trouble } from "./Trouble";

export interface Question {
  title: string;
  /** What it means. */
  body?: ReactNode;
  /** One sentence per effect. */
  effects?: string[];
  /** On the button, a verb: "Revoke". */
  action: string;
  danger?: boolean;
  /** What must be typed first. */
  type?: string;
  /** Done while the dialog is open; a problem is shown in it. */
  run?: () => Promise<unknown>;
}

type Ask = (question: Question) => Promise<boolean>;
const Context = createContext<Ask | undefined>(undefined);

export function ConfirmProvider({ children }: { children: ReactNode }) {
  const [open, setOpen] = useState<{ question: Question; answer: (yes: boolean) => void }>();
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ProblemError>();

  const ask = useCallback<Ask>(
    (question) =>
      new Promise((answer) => {
        setTyped("");
        setProblem(undefined);
        setOpen({ question, answer });
      }),
    [],
  );
  const end = (yes: boolean) => {
    open?.answer(yes);
    setOpen(undefined);
  };
  const confirm = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      await open?.question.run?.();
      end(true);
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  };
  const question = open?.question;
  const held = question?.type !== undefined && typed !== question.type;

  return (
    <Context.Provider value={ask}>
      {children}
      <Modal
        opened={question !== undefined}
        onClose={() => end(false)}
        title={question?.title}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        {question ? (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              if (!held) void confirm();
            }}
          >
            {question.body ? (
              <Text size="sm" component="div" className="anywhere">
                {question.body}
              </Text>
            ) : null}
            {question.effects ? (
              <List size="sm" mt="xs" spacing={4}>
                {question.effects.map((effect) => (
                  <List.Item key={effect}>{effect}</List.Item>
                ))}
              </List>
            ) : null}
            {question.type !== undefined ? (
              <TextInput
                mt="md"
                label={`Type ${question.type} to go on`}
                value={typed}
                onChange={(event) => setTyped(event.currentTarget.value)}
                autoComplete="off"
                data-autofocus
              />
            ) : null}
            <Trouble error={problem} />
            <Group justify="flex-end" mt="lg" gap={8}>
              <Button variant="default" onClick={() => end(false)}>
                Cancel
              </Button>
              <Button
                type="submit"
                color={question.danger ? "red.9" : undefined}
                disabled={held}
                loading={busy}
                data-autofocus={question.type === undefined ? true : undefined}
              >
                {question.action}
              </Button>
            </Group>
          </form>
        ) : null}
      </Modal>
    </Context.Provider>
  );
}

/** Asks, and answers whether it was confirmed (and done, where `run` is given). */
export function useConfirm(): Ask {
  const ask = useContext(Context);
  if (!ask) throw new Error("useConfirm needs a ConfirmProvider");
  return ask;
}
