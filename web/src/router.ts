// All routes. Each file in `routes/` lists those of one part; screens are loaded when they are first opened.
import { createRouter } from "@tanstack/react-router";
import { accessRoutes, linkRoute, setupRoute } from "./routes/access";
import { fleetRoutes } from "./routes/fleet";
import { operationRoutes } from "./routes/operations";
import { rootRoute, shellRoute } from "./routes/root";

const tree = rootRoute.addChildren([
  setupRoute,
  linkRoute,
  shellRoute.addChildren([...fleetRoutes, ...operationRoutes, ...accessRoutes]),
]);

export const router = createRouter({
  routeTree: tree,
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
