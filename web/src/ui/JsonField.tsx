import { JsonInput, type JsonInputProps } from "@mantine/core";
import { readJson } from "./json";

/** Where JSON is written. What it says of a text that is none: the form's own sentence, else where the text breaks off. */
export function JsonField(props: JsonInputProps) {
  // Without a sentence of ours, the input would only turn red, and hide what `error` says.
  return <JsonInput {...props} validationError={props.error ?? readJson(props.value ?? "").problem} />;
}
