// What a click on a row asks for. Pure.
import type { Opening } from "./messages.ts";

export interface Opened {
  readonly side: boolean;
  readonly how: Opening;
}

/** @param selected the text that is selected when the button is let go. Undefined: the click asks for nothing. */
export function openingOf({ detail, ctrlKey, metaKey }: Pick<MouseEvent, "detail" | "ctrlKey" | "metaKey">, selected: string): Opened | undefined {
  const side = ctrlKey || metaKey;
  // The first click of two has opened it already; "to the side" of that would be yet another column.
  if (detail > 1) return side ? undefined : { side, how: "keep" };
  // Whoever marks code to copy it does not want to leave. (The second click of a double click marks a word by itself: see above.)
  return selected === "" ? { side, how: "open" } : undefined;
}
