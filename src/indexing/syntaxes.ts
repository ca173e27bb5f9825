// All grammars' rules by grammar name (the keys of grammars.json).
import type { Syntax } from "./syntax.ts";
import { script, python, ruby, elixir, lua, bash, powershell, css, php } from "./syntaxesDynamic.ts";
import { go, java, kotlin, scala, csharp, swift, dart, rust, c, cpp, zig, solidity, haskell } from "./syntaxesStatic.ts";

export const syntaxes: Readonly<Record<string, Syntax>> = {
  typescript: script, tsx: script, javascript: script,
  python, ruby, elixir, lua, bash, powershell, css, php, go, java, kotlin, scala, csharp, swift, dart, rust, c, cpp, zig, solidity, haskell,
};
