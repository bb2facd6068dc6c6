// A link that signs in once: what `windlass admin link` prints where there are users already.
import { Loader, Stack, Text } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { asProblem, type ProblemError } from "../../api/client";
import { Frame } from "../../session/Frame";
import { SignInCard } from "../../session/SignIn";
import { useSession } from "../../session/session";
import { Trouble } from "../../ui/Trouble";
import { takeToken } from "./token";

export function SignInLink() {
  const { signInByLink, state } = useSession();
  const navigate = useNavigate();
  const [token] = useState(takeToken);
  const [problem, setProblem] = useState<ProblemError>();
  const used = useRef(false);
  useEffect(() => {
    // The link is good once, so it is never sent twice.
    if (used.current || !token) return;
    used.current = true;
    signInByLink(token).then(
      () => navigate({ to: "/" }),
      (error: unknown) => setProblem(asProblem(error)),
    );
  }, [token, signInByLink, navigate]);
  useEffect(() => {
    if (state.kind === "signedIn" && (!token || problem)) void navigate({ to: "/" });
  }, [state.kind, token, problem, navigate]);

  return (
    <Frame title="Sign in">
      {token && !problem ? (
        <Stack align="center" gap="xs">
          <Loader aria-hidden="true" />
          <Text size="sm" role="status">
            Signing in with the link…
          </Text>
        </Stack>
      ) : (
        <>
          <Trouble error={problem} />
          <SignInCard />
        </>
      )}
    </Frame>
  );
}
