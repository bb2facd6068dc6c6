// One metric over time, drawn by uPlot. Knows nothing of devices.
import "uplot/dist/uPlot.min.css";
import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import { absoluteTime, measured } from "../../ui/format";
import classes from "./device.module.css";
import { type ChartData, clock } from "./series";

const HEIGHT = 190;

export function Chart(props: { label: string; data: ChartData; onZoom: (from: number, to: number) => void }) {
  const { label, data } = props;
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const zoom = useRef(props.onZoom);
  const scheme = useComputedColorScheme("light");
  const stepped = data.min !== undefined;
  useEffect(() => {
    zoom.current = props.onZoom;
  });

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const css = getComputedStyle(document.documentElement);
    const line = css.getPropertyValue("--mantine-color-anchor").trim();
    const quiet = css.getPropertyValue("--mantine-color-dimmed").trim();
    const grid = { stroke: css.getPropertyValue("--line").trim(), width: 1 };
    const axis = { stroke: quiet, grid, ticks: grid, font: "11px system-ui" };
    const drawn = new uPlot(
      {
        width: element.clientWidth || 600,
        height: HEIGHT,
        cursor: { drag: { x: true, y: false, setScale: false } },
        series: [
          { value: (_, t) => (t == null ? "–" : absoluteTime(t * 1000)) },
          {
            label,
            stroke: line,
            width: 1.6,
            points: { show: false },
            value: (_, v) => (v == null ? "–" : measured(v)),
          },
          ...(stepped
            ? [
                { label: "max", stroke: `${line}66`, width: 1, points: { show: false } },
                { label: "min", stroke: `${line}66`, width: 1, points: { show: false } },
              ]
            : []),
        ],
        bands: stepped ? [{ series: [2, 3], fill: `${line}1f` }] : [],
        axes: [
          { ...axis, values: (_u, at, _axis, _space, step) => at.map((t) => clock(t, step)) },
          { ...axis, size: 62, values: (_, values) => values.map((v) => measured(v)) },
        ],
        hooks: {
          setSelect: [
            (u) => {
              if (u.select.width < 6) return;
              const from = u.posToVal(u.select.left, "x");
              const to = u.posToVal(u.select.left + u.select.width, "x");
              zoom.current(from * 1000, to * 1000);
            },
          ],
        },
      },
      [[], [], ...(stepped ? [[], []] : [])],
      element,
    );
    plot.current = drawn;
    const watcher = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height: HEIGHT }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      drawn.destroy();
    };
  }, [label, stepped, scheme]);

  useEffect(() => {
    const { at, mean, max, min } = data;
    plot.current?.setData(stepped && max && min ? [at, mean, max, min] : [at, mean]);
  }, [data, stepped, scheme]);

  const numbers = data.mean.filter((value) => value !== null);
  const summary = `${label}: ${numbers.length} values from ${measured(Math.min(...numbers))} to ${measured(Math.max(...numbers))}, last ${measured(numbers.at(-1) ?? "none")}`;
  return <div ref={frame} className={classes.chart} role="img" aria-label={summary} />;
}
