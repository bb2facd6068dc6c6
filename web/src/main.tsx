import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./app.css";

import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ProblemError } from "./api/client";
import { router } from "./router";
import { SessionProvider } from "./session/session";
import { schemeManager } from "./shell/scheme";
import { theme, variables } from "./theme";
import { ConfirmProvider } from "./ui/confirm";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // What the server has answered does not get better by asking again.
      retry: (times, error) =>
        !(error instanceof ProblemError && error.status !== 0 && error.status < 500) && times < 2,
    },
    mutations: { retry: false },
  },
});

// A newer server has other files than the page that was loaded from the older one: load the page again, but never in a
// circle.
window.addEventListener("vite:preloadError", () => {
  const key = "windlass-reloaded";
  if (Date.now() - Number(sessionStorage.getItem(key) ?? 0) < 60_000) return;
  sessionStorage.setItem(key, String(Date.now()));
  window.location.reload();
});

const root = document.getElementById("root");
if (root)
  createRoot(root).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={variables}
        defaultColorScheme="auto"
        colorSchemeManager={schemeManager}
      >
        <QueryClientProvider client={client}>
          <SessionProvider>
            <ConfirmProvider>
              <RouterProvider router={router} />
              <Notifications position="bottom-right" />
            </ConfirmProvider>
          </SessionProvider>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
