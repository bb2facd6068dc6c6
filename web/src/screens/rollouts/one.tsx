/** What can be done about a job on one device: agree in place of its user, ask it to stop, end it without its word. */
import { Button, Group } from "@mantine/core";

import { path, request, useAct, type Schemas } from "../../kit/api";
import { Confirmed, Trouble } from "../../kit/parts";
import { Time } from "../../ui/Time";

type Execution = Pick<Schemas["Execution"], "id" | "outcome" | "consentAwaited" | "cancelAskedAt" | "device">;

export function OneDevice({ execution }: { execution: Execution }) {
  const { id } = execution;
  // The page of a device shows its updates under the device's own key.
  const touched = [path("jobs"), path("executions"), path("devices")];
  const confirm = useAct<void, unknown>(() => request("POST", path("executions", id, "confirm")), touched);
  const cancel = useAct<boolean, unknown>(
    (force) => request("POST", path("executions", id, "cancel"), { query: { force: force || undefined } }),
    touched,
  );
  if (execution.outcome !== "open") return null;
  const device = execution.device ?? "the device";
  return (
    <Group gap="xs">
      {execution.consentAwaited ? (
        <Button
          size="compact-sm"
          variant="default"
          loading={confirm.isPending}
          onClick={() => confirm.mutate()}
        >
          Agree for it
        </Button>
      ) : null}
      {execution.cancelAskedAt ? (
        <Confirmed
          label="End it"
          title={`End it on ${device} without its word?`}
          act={() => cancel.mutateAsync(true)}
        >
          The device was asked to stop <Time at={execution.cancelAskedAt} /> and has not answered. It may
          install the update all the same.
        </Confirmed>
      ) : (
        <Confirmed label="Stop" title={`Ask ${device} to stop?`} act={() => cancel.mutateAsync(false)}>
          What has not begun ends at once; a device that is at work on it may refuse.
        </Confirmed>
      )}
      <Trouble problem={confirm.error} />
    </Group>
  );
}
