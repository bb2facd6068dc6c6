/** Links, and state that lives in the URL. */
import type { ReactNode } from "react";

import { Anchor, Button } from "@mantine/core";
import { useNavigate, useParams, useRouter, useSearch } from "@tanstack/react-router";

/** Follows a path inside the console without loading the page anew. */
export function useGo() {
  const router = useRouter();
  return (to: string) => void router.history.push(to);
}

type Target = { to: string; children: ReactNode };

const follow = (go: (to: string) => void, to: string) => (event: React.MouseEvent) => {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go(to);
};

/** A link inside the console; in the middle of a text it is underlined, so that more than its colour tells it. */
export function Go({ to, children, inText }: Target & { inText?: boolean }) {
  const go = useGo();
  return (
    <Anchor href={to} onClick={follow(go, to)} inherit underline={inText ? "always" : "hover"}>
      {children}
    </Anchor>
  );
}

/** A link inside the console that looks like a button. */
export function GoButton({ to, children, quiet }: Target & { quiet?: boolean }) {
  const go = useGo();
  return (
    <Button component="a" href={to} onClick={follow(go, to)} variant={quiet ? "default" : "filled"}>
      {children}
    </Button>
  );
}

/** A member of the URL's search part, and how to change it; an empty text leaves it out. */
export function useUrl(key: string): [string, (value: string) => void] {
  const search = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const value = search[key];
  return [
    value === undefined || value === null ? "" : String(value),
    (next) =>
      void navigate({
        to: ".",
        search: ((before: Record<string, unknown>) => ({ ...before, [key]: next || undefined })) as never,
        replace: true,
      }),
  ];
}

/** Which of these tabs the URL names, the first one where it names none of them; as `Tabs` of Mantine take it. */
export function useTabs(...[first, ...others]: [string, ...string[]]) {
  const [named, name] = useUrl("tab");
  return {
    value: others.includes(named) ? named : first,
    onChange: (next: string | null) => name(next === first ? "" : (next ?? "")),
    keepMounted: false,
  };
}

/** A part of the path, such as the name in `/types/$name`. */
export const usePart = (name: string) =>
  String((useParams({ strict: false }) as Record<string, string>)[name] ?? "");
