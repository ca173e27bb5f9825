// Questions for what stands to a name in some way: "who calls parseDate", "callers of Store.open", "which classes implement Store", "subclasses of Shape".
// What defines the name matches such a question best, and what shares its words next; the one line that calls or extends it says little else of the question.
import { isStopWord } from "../base/queryWords.ts";
import { languageOf, unknownLanguage } from "../indexing/languages.ts";
import type { Place } from "../store/store.ts";
import { implementersOf } from "./implementers.ts";
import { mention, usesOf } from "./uses.ts";

export interface Relation {
  readonly kind: "uses" | "implements";
  /** Whose uses or implementers are asked for, without brackets. */
  readonly name: string;
}

/** What can be implemented or extended. */
const type = "(?:(?:(?:abstract|base|super|parent)\\s+)?class|superclass|type ?class|(?:base )?type|struct|interface|trait|protocol|behaviou?r|mixin|contract|role)";
const a = "(?:(?:the|this|an?)\\s+)?";
const kind = `${a}(?:(?:${type}|function|method|macro|constant|variable|hook|component|module|helper)\\s+)?`;
const name = "`?(?<name>[~@#$\\\\]?[\\p{L}_$][\\p{L}\\p{N}_$]*(?:(?:::|\\.|->|#|\\\\)[\\p{L}_$][\\p{L}\\p{N}_$]*)*[?!]?(?:\\(\\))?)`?(?![\\p{L}\\p{N}_$.:/-]*[\\p{L}\\p{N}_$])";
/** Behind the name of a type. */
const args = "(?:<[^<>]{0,100}>)?";

/** "Which exception classes", "what types", but not "what does the parser", which does it itself. */
const which = "(?:what|which)(?:\\s+(?!(?:do|does|did|is|are|was|were|has|have|will|would|can|could|should|must|to|the|an?|this|we|you|it)\\s)[\\w-]+){0,3}?";

const doing = "(?:calls?|(?:is\\s+|are\\s+)?calling|uses?|(?:is\\s+|are\\s+)?using|invokes?|invoking|references?|instantiates?|depends? on|relies on)";
const done = "(?:called|used|invoked|referenced|instantiated)";
const uses: readonly string[] = [
  `\\b(?:who|${which}|(?:code|functions?|methods?|classes|files?|places?|everything|everyone|all)\\s+(?:that|which))\\s+(?:else\\s+|all\\s+)?${doing}\\s+${kind}${name}`,
  `\\b(?:callers?|usages?|uses|users|references?|call ?sites?|calls)\\s+(?:of|to)\\s+${kind}${name}`,
  `\\bwhere\\s+(?:else\\s+)?(?:is|are)\\s+${kind}${name}\\s+(?:(?:being|actually|ever|all)\\s+)?${done}\\b`,
  `\\bwhere\\s+(?:do|does)\\s+\\w+\\s+(?:call|use|invoke|reference)\\s+${kind}${name}`,
  `\\b(?:where|whether|is)\\s+${kind}${name}\\s+(?:(?:is|gets|still|ever)\\s+)?${done}\\b`,
  `^${name}\\s+(?:callers?|usages?|references|call ?sites?)$`,
];

const extending = "(?:implementing|extending|inheriting(?:\\s+from)?|(?:deriv|descend)(?:ing|ed)\\s+from|subclassing|conforming\\s+to|adopting|satisfying|embedding|mixing\\s+in)";
const extend = `(?:implements?|extends?|inherits?(?:\\s+from)?|(?:derives?|descends?)(?:\\s+from)?|subclass(?:es)?|conforms?\\s+to|adopts?|satisf(?:y|ies)|embeds?|mix(?:es)?\\s+in|includes?|(?:(?:is|are)\\s+)?${extending})`;
const extended = "(?:extended|sub-?classed|inherited|derived|embedded|mixed\\s+in)";
const implementers = "(?:implement[eo]rs?|implementations|implementing\\s+(?:classes|types|structs|modules)|impls|sub-?class(?:es)?|sub-?types?|child(?:ren)?\\s+class(?:es)?|derived\\s+(?:class(?:es)?|types?)|conformances|adopters)";
/** An implementation of what is no type is what defines it. */
const typed: readonly string[] = [`${type}\\s+${name}`, `${name}${args}\\s+${type}`];
const implementing: readonly string[] = [
  `\\b(?:who|${which}|any(?:thing|one|body)?(?:\\s+\\w+)?|[\\w-]+\\s+(?:that|which))\\s+(?:else\\s+|all\\s+|directly\\s+|also\\s+|can\\s+)?${extend}\\s+${kind}${name}`,
  `\\b[\\w-]+\\s+${extending}\\s+${kind}${name}`,
  `\\b${implementers}\\s+(?:of|for|from)\\s+${kind}${name}`,
  ...typed.map((typed) => `\\bimplementation\\s+(?:of|for)\\s+${a}${typed}(?![\\p{L}\\p{N}])`),
  ...typed.map((typed) => `\\bwhere\\s+(?:else\\s+)?(?:is|are)\\s+${a}${typed}\\s+(?:being\\s+)?implemented\\b`),
  `\\bwhere\\s+(?:else\\s+)?(?:is|are)\\s+${kind}${name}${args}\\s+(?:${type}\\s+)?(?:being\\s+)?${extended}\\b`,
  `(?<![\\p{L}\\p{N}_$.:/-])${name}${args}\\s+(?:${type}\\s+)?(?:(?:is|are)\\s+)?(?:implemented|${extended})\\s+by\\b`,
  `(?:^|\\b(?:all|list|find|show|every|any|other|known|the)\\s+)${name}${args}\\s+(?:${type}\\s+)?${implementers}[\\s?.]*$`,
];
/** Each with the beginnings of words without one of which it is not asked: that spares the first question of a process 30 ms and more for making the patterns ready. */
const questions = ([
  ["uses", /call|us(?:e|age|ing)|invo|referenc|instantiat|depend|relies/i, uses],
  ["implements", /impl|exten|inherit|deriv|descend|sub-?(?:class|type)|child|conform|adopt|satisf|embed|mix|includ/i, implementing],
] as const).map(([kind, words, patterns]) => ({ kind, words, patterns: patterns.map((pattern) => new RegExp(pattern, "iu")) }));

/** Keywords, and questions in other languages, which are read word by word: "Shape inherit class", "caller parseDate". */
const keywords: Readonly<Record<Relation["kind"], RegExp>> = {
  uses: /^(?:call(?:s|ed|ers?)?|invok(?:es?|ed)|usages?)$/i,
  implements: /^(?:implement(?:s|ing|[eo]rs?|ations)?|extend(?:s|ing)?|inherit(?:s|ing)?|deriv(?:es?|ing)|sub(?:class|type)(?:es|s)?)$/i,
};
const asking = /^(?:who|what|which|class(?:es)?|types?|structs?|interfaces?|traits?|protocols?|modules?)$/;
const saysNothing = /^(?:where|all|any|every|the|an?|of|to|from|by|is|are|that|find|show|list|code|places?|functions?|methods?)$/;

/** What is left of keywords when those that ask are taken away, if it is one word. "What does JsonStore extend" asks for the reverse. */
function nameAmongKeywords(text: string): (Relation & { /** "Call graph" and "extend session" may be of anything. */ readonly isCertain: boolean }) | undefined {
  const words = text.split(/[\s,;?]+/).filter((word) => word !== "");
  if (words.length > 8) return undefined;
  // In mid-sentence `Protocol` is a name.
  const isOneOf = (pattern: RegExp) => (word: string) => pattern.test(word === words[0] ? word.toLowerCase() : word);
  const [isAsking, isNothing] = [isOneOf(asking), isOneOf(saysNothing)];
  for (const kind of ["uses", "implements"] as const) {
    const others = words.filter((word) => !keywords[kind].test(word));
    if (others.length === words.length) continue;
    const named = others.filter((word) => !isAsking(word) && !isNothing(word));
    // "Implement OrderStore" asks for no others.
    const asks = words.some((word) => keywords[kind].test(word) && !/^implement$/i.test(word)) || words.some(isAsking);
    if (asks && named.length === 1) return { kind, name: named[0]!, isCertain: words.some((word) => isAsking(word) || asksForRelation(word)) };
  }
  return undefined;
}

const callsOnly = /\b(?:call(?:s|ing|ed|ers?)?|call ?sites?|invok\w+)\b/i;
const isOver = /^[\s?.!]*$/;
const isOverBehindType = new RegExp(`^${args}(?:\\s+${type})?[\\s?.!]*$`, "i");
const wholeName = new RegExp(`^${name}$`, "u");
const ofClasses = /class|inherit/i;

/**
 * What a question asks about a name; undefined when it is no such question.
 * @param isCode whether a word can only be a name of code
 * @param isDefined whether one of plain letters is a name here. It counts where the question is for calls and is over with it: "who calls refresh", not
 *   "who calls the function first". Of what is extended by code that is not here a capital or the word "class" tells as much: "subclasses of dict".
 */
export function relationAsked(text: string, isCode: (word: string) => boolean, isDefined: (word: string) => boolean): Relation | undefined {
  for (const { kind, pattern } of questions.filter(({ words }) => words.test(text)).flatMap(({ kind, patterns }) => patterns.map((pattern) => ({ kind, pattern })))) {
    const match = pattern.exec(text);
    const written = match?.groups?.["name"];
    if (!match || written === undefined) continue;
    const rest = text.slice(match.index + match[0].length);
    const bare = (rest === "" ? written.replace(/\?$/, "") : written).replace(/\(\)$/, "").replace(/^[~@#\\]/, "");
    const isMarked = match[0].includes("`");
    const asksForCalls = kind === "uses" && callsOnly.test(match[0]);
    // A file: "where is config.json used", but not "callers of Store.diff".
    if (!isMarked && !asksForCalls && !written.endsWith("()") && bare.includes(".") && languageOf(bare) !== unknownLanguage) return undefined;
    if (isMarked || isCode(written) || /[^:.>#\\]+(?:::|\.|->|#|\\)./.test(bare)) return { kind, name: bare };
    if (isStopWord(bare) || asking.test(bare)) continue;
    if (asksForCalls && isOver.test(rest) && isDefined(bare)) return { kind, name: bare };
    if (kind === "implements" && (/^\p{Lu}/u.test(bare) || (isOverBehindType.test(rest) && (isDefined(bare) || ofClasses.test(text))))) return { kind, name: bare };
  }
  const left = nameAmongKeywords(text);
  const bare = left?.name.replace(/^`|`$|\(\)`?$/g, "") ?? "";
  return left && wholeName.test(bare) && !isStopWord(bare) && (bare !== left.name || isCode(bare) || (left.isCertain && isDefined(bare)) || (left.kind === "implements" && /^\p{Lu}/u.test(bare))) ? { kind: left.kind, name: bare } : undefined;
}

/** Words that ask for it; code that never says them has no other word that is meant by them. */
export const asksForRelation = (word: string): boolean => relationWords.test(word);
const relationWords = /^(?:callers?|callsites?|usages?|implement[eo]rs?|impls?|sub(?:class(?:es|ed|ing)?|types?)|conformances?|adopters?)$/i;

/** Whether a place stands to the name as the question asks. */
export const isRelated = (certainty: number): boolean => certainty > 0.5;

/** How certainly a place does, 0 to 1. */
export function relatedTo({ kind, name }: Relation): (place: Pick<Place, "text" | "symbols" | "lang">) => number {
  return kind === "uses" ? usesOf(name) : implementersOf(name);
}

/** The same among candidates. What has no name in the file that defines the name, as pages of a comment that say how it is called, mentions it. */
export function relatedAmong(relation: Relation, candidates: readonly { readonly place: Place }[]): (place: Place) => number {
  const related = relatedTo(relation);
  if (relation.kind === "implements") return related;
  const lower = relation.name.toLowerCase();
  const defining = new Set(candidates.filter(({ place }) => place.symbols.some((symbol) => symbol.toLowerCase() === lower)).map(({ place }) => place.path));
  const isNameless = ({ symbols, breadcrumb, kind }: Place): boolean => symbols.length === 0 && breadcrumb === "" && (kind === "block" || kind === "window");
  return (place) => (defining.has(place.path) && isNameless(place) ? Math.min(mention, related(place)) : related(place));
}
