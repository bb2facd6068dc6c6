/** A lasting link to a file, for helpers that have no credential, such as SWUpdate's handler of deltas. */
import { useState } from "react";

import { Button, Group, Stack, Text } from "@mantine/core";

import { path, ProblemError, request, useAct, useRecord, type Schemas } from "../../kit/api";
import { Confirmed, Trouble } from "../../kit/parts";
import { Dialog } from "../../ui/Dialog";
import { bytes } from "../../ui/format";
import { Snippet } from "../../ui/Snippet";

type Link = Schemas["ArtifactLink"];

export function LastingLink({ artifact }: { artifact: { id: number; name: string } }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button size="compact-xs" variant="subtle" onClick={() => setOpen(true)}>
        Lasting link…
      </Button>
      <Dialog
        opened={open}
        onClose={() => setOpen(false)}
        title={`Lasting link to ${artifact.name}`}
        size="lg"
      >
        <Content id={artifact.id} />
      </Dialog>
    </>
  );
}

function Content({ id }: { id: number }) {
  const target = path("artifacts", id, "link");
  const link = useRecord<Link>(target);
  const make = useAct<void, Link>(() => request("PUT", target), [path("artifacts")]);
  const remove = useAct<void, unknown>(() => request("DELETE", target), [path("artifacts")]);
  const none = link.error instanceof ProblemError && link.error.status === 404;
  const there = none ? undefined : link.data;
  return (
    <Stack gap="sm">
      <Text size="sm">
        Whoever has it downloads the file without any other credential, until it is taken away. A signed
        description may name it, so that devices fetch from there only the parts that they lack.
      </Text>
      {there ? (
        <>
          <Snippet text={there.url ?? window.location.origin + there.path} label="the link" />
          <Text size="sm" c="dimmed">
            {bytes(there.sentBytes)} went out over it since the server started.
          </Text>
          <Group>
            <Confirmed label="Take it away" title="Take the link away?" act={() => remove.mutateAsync()}>
              Devices that know it are refused from now on.
            </Confirmed>
          </Group>
        </>
      ) : none ? (
        <Group>
          <Button loading={make.isPending} onClick={() => make.mutate()}>
            Make one
          </Button>
        </Group>
      ) : (
        <Trouble problem={link.error} />
      )}
      <Trouble problem={make.error} />
    </Stack>
  );
}
