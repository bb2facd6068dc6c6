/** The token in the address's fragment, which no server ever sees; it is taken out of the address. */
export function takeToken(): string {
  const found = new URLSearchParams(window.location.hash.slice(1)).get("token") ?? "";
  if (found) window.history.replaceState(window.history.state, "", window.location.pathname);
  return found;
}
