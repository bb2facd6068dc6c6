// Sets the colour scheme before the first paint. A file of its own, since the page allows no inline script.
(function () {
  var chosen;
  try {
    chosen = localStorage.getItem("windlass-scheme");
  } catch {
    chosen = null;
  }
  var dark =
    chosen === "dark" || (chosen !== "light" && window.matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
