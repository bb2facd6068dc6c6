// Charts of what the device measures. Which metrics and which range stand in the address; a drag zooms in.
import { Button, Group, MultiSelect, SegmentedControl, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { api, take } from "../../api/client";
import { useLiveValues } from "../../api/live";
import { list } from "../../routes/search";
import { absoluteTime, measured } from "../../ui/format";
import { Empty, Panel } from "../../ui/Page";
import { Time } from "../../ui/Time";
import { Trouble } from "../../ui/Trouble";
import { Chart } from "./Chart";
import { RANGES, type Range, rangeOf, seriesData, stepFor } from "./series";

const MOST_AT_FIRST = 4;

export default function TelemetryTab({ name }: { name: string }) {
  const search = useSearch({ from: "/shell/devices/$name" });
  const navigate = useNavigate({ from: "/devices/$name" });
  const metrics = useQuery({
    queryKey: ["telemetry", name, "metrics"],
    queryFn: () => take(api.GET("/api/v1/devices/{name}/metrics", { params: { path: { name } } })),
    refetchInterval: 15_000,
  });
  const names = useMemo(() => (metrics.data?.items ?? []).map((metric) => metric.name), [metrics.data]);
  const chosen =
    list(search.metrics)?.filter((metric) => names.includes(metric)) ?? names.slice(0, MOST_AT_FIRST);
  const range = rangeOf(search.range);
  const zoom = (from: number, to: number) =>
    void navigate({ search: (before) => ({ ...before, range: `${Math.round(from)}-${Math.round(to)}` }) });

  if (metrics.isSuccess && names.length === 0)
    return (
      <Empty title="No telemetry yet">
        Publish JSON to <code>devices/{name}/telemetry</code>, such as <code>{'{"temp": 21.5}'}</code>. Charts
        appear by themselves.
      </Empty>
    );
  return (
    <Stack>
      <Trouble error={metrics.error} onRetry={() => void metrics.refetch()} />
      <Group justify="space-between" align="flex-end">
        <MultiSelect
          label="Metrics"
          data={names}
          value={chosen}
          searchable
          maxValues={12}
          onChange={(next) =>
            void navigate({ search: (before) => ({ ...before, metrics: next.join(",") || undefined }) })
          }
          style={{ flex: "1 1 260px" }}
        />
        <Group gap={8}>
          {range.kind === "zoom" ? (
            <>
              <Text size="sm" className="numbers">
                {absoluteTime(range.from)} – {absoluteTime(range.to)}
              </Text>
              <Button
                variant="default"
                size="xs"
                onClick={() => void navigate({ search: (before) => ({ ...before, range: undefined }) })}
              >
                Back to live
              </Button>
            </>
          ) : (
            <SegmentedControl
              size="xs"
              aria-label="Range"
              data={RANGES.map(({ id }) => id)}
              value={range.id}
              onChange={(id) => void navigate({ search: (before) => ({ ...before, range: id }) })}
            />
          )}
        </Group>
      </Group>
      {chosen.map((metric) => (
        <MetricPanel key={metric} name={name} metric={metric} range={range} onZoom={zoom} />
      ))}
      <LiveFeed name={name} />
    </Stack>
  );
}

function MetricPanel(props: {
  name: string;
  metric: string;
  range: Range;
  onZoom: (from: number, to: number) => void;
}) {
  const { name, metric, range } = props;
  const series = useQuery({
    queryKey: ["telemetry", name, "series", metric, range],
    queryFn: () => {
      const to = range.kind === "zoom" ? range.to : Date.now();
      const from = range.kind === "zoom" ? range.from : to - range.ms;
      return take(
        api.GET("/api/v1/devices/{name}/telemetry/{metric}", {
          params: {
            path: { name, metric },
            query: {
              from: new Date(from).toISOString(),
              to: new Date(to).toISOString(),
              step: stepFor(to - from),
            },
          },
        }),
      );
    },
    placeholderData: (before) => before,
    refetchInterval: range.kind === "last" ? Math.max(5_000, range.ms / 400) : false,
  });
  const data = useMemo(() => (series.data ? seriesData(series.data) : undefined), [series.data]);
  const latest = data?.mean.at(-1);
  return (
    <Panel
      title={metric}
      actions={
        latest != null ? (
          <Text size="sm" className="numbers">
            {measured(latest)}
          </Text>
        ) : undefined
      }
    >
      {series.error ? <Trouble error={series.error} onRetry={() => void series.refetch()} /> : null}
      {data && data.at.length === 0 ? (
        <Text size="sm" c="dimmed">
          {data.text ? `Not a number; the last value is ${data.text}` : "No points in this range."}
        </Text>
      ) : null}
      {data && data.at.length > 0 ? <Chart label={metric} data={data} onZoom={props.onZoom} /> : null}
      {series.data?.truncated ? (
        <Text size="xs" c="dimmed">
          There are more points than one chart shows. Zoom in by dragging.
        </Text>
      ) : null}
    </Panel>
  );
}

/** The last messages as they arrive, for whoever is trying a device out. */
function LiveFeed({ name }: { name: string }) {
  const [messages, setMessages] = useState<{ id: number; at: string; text: string }[]>([]);
  useLiveValues(name, ({ ts, values }) =>
    setMessages((before) => [
      { id: (before[0]?.id ?? 0) + 1, at: new Date(ts).toISOString(), text: JSON.stringify(values) },
      ...before.slice(0, 9),
    ]),
  );
  return (
    <Panel title="As it arrives">
      {messages.length === 0 ? (
        <Text size="sm" c="dimmed">
          Nothing since this page was opened.
        </Text>
      ) : (
        <ol style={{ listStyle: "none", margin: 0, padding: 0 }} aria-live="off">
          {messages.map((message) => (
            <li key={message.id}>
              <span className="quiet">
                <Time at={message.at} exact />
              </span>{" "}
              <code className="anywhere">{message.text}</code>
            </li>
          ))}
        </ol>
      )}
    </Panel>
  );
}
