// Simulated devices that the server runs itself: how they are, and how to start and stop them.
import { useEffect } from "react";

import { path, request, useAct, useRecord, type Schemas } from "../../kit/api";

type Simulation = Schemas["Simulation"];

/** As many as are offered with one click. */
export const OFFERED = 1000;

/** What starting and stopping them changes, on the screens that show it. */
const CHANGES = [path("simulation"), path("devices")];

/** How often devices that still come or go are counted: that one connects is no change that the live view tells of. */
const COUNTED_MS = 2_000;

export function useSimulation(then?: () => void) {
  const now = useRecord<Simulation>(path("simulation"));
  const { data, refetch } = now;
  const moves = data !== undefined && data.connected !== data.devices;
  useEffect(() => {
    if (!moves) return undefined;
    const timer = setInterval(() => void refetch(), COUNTED_MS);
    return () => clearInterval(timer);
  }, [moves, refetch]);
  const start = useAct<number, Simulation>(
    (devices) => request("POST", path("simulation"), { body: { devices } }),
    CHANGES,
    then,
  );
  const stop = useAct<void, undefined>(() => request("DELETE", path("simulation")), CHANGES);
  return { now, start, stop };
}
