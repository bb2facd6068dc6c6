// Routes: overview, devices, connecting them.
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "./root";
import { oneOf, text } from "./search";

export const overviewRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/",
  component: lazyRouteComponent(() => import("../screens/overview/Overview"), "Overview"),
});

export const devicesRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/devices",
  validateSearch: (search: Record<string, unknown>): { q?: string; sort?: string; columns?: string } => ({
    q: text(search.q),
    sort: text(search.sort),
    columns: text(search.columns),
  }),
  component: lazyRouteComponent(() => import("../screens/devices/Devices"), "Devices"),
});

export const importRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/devices/import",
  component: lazyRouteComponent(() => import("../screens/devices/Import"), "Import"),
});

export const DEVICE_TABS = [
  "status",
  "telemetry",
  "shadow",
  "commands",
  "jobs",
  "timeline",
  "credentials",
  "connection",
] as const;
export type DeviceTab = (typeof DEVICE_TABS)[number];

export const deviceRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/devices/$name",
  validateSearch: (
    search: Record<string, unknown>,
  ): { tab?: DeviceTab; shadow?: string; metrics?: string; range?: string } => ({
    tab: oneOf(DEVICE_TABS, search.tab),
    shadow: text(search.shadow),
    metrics: text(search.metrics),
    range: text(search.range),
  }),
  component: lazyRouteComponent(() => import("../screens/device/DevicePage"), "DevicePage"),
});

export const connectRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/connect",
  validateSearch: (search: Record<string, unknown>): { device?: string; on?: "computer" } => ({
    device: text(search.device),
    on: oneOf(["computer"], search.on),
  }),
  component: lazyRouteComponent(() => import("../screens/start/Connect"), "Connect"),
});

export const fleetRoutes = [overviewRoute, devicesRoute, importRoute, deviceRoute, connectRoute];
