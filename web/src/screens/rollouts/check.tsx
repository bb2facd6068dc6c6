/** The last step: the sentence that says what will happen, and what the server finds when it only looks. */
import { useState } from "react";

import { Anchor, Button, Group, Loader, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { useNow } from "../../api/live";
import { path, request, type ProblemError, type Schemas } from "../../kit/api";
import { Listing, Notice, Trouble } from "../../kit/parts";
import { bytes, count, counted, sentence } from "../../ui/format";
import { Facts } from "../../ui/Page";
import { Time } from "../../ui/Time";
import { Why } from "../../ui/Why";
import type { Draft } from "./draft";
import { EachDevice, WouldBe, type Which } from "./each";
import type { Change } from "./fields";
import { toJob } from "./request";
import { summary } from "./sentence";

type Preview = Schemas["JobPreview"];

/** What is asked for, whatever it is called. */
const wantedOf = (draft: Draft) => ({ ...toJob(draft), description: "" });

/**
 * What a draft would do, as of when its last step was shown for the `visit`th time. `null` for a draft that misses something.
 * The server looks at many devices for it, so a rollout under way does not ask again.
 */
export function usePreview(draft: Draft | null, visit: number, shown: boolean) {
  const wanted = draft && wantedOf(draft);
  return useQuery<Preview, ProblemError>({
    queryKey: ["dryRun", "clusters", visit, wanted],
    queryFn: ({ signal }) => request<Preview>("POST", path("jobs", "preview"), { body: wanted, signal }),
    enabled: shown && wanted !== null,
    retry: false,
    staleTime: "static",
    gcTime: 0,
  });
}

export function Check(props: { draft: Draft; change: Change; preview: ReturnType<typeof usePreview> }) {
  const { draft, change, preview } = props;
  const found = preview.data;
  return (
    <Stack maw={860} mt="md">
      {found ? (
        <Text size="lg" data-testid="summary" className="anywhere">
          {summary(draft, found.targets)}
        </Text>
      ) : null}
      <Trouble problem={preview.error} />
      {preview.isPending ? (
        <Group gap="xs">
          <Loader size="xs" aria-hidden="true" />
          <Text size="sm" c="dimmed" role="status">
            Looking at each device…
          </Text>
        </Group>
      ) : null}
      {found ? <Found preview={found} wanted={wantedOf(draft)} /> : null}
      <TextInput
        label="What for"
        description="For the people who read it later; may be empty."
        maw={640}
        value={draft.description}
        onChange={(event) => change({ description: event.currentTarget.value })}
      />
    </Stack>
  );
}

function Found({ preview, wanted }: { preview: Preview; wanted: Schemas["NewJob"] }) {
  const [opened, setOpened] = useState<Which | null>(null);
  if (preview.targets === 0)
    return (
      <Notice color="yellow">No device matches now. Targets are frozen when the rollout is made.</Notice>
    );
  return (
    <section aria-label="Dry run">
      <Text size="sm" mb="xs" role="status">
        {preview.summary}
      </Text>
      <Facts
        items={[
          ["Waves", preview.waves.map(count).join(", ")],
          ["To move", `${bytes(preview.bytes)}, ${bytes(preview.bytesPerDevice)} for each device with work`],
          [
            "Expected end",
            <span key="end">
              {preview.expectedEnd ? <End at={preview.expectedEnd} /> : null}
              <span className="quiet"> {preview.expectedEndNote}</span>
            </span>,
          ],
        ]}
      />
      <Listing
        label="Dry run"
        list={{ items: preview.clusters, loading: false }}
        keyOf={(cluster) => `${cluster.outcome} ${cluster.reason}`}
        columns={[
          {
            title: "Devices",
            cell: (cluster) => (
              <Anchor
                component="button"
                type="button"
                size="sm"
                aria-label={`Show ${counted(cluster.count, "device")}: ${cluster.reason}`}
                onClick={() => setOpened({ outcome: cluster.outcome, reason: cluster.reason })}
              >
                {count(cluster.count)}
              </Anchor>
            ),
          },
          { title: "Would be", cell: (cluster) => <WouldBe outcome={cluster.outcome} /> },
          {
            title: "Why",
            roomy: true,
            cell: (cluster) => <Why why={sentence(cluster.reason)} action={cluster.action} compact />,
          },
          {
            title: "Such as",
            wide: true,
            cell: (cluster) => cluster.devices.slice(0, 5).join(", "),
          },
        ]}
        empty={null}
      />
      <Button variant="default" size="compact-sm" mt="sm" onClick={() => setOpened({})}>
        Show every device
      </Button>
      <EachDevice wanted={wanted} which={opened} onClose={() => setOpened(null)} />
    </section>
  );
}

/** A moment that is to come; what comes within a minute is not "just now". */
function End({ at }: { at: string }) {
  const now = useNow();
  return Date.parse(at) - now < 60_000 ? <>within a minute</> : <Time at={at} />;
}
