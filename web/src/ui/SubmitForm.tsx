import { Button, Group, Stack } from "@mantine/core";
import type { ReactNode } from "react";
import type { ApiForm } from "./form";
import { Trouble } from "./Trouble";

/** An `ApiForm` as it is drawn: its fields, what is wrong with the whole, and the one button that sends it. */
export function SubmitForm<V>({
  form,
  label,
  children,
}: {
  form: ApiForm<V>;
  label: string;
  children: ReactNode;
}) {
  return (
    <form onSubmit={(event) => void form.submit(event)}>
      <Stack gap="sm">
        {children}
        <Trouble error={form.problem} />
        <Group justify="flex-end">
          <Button type="submit" loading={form.busy}>
            {label}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
