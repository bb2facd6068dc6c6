// Routes: what is done to the fleet, what it is made of, what happened, and the server itself.
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "./root";
import { text } from "./search";

/** What these screens keep in their address; each uses some of it. */
interface Search {
  q?: string;
  tab?: string;
  kind?: string;
  state?: string;
  stage?: string;
  outcome?: string;
  release?: string;
}

const validateSearch = (search: Record<string, unknown>): Search => ({
  q: text(search.q),
  tab: text(search.tab),
  kind: text(search.kind),
  state: text(search.state),
  stage: text(search.stage),
  outcome: text(search.outcome),
  release: text(search.release),
});

const getParentRoute = () => shellRoute;

export const operationRoutes = [
  createRoute({
    getParentRoute,
    path: "/jobs",
    validateSearch,
    component: lazyRouteComponent(() => import("../screens/rollouts/list"), "Rollouts"),
  }),
  createRoute({
    getParentRoute,
    path: "/jobs/new",
    validateSearch,
    component: lazyRouteComponent(() => import("../screens/rollouts/wizard"), "NewRollout"),
  }),
  createRoute({
    getParentRoute,
    path: "/jobs/$id",
    validateSearch,
    component: lazyRouteComponent(() => import("../screens/rollouts/job"), "Rollout"),
  }),
  createRoute({
    getParentRoute,
    path: "/auto-assignments",
    component: lazyRouteComponent(() => import("../screens/rollouts/autoAssignments"), "AutoAssignments"),
  }),
  createRoute({
    getParentRoute,
    path: "/commands",
    validateSearch,
    component: lazyRouteComponent(() => import("../screens/commands/screen"), "Commands"),
  }),
  createRoute({
    getParentRoute,
    path: "/releases",
    validateSearch,
    component: lazyRouteComponent(() => import("../screens/releases/list"), "Releases"),
  }),
  createRoute({
    getParentRoute,
    path: "/releases/new",
    component: lazyRouteComponent(() => import("../screens/releases/new"), "NewRelease"),
  }),
  createRoute({
    getParentRoute,
    path: "/releases/$name/$version",
    component: lazyRouteComponent(() => import("../screens/releases/release"), "ReleasePage"),
  }),
  createRoute({
    getParentRoute,
    path: "/types",
    component: lazyRouteComponent(() => import("../screens/types/list"), "Types"),
  }),
  createRoute({
    getParentRoute,
    path: "/types/new",
    component: lazyRouteComponent(() => import("../screens/types/edit"), "NewType"),
  }),
  createRoute({
    getParentRoute,
    path: "/types/edit/$name",
    component: lazyRouteComponent(() => import("../screens/types/edit"), "EditType"),
  }),
  createRoute({
    getParentRoute,
    path: "/groups",
    component: lazyRouteComponent(() => import("../screens/groups/screen"), "Groups"),
  }),
  createRoute({
    getParentRoute,
    path: "/provisioning",
    validateSearch,
    component: lazyRouteComponent(() => import("../screens/provisioning/screen"), "Provisioning"),
  }),
  createRoute({
    getParentRoute,
    path: "/alerts",
    validateSearch,
    component: lazyRouteComponent(() => import("../screens/told/alerts"), "Alerts"),
  }),
  createRoute({
    getParentRoute,
    path: "/notifications",
    component: lazyRouteComponent(() => import("../screens/told/notifications"), "Notifications"),
  }),
  createRoute({
    getParentRoute,
    path: "/audit",
    component: lazyRouteComponent(() => import("../screens/history/audit"), "Audit"),
  }),
  createRoute({
    getParentRoute,
    path: "/events",
    component: lazyRouteComponent(() => import("../screens/history/events"), "Events"),
  }),
  createRoute({
    getParentRoute,
    path: "/refusals",
    validateSearch,
    component: lazyRouteComponent(() => import("../screens/history/refusals"), "Refusals"),
  }),
  createRoute({
    getParentRoute,
    path: "/settings",
    validateSearch,
    component: lazyRouteComponent(() => import("../screens/settings/screen"), "Settings"),
  }),
];
