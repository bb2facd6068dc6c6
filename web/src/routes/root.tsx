// The two parents of all routes: the bare page (first run) and the shell, which needs somebody signed in.
import { Loader } from "@mantine/core";
import { createRootRoute, createRoute, Link, Outlet } from "@tanstack/react-router";
import { SignInPage } from "../session/SignIn";
import { Frame } from "../session/Frame";
import { useSession } from "../session/session";
import { Shell } from "../shell/Shell";
import { Empty } from "../ui/Page";
import { Trouble } from "../ui/Trouble";

export const rootRoute = createRootRoute({
  component: Outlet,
  notFoundComponent: () => (
    <Frame title="Nothing is here">
      <p>No page of the console has this address.</p>
      <Link to="/" className="link">
        To the overview
      </Link>
    </Frame>
  ),
});

export const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "shell",
  component: SignedIn,
  notFoundComponent: () => (
    <Empty
      title="Nothing is here"
      action={
        <Link to="/" className="link">
          To the overview
        </Link>
      }
    >
      No page of the console has this address.
    </Empty>
  ),
  errorComponent: ({ error, reset }) => <Trouble error={error} onRetry={reset} />,
});

function SignedIn() {
  const { state, ask } = useSession();
  switch (state.kind) {
    case "asking":
      return <Loader m="xl" aria-label="Loading" />;
    case "unreachable":
      return (
        <Frame title="The server does not answer">
          <Trouble error={state.problem} onRetry={() => void ask()} />
        </Frame>
      );
    case "signedOut":
      return <SignInPage setupNeeded={state.setupNeeded} />;
    case "signedIn":
      return <Shell />;
  }
}
