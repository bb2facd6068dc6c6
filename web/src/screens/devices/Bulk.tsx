// What is done to all selected devices at once. The server is given a query, never the rows of a page, so that
// "all matching" means all of them.
import { Button, Group, Modal, Stack, TagsInput, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, take } from "../../api/client";
import type { Selection } from "../../list/ListTable";
import { useCan } from "../../session/session";
import { counted } from "../../ui/format";
import { useApiForm } from "../../ui/form";
import { done } from "../../ui/toast";
import { Trouble } from "../../ui/Trouble";
import { CommandForm } from "../device/CommandForm";
import { queryOf } from "./selection";

interface BulkProps {
  selection: Selection;
  query: string;
  total: number;
  onDone: () => void;
}

export function Bulk({ selection, query, total, onDone }: BulkProps) {
  const can = useCan();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [open, setOpen] = useState<"tags" | "command">();
  const q = queryOf(selection, query);
  return (
    <>
      {can("device.write") ? (
        <Button size="xs" variant="default" onClick={() => setOpen("tags")}>
          Tags…
        </Button>
      ) : null}
      {can("job.create") ? (
        <Button size="xs" variant="default" onClick={() => setOpen("command")}>
          Command…
        </Button>
      ) : null}
      {can("job.create") ? (
        <Button size="xs" variant="default" onClick={() => void navigate({ to: "/jobs/new", search: { q } })}>
          Rollout…
        </Button>
      ) : null}
      <Modal
        opened={open === "tags"}
        onClose={() => setOpen(undefined)}
        title={`Tags of ${counted(total, "device")}`}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <TagsForm
          q={q}
          onDone={() => {
            setOpen(undefined);
            void client.invalidateQueries({ queryKey: ["device"] });
            onDone();
          }}
        />
      </Modal>
      <Modal
        opened={open === "command"}
        onClose={() => setOpen(undefined)}
        title={`Run a command on ${counted(total, "device")}`}
        size="lg"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <CommandForm
          submitLabel={`Run on ${counted(total, "device")}`}
          onSubmit={async (command) => {
            const targets = selection.allMatching ? { query } : { devices: [...selection.picked] };
            const job = await take(api.POST("/api/v1/jobs", { body: { kind: "command", targets, command } }));
            done(`Job ${job.id} runs the command on ${counted(total, "device")}.`);
            setOpen(undefined);
            onDone();
            void navigate({ to: "/jobs/$id", params: { id: String(job.id) } });
          }}
        />
      </Modal>
    </>
  );
}

function TagsForm({ q, onDone }: { q: string; onDone: () => void }) {
  const form = useApiForm({
    initial: { add: [] as string[], remove: [] as string[] },
    fields: ["add", "remove"],
    submit: async ({ add, remove }) => {
      const result = await take(api.POST("/api/v1/devices/tags", { body: { q, add, remove } }));
      done(`${counted(result.changed, "device")} changed, of ${result.matched} that matched.`);
      onDone();
    },
  });
  return (
    <form onSubmit={(event) => void form.submit(event)}>
      <Stack gap="sm">
        <TagsInput
          label="Add"
          placeholder="A word, then Enter"
          value={form.values.add}
          onChange={(add) => form.set({ add })}
          error={form.fieldError("add")}
          splitChars={[","]}
          acceptValueOnBlur
          data-autofocus
        />
        <TagsInput
          label="Remove"
          placeholder="A word, then Enter"
          value={form.values.remove}
          onChange={(remove) => form.set({ remove })}
          error={form.fieldError("remove")}
          splitChars={[","]}
          acceptValueOnBlur
        />
        <Text size="xs" c="dimmed">
          One audit record says what was changed, with the query and the count.
        </Text>
        <Trouble error={form.problem} />
        <Group justify="flex-end">
          <Button
            type="submit"
            loading={form.busy}
            disabled={form.values.add.length + form.values.remove.length === 0}
          >
            Change the tags
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
