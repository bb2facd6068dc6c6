// Simulated devices that the server runs itself: how they are, and how to start and stop them.
import { path, request, useAct, useRecord, type Schemas } from "../../kit/api";

type Simulation = Schemas["Simulation"];

/** As many as are offered with one click. */
export const OFFERED = 1000;

/** What starting and stopping them changes, on the screens that show it. */
const CHANGES = [path("simulation"), path("devices")];

export function useSimulation(then?: () => void) {
  const now = useRecord<Simulation>(path("simulation"));
  const start = useAct<number, Simulation>(
    (devices) => request("POST", path("simulation"), { body: { devices } }),
    CHANGES,
    then,
  );
  const stop = useAct<void, undefined>(() => request("DELETE", path("simulation")), CHANGES);
  return { now, start, stop };
}
