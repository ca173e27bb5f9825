// Texts for VS Code's notifications, which make links of [words](address), and run a command that such an address names.

/** The text with nothing in it that becomes a link: file names and errors carry what the workspace says. */
export function notice(text: string): string {
  return text.replaceAll("](", "] (");
}
