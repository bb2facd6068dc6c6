/** The dry run device by device, over the page: all of them, or those for which the same is the case. */
import { Stack, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";

import { path, request, type Page, type ProblemError, type Schemas } from "../../kit/api";
import { Listing, type Column } from "../../kit/parts";
import { Dialog } from "../../ui/Dialog";
import { bytes, sentence } from "../../ui/format";
import { StateOf, Status } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { Why } from "../../ui/Why";

type Foreseen = Schemas["PreviewDevice"];

/** Which devices: everybody, unless it says how they would count and why. */
export type Which = { outcome?: Foreseen["outcome"]; reason?: string };

const PAGE = 50;

/** One page. Where few devices match, the server looks at so many and answers none of them: the next answer goes on. */
export async function pageOf(
  wanted: Schemas["NewJob"],
  which: Which,
  from: string | undefined,
  signal?: AbortSignal,
): Promise<Page<Foreseen>> {
  let cursor = from;
  for (;;) {
    signal?.throwIfAborted();
    const page = await request<Page<Foreseen>>("POST", path("jobs", "preview", "devices"), {
      query: { ...which, limit: PAGE, cursor },
      body: wanted,
      signal,
    });
    if (page.items.length > 0 || !page.cursor) return page;
    cursor = page.cursor;
  }
}

/**
 * The pages, as of when the dialog opened. The server looks at many devices for each, so a rollout under way does not ask
 * for them again, nor break off the next one.
 */
function useForeseen(wanted: Schemas["NewJob"], which: Which) {
  const list = useInfiniteQuery<Page<Foreseen>, ProblemError>({
    queryKey: ["dryRun", "devices", wanted, which],
    initialPageParam: undefined,
    queryFn: ({ pageParam, signal }) => pageOf(wanted, which, pageParam as string | undefined, signal),
    getNextPageParam: (last) => last.cursor ?? undefined,
    retry: false,
    staleTime: "static",
    gcTime: 0,
  });
  return {
    items: list.data?.pages.flatMap((page) => page.items) ?? [],
    problem: list.error,
    loading: list.isPending,
    more: list.hasNextPage,
    loadMore: () => void list.fetchNextPage(),
    loadingMore: list.isFetchingNextPage,
  };
}

export function EachDevice(props: { wanted: Schemas["NewJob"]; which: Which | null; onClose: () => void }) {
  const { wanted, which, onClose } = props;
  return (
    <Dialog title="What would happen on each device" opened={which !== null} onClose={onClose} size="xl">
      {which ? <Each wanted={wanted} which={which} /> : null}
    </Dialog>
  );
}

function Each({ wanted, which }: { wanted: Schemas["NewJob"]; which: Which }) {
  const list = useForeseen(wanted, which);
  const begins: Column<Foreseen> = {
    title: "Begins at the earliest",
    wide: which.reason === undefined,
    cell: (device) => <Time at={device.begins ?? null} />,
  };
  const each: Column<Foreseen>[] = [
    { title: "Would be", cell: (device) => <WouldBe outcome={device.outcome} /> },
    {
      title: "Why",
      roomy: true,
      cell: (device) => <Why why={sentence(device.reason)} action={device.action} compact />,
    },
  ];
  return (
    <Stack gap="sm">
      {which.reason === undefined ? null : (
        <Text size="sm" className="anywhere">
          {sentence(which.reason)}
        </Text>
      )}
      {wanted.rollout?.order?.by === "random" ? (
        <Text size="sm">
          Devices come by chance: the wave of each, and with it when it begins, is drawn anew when the rollout
          is made.
        </Text>
      ) : null}
      <Listing
        label="Each device"
        list={list}
        keyOf={(device) => device.device}
        columns={[
          { title: "Device", cell: (device) => <span dir="auto">{device.device}</span> },
          ...(which.reason === undefined ? each : []),
          { title: "Wave", wide: which.reason === undefined, cell: (device) => device.wave },
          begins,
          { title: "To move", wide: true, cell: (device) => bytes(device.bytes) },
        ]}
        empty={<Text size="sm">No device any more.</Text>}
      />
    </Stack>
  );
}

/** What would become of devices, in words for what has not happened. */
export function WouldBe({ outcome }: { outcome: Schemas["PreviewCluster"]["outcome"] }) {
  switch (outcome) {
    case "open":
      return <Status tone="busy">updated</Status>;
    case "succeeded":
      return <Status tone="good">left as it is</Status>;
    case "skipped":
      return <Status tone="off">left out</Status>;
    default:
      return <StateOf state={outcome} />;
  }
}
