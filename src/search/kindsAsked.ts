// Files of a kind that the question names: who asks for a notebook, a Dockerfile or a style sheet wants no code that merely speaks of one. So does who asks
// for what is done on a phone.
import { proseLanguages } from "../indexing/languages.ts";
import type { Place } from "../store/store.ts";

interface Kind {
  readonly asked: RegExp;
  readonly is: (place: Pick<Place, "path" | "lang" | "isTest">) => boolean;
}

const ofLanguage = (...languages: readonly string[]): Kind["is"] => ({ lang }) => languages.includes(lang);
const ofPath = (pattern: RegExp): Kind["is"] => ({ path }) => pattern.test(path);

/**
 * What an application says, in one language after the other. Also the language that it was written in: code uses such texts by a key, or repeats them, and
 * either says more.
 */
export function isCatalogue({ path, lang }: Pick<Place, "path" | "lang">): boolean {
  return lang === "gettext" || cataloguePath.test(path) || (lang === "xml" && path.endsWith(".ts"));
}
const cataloguePath = /\.(?:strings|stringsdict|xlf|xliff)$|(?:_[a-z]{2}(?:_[A-Z]{2})?\.properties|\.[a-z]{2}(?:-[A-Z]{2})?\.resx)$|(?:^|[/.])nls\.(?:[a-z]{2}(?:-[\w-]+)?\.)?json$|(?:^|\/)values(?:-[\w-]+)?\/strings\.xml$|(?:^|\/)(?:locales?|lang|i18n|l10n|translations?)\/(?:[^/]+\/)*[^/]+\.(?:json|ya?ml|properties|resx|arb|ftl)$/;

/** By what catalogues in a language are called. */
const codes: Readonly<Record<string, string>> = {
  arabic: "ar", chinese: "zh", czech: "cs", danish: "da", dutch: "nl", english: "en", finnish: "fi", french: "fr", german: "de", italian: "it", japanese: "ja", korean: "ko", polish: "pl",
  portuguese: "pt", russian: "ru", spanish: "es", swedish: "sv", turkish: "tr", ukrainian: "uk",
};
const translated = "(?:translations?|strings|texts?|messages|wording|locales?|locali[sz]ation)";

/** In lower case. Words that as often name what code does (template, view, config, action) are left out. */
const kinds: readonly Kind[] = [
  { asked: /\b(?:jupyter|notebooks?|ipynb)\b/, is: ofPath(/\.ipynb$/i) },
  { asked: /\b(?:docker|container) ?files?\b/, is: ofLanguage("docker") },
  { asked: /\bmake ?files?\b|\bmake targets?\b/, is: ofLanguage("make") },
  { asked: /\b(?:shell|bash|sh) scripts?\b/, is: ofLanguage("bash", "fish") },
  { asked: /\b(?:start|install|deploy|release|upgrade) scripts?\b/, is: ({ path, lang }) => ["bash", "fish", "batch", "powershell"].includes(lang) || /(^|\/)(?:scripts?|s?bin)\//.test(path) },
  { asked: /\bsystemd\b/, is: ofPath(/\.(?:service|timer|socket|target|mount)(?:\.in)?$|(^|\/)systemd\//) },
  { asked: /\bcmake\b/, is: ofLanguage("cmake") },
  { asked: /\bnginx\b/, is: ofPath(/nginx[^/]*(?:\/|\.(?:conf|j2|template|erb|tmpl|tpl|ya?ml)$|$)/i) },
  { asked: /\bdocker[- ]?compose\b|\bcompose (?:files?|services?)\b/, is: ofPath(/(^|\/)(?:docker-)?compose[^/]*\.ya?ml$/i) },
  { asked: /\bdevice ?trees?\b/, is: ofLanguage("devicetree") },
  { asked: /\bqml\b/, is: ofLanguage("qml") },
  { asked: /\b(?:openapi|swagger)\b/, is: ofPath(/(^|\/)[^/]*(?:openapi|swagger)[^/]*(?:\/|\.(?:ya?ml|json)$)/i) },
  { asked: /\bterraform\b/, is: ofLanguage("terraform") },
  { asked: /\bhelm\b/, is: ofPath(/(^|\/)(?:helm|charts?)(?:\/|$)|(^|\/)templates\/(?:[^/]+\/)*[^/]+\.(?:ya?ml|tpl)$|(^|\/)(?:chart|[\w.-]*values[\w.-]*)\.ya?ml(?:\.\w+)?$/i) },
  { asked: /\b(?:kubernetes|k8s) (?:manifests?|resources?)\b/, is: ofLanguage("yaml") },
  { asked: /\b(?:ansible|playbooks?)\b/, is: ofLanguage("yaml") },
  { asked: /\bgradle\b/, is: ofPath(/\.gradle(?:\.kts)?$|(^|\/)(?:gradle\.properties|libs\.versions\.toml)$/i) },
  { asked: /\bpod ?(?:specs?|files?)\b/, is: ofPath(/\.podspec(?:\.json)?$|(^|\/)podfile$/i) },
  { asked: /\bsql (?:that|which|file|script|schema|function|procedure)s?\b|\bstored (?:procedure|function)s?\b/, is: ofLanguage("sql") },
  { asked: /\bproto(?:buf)? (?:files?|messages?|definitions?|schemas?)\b/, is: ofLanguage("proto") },
  { asked: /\bgraphql (?:schemas?|files?|types?)\b/, is: ofLanguage("graphql") },
  { asked: /\b(?:css|scss|sass|style ?sheets?)\b|\bstyles (?:of|for) the\b|^style (?:of|for) the\b/, is: ofLanguage("css", "scss") },
  { asked: /\b(?:html|erb|jinja2?|twig|blade|handlebars|razor|heex) (?:templates?|pages?|forms?|views?|files?|components?)\b|\btemplates? (?:of|for) (?:the|an?)\b/, is: ofLanguage("html", "template") },
  {
    asked: /\b(?:screen|activity|fragment|dialog|page) layouts?\b|\blayouts? (?:of|for) (?:the|an?)\b|\bstoryboards?\b/,
    is: ofPath(/(^|\/)res\/(?:layout|navigation|menu)[\w-]*\/|\.(?:storyboard|xib|xaml|axml|fxml|ui|glade|blp|qml)$|(^|\/)_?layouts?(?:\/|[.\w-]*\.(?:blade\.php|html?|[a-z]*html|erb|haml|slim|heex|twig|ejs|hbs|jinja2?|astro|vue|svelte|[jt]sx)$)/i),
  },
  { asked: new RegExp(`\\b(?:${Object.keys(codes).join("|")}) ${translated}\\b|\\btranslations? (?:of|into|for)\\b|übersetzung(?:en)? (?:der|des|von|für)\\b`), is: isCatalogue },
  ...Object.entries(codes).map(([name, code]): Kind => ({ asked: new RegExp(`\\b${name} ${translated}\\b|\\b(?:translat\\w+|locali[sz]\\w+) (?:of .*|for |in)?(?:to )?${name}\\b`), is: (place) => isCatalogue(place) && new RegExp(`(?:^|[/._-])${code}(?:[-_]\\w{2,4})?[/.]`, "i").test(place.path) })),
  { asked: /\bmigrations?\b|\bschema change (?:for|of|that|which)\b/, is: ofPath(/(^|\/)(?:(?:[\w-]*migrations?|migrate|deltas?)\/(?:[^/]+\/)*|versions\/)[^/]*\d[^/]*(?:\/migration\.sql)?$|(^|\/)[VUR]\d*(?:[._]\d+)*__\w[^/]*$/i) },
  { asked: /\bandroid\b/, is: ofPath(/(^|\/)android[\w-]*\/|androidmanifest\.xml$/i) },
  { asked: /\b(?:ios|iphone|ipad)\b/, is: ofPath(/(^|\/)(?:ios[\w-]*|iphone\w*)\/|\.swift$/i) },
  {
    asked: /\b(?:github|gitlab) (?:actions?|workflows?|ci|pipelines?)\b|\bci\b|\bcontinuous integration\b/,
    is: ofPath(/(^|\/)(?:\.github\/(?:workflows|actions)|\.circleci|\.buildkite)\/|(^|\/)(?:\.gitlab-ci|\.travis|\.?appveyor|azure-pipelines|bitbucket-pipelines|jenkinsfile)[^/]*$/i),
  },
  { asked: /^(?:the )?(?:docs|documentation|guide|manual)\b|\b(?:docs|documentation) (?:of|for|about|on)\b|\bin the (?:docs|documentation)\b|\breadme\b|\bchange ?logs?\b|\brelease notes\b/, is: ofLanguage(...proseLanguages) },
  { asked: /^fixtures?\b|\bfixtures? (?:of|for|with)\b/, is: ofPath(/(^|\/)(?:__fixtures__|fixtures?|test[-_]?data)\//i) },
  { asked: /\bman(?:ual)? ?page (?:of|for|about|on)\b|\bman(?:ual)? ?pages?$/, is: ofPath(/(^|\/)man\d?\/|\.[1-9](?:\.\w+)?$/) },
  // Not what code does for tests: "a server for unit tests".
  { asked: /^(?:the )?(?:unit |integration |e2e )?tests? (?:for|of|that|whether)\b|\b(?:which|what|where (?:is|are) the) (?:unit |integration |e2e )?tests? (?:covers?|checks?|exercises?|verif(?:y|ies)|for|of)\b|\b(?:where|how|what|which|is|are)\b.*\btested\b/, is: ({ isTest }) => isTest },
];

/** Of how many of the kinds that the text of a question names a place is, as a share: the Gradle file for Android is of two. Undefined when it names none. */
export function kindsAsked(text: string): ((place: Parameters<Kind["is"]>[0]) => number) | undefined {
  const words = text.toLowerCase();
  const asked = kinds.filter((kind) => kind.asked.test(words));
  return asked.length === 0 ? undefined : (place) => asked.filter(({ is }) => is(place)).length / asked.length;
}
