// Templates of the view's pages without a document.

/** What is to be pressed in a template, with the words around it. */
export function handlers(value: unknown): { readonly html: string; readonly press: () => void }[] {
  if (Array.isArray(value)) return value.flatMap(handlers);
  const { strings, values } = (value ?? {}) as { readonly strings?: readonly string[]; readonly values?: readonly unknown[] };
  if (!strings || !values) return [];
  const drawn = (from: number, to: number) => strings.slice(from, to).map((text, i) => text + (typeof values[from + i] === "string" ? (values[from + i] as string) : "")).join("");
  return values.flatMap((part, i) => {
    if (typeof part !== "function" || !strings[i]!.endsWith("@click=")) return handlers(part);
    const before = drawn(0, i + 1);
    return [{ html: before.slice(before.lastIndexOf("<button")) + drawn(i + 1, strings.length).split("</button>")[0]!, press: part as () => void }];
  });
}

/** A template as text. */
export function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join("");
  const { strings, values } = (value ?? {}) as { readonly strings?: readonly string[]; readonly values?: readonly unknown[] };
  if (strings && values) return strings.map((text, i) => text + textOf(values[i])).join("");
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
