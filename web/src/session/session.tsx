// Who is signed in. A session that ends while somebody works brings the sign-in over the page; what they were
// writing stays, and nothing is sent again on its own.
import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { api, asProblem, onSessionEnded, type ProblemError, type Schemas, take } from "../api/client";

export type Me = Schemas["Me"] & { insecureCookie?: boolean };

export type SessionState =
  | { kind: "asking" }
  | { kind: "unreachable"; problem: ProblemError }
  | { kind: "signedOut"; setupNeeded: boolean }
  | { kind: "signedIn"; me: Me; expired: boolean };

interface SessionApi {
  state: SessionState;
  signIn(user: string, password: string): Promise<void>;
  signInByLink(token: string): Promise<void>;
  setUp(token: string, user: string, password: string): Promise<void>;
  signOut(): Promise<void>;
  ask(): Promise<void>;
}

const Context = createContext<SessionApi | undefined>(undefined);

export function SessionProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [state, setState] = useState<SessionState>({ kind: "asking" });

  const ask = useCallback(async () => setState(await whoAmI()), []);
  useEffect(() => {
    let left = false;
    void whoAmI().then((next) => {
      if (!left) setState(next);
    });
    return () => {
      left = true;
    };
  }, []);

  useEffect(
    () =>
      onSessionEnded(() =>
        setState((before) => (before.kind === "signedIn" ? { ...before, expired: true } : before)),
      ),
    [],
  );

  const entered = useCallback(
    (me: Me) => {
      setState((before) => {
        // Somebody else's data must not stay on the screen.
        if (before.kind === "signedIn" && before.me.name !== me.name) client.clear();
        return { kind: "signedIn", me, expired: false };
      });
      void client.invalidateQueries();
    },
    [client],
  );

  const value = useMemo<SessionApi>(
    () => ({
      state,
      ask,
      async signIn(user, password) {
        entered(await take(api.POST("/api/v1/session", { body: { user, password } })));
      },
      async signInByLink(token) {
        entered(await take(api.POST("/api/v1/session/link", { body: { token } })));
      },
      async setUp(token, user, password) {
        entered(await take(api.POST("/api/v1/setup", { body: { token, user, password } })));
      },
      async signOut() {
        await take(api.DELETE("/api/v1/session")).catch((error: unknown) => {
          if (asProblem(error).status !== 401) throw error;
        });
        client.clear();
        setState({ kind: "signedOut", setupNeeded: false });
      },
    }),
    [state, ask, entered, client],
  );
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

async function whoAmI(): Promise<SessionState> {
  try {
    return { kind: "signedIn", me: await take(api.GET("/api/v1/me")), expired: false };
  } catch (error) {
    const problem = asProblem(error);
    if (problem.status !== 401) return { kind: "unreachable", problem };
  }
  const setup = await take(api.GET("/api/v1/setup")).catch(() => undefined);
  return { kind: "signedOut", setupNeeded: setup?.needed ?? false };
}

export function useSession(): SessionApi {
  const session = useContext(Context);
  if (!session) throw new Error("useSession needs a SessionProvider");
  return session;
}

/** Who is signed in; only for what is shown to somebody who is. */
export function useMe(): Me {
  const { state } = useSession();
  if (state.kind !== "signedIn") throw new Error("nobody is signed in");
  return state.me;
}

/** Whether the signed-in user's role allows something; the server decides, this only hides what it would refuse. */
export function useCan(): (permission: string) => boolean {
  const { state } = useSession();
  return useCallback(
    (permission) => state.kind === "signedIn" && state.me.permissions.includes(permission),
    [state],
  );
}
