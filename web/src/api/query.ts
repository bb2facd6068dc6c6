// Texts in the fleet query language. Pure.

/** A value in the language's quotes, where it needs them. */
export const quoted = (value: string): string =>
  /^[A-Za-z0-9_.:-]+$/.test(value) ? value : `"${value.replace(/[\\"*]/g, "\\$&")}"`;
