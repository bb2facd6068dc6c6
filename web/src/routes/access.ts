// Routes: first run, one's own account, users, tokens.
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute, shellRoute } from "./root";

export const setupRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/setup",
  component: lazyRouteComponent(() => import("../screens/start/Setup"), "Setup"),
});

export const linkRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/session",
  component: lazyRouteComponent(() => import("../screens/start/SignInLink"), "SignInLink"),
});

export const accountRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/account",
  component: lazyRouteComponent(() => import("../screens/access/Account"), "Account"),
});

export const usersRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/users",
  component: lazyRouteComponent(() => import("../screens/access/Users"), "Users"),
});

export const tokensRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/tokens",
  component: lazyRouteComponent(() => import("../screens/access/Tokens"), "Tokens"),
});

export const accessRoutes = [accountRoute, usersRoute, tokensRoute];
