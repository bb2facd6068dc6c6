// What a selection of devices means to the server. Pure.
import { quoted } from "../../list/completion";
import type { Selection } from "../../list/ListTable";

/** The query that means exactly the selection. */
export function queryOf(selection: Selection, query: string): string {
  if (selection.allMatching) return query;
  return `name=in=(${[...selection.picked].map(quoted).join(",")})`;
}
