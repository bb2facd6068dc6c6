/** A second person's yes or no, with a remark that stays with what was decided. */
import { type ReactNode, useState } from "react";

import { Button, Group, Text, Textarea } from "@mantine/core";

import { fault, request, useAct, type Schemas } from "../../kit/api";
import { SaveForm } from "../../kit/kept";
import { Dialog } from "../../ui/Dialog";

type Word = "approve" | "deny";

/** What somebody may say; nothing where there is nothing to decide. */
type May = Schemas["Approval"]["may"] | undefined;

const WORDS: Record<Word, string> = { approve: "Approve", deny: "Deny" };

/** Something that waits for a second person. */
type Waiting = {
  /** What it is called, as in “Approve this rollout?”. */
  name: string;
  /** Its place in the API. */
  target: string;
  version: number;
  /** What it is and what comes of the word, in the dialog. */
  means: Record<Word, ReactNode>;
};

/**
 * The buttons for what may be said. To be kept where it is when that becomes nothing: whoever has the dialog open then is
 * told by the server's refusal, and keeps the remark.
 */
export function Decision({ may, ...waiting }: Waiting & { may: May }) {
  // What is decided is what was shown when the dialog opened, whatever comes meanwhile.
  const [open, setOpen] = useState<(Waiting & { word: Word }) | null>(null);
  const close = () => setOpen(null);
  return (
    <>
      {may === "both" || may === "deny" ? (
        <Group gap="xs">
          {may === "both" ? (
            <Button size="compact-sm" onClick={() => setOpen({ ...waiting, word: "approve" })}>
              {WORDS.approve}
            </Button>
          ) : null}
          <Button size="compact-sm" variant="default" onClick={() => setOpen({ ...waiting, word: "deny" })}>
            {WORDS.deny}
          </Button>
        </Group>
      ) : null}
      <Dialog
        opened={open !== null}
        onClose={close}
        title={open ? `${WORDS[open.word]} ${open.name}?` : ""}
        held
      >
        {open ? <Form {...open} done={close} /> : null}
      </Dialog>
    </>
  );
}

function Form(props: Waiting & { word: Word; done: () => void }) {
  const { target, version, means, word, done } = props;
  const [remark, setRemark] = useState("");
  const decide = useAct<void, unknown>(
    () =>
      request("POST", `${target}/${word}`, {
        headers: { "if-match": `"${version}"` },
        body: { remark: remark.trim() },
      }),
    [target],
    done,
  );
  return (
    <SaveForm save={decide} shown={["remark"]} label={WORDS[word]} cancel={done}>
      <Text size="sm" className="anywhere">
        {means[word]}
      </Text>
      <Textarea
        label="Remark"
        description="For whoever reads it later; may be empty."
        autosize
        minRows={2}
        maxRows={8}
        data-autofocus
        value={remark}
        onChange={(event) => setRemark(event.currentTarget.value)}
        error={fault(decide.error, "remark")}
      />
    </SaveForm>
  );
}
