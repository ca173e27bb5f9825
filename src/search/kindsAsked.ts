// Files of a kind that the question names: who asks for a notebook, a Dockerfile or a style sheet wants no code that merely speaks of one.
import type { Place } from "../store/store.ts";
import { proseLanguages } from "./query.ts";

interface Kind {
  readonly asked: RegExp;
  readonly is: (place: Pick<Place, "path" | "lang" | "isTest">) => boolean;
}

const ofLanguage = (...languages: readonly string[]): Kind["is"] => ({ lang }) => languages.includes(lang);
const ofPath = (pattern: RegExp): Kind["is"] => ({ path }) => pattern.test(path);

/** In lower case. Words that as often name what code does (template, view, config, action) are left out. */
const kinds: readonly Kind[] = [
  { asked: /\b(?:jupyter|notebooks?|ipynb)\b/, is: ofPath(/\.ipynb$/i) },
  { asked: /\b(?:docker|container) ?files?\b/, is: ofLanguage("docker") },
  { asked: /\bmake ?files?\b|\bmake targets?\b/, is: ofLanguage("make") },
  { asked: /\b(?:shell|bash|sh) scripts?\b/, is: ofLanguage("bash", "fish") },
  { asked: /\bcmake\b/, is: ofLanguage("cmake") },
  { asked: /\bterraform\b/, is: ofLanguage("terraform") },
  { asked: /\b(?:css|scss|sass|style ?sheets?)\b/, is: ofLanguage("css", "scss") },
  { asked: /\b(?:html|erb|jinja2?|twig|blade|handlebars) (?:templates?|pages?|forms?|views?|files?)\b|\btemplates? (?:of|for) the\b/, is: ofLanguage("html", "template") },
  { asked: /\bmigrations?\b/, is: ofPath(/(^|\/)(?:[\w-]*migrations?|migrate|versions)\/[^/]*\d[^/]*$/i) },
  {
    asked: /\b(?:github|gitlab) (?:actions?|workflows?|ci|pipelines?)\b|\bci\b|\bcontinuous integration\b/,
    is: ofPath(/(^|\/)(?:\.github\/(?:workflows|actions)|\.circleci|\.buildkite)\/|(^|\/)(?:\.gitlab-ci|\.travis|\.?appveyor|azure-pipelines|bitbucket-pipelines|jenkinsfile)[^/]*$/i),
  },
  { asked: /^(?:the )?(?:docs|documentation|guide|manual)\b|\b(?:docs|documentation) (?:of|for|about|on)\b|\bin the (?:docs|documentation)\b|\breadme\b|\bchangelog\b/, is: ofLanguage(...proseLanguages) },
  // Not what code does for tests: "a server for unit tests".
  { asked: /^(?:the )?(?:unit |integration |e2e )?tests? (?:for|of|that|whether)\b|\b(?:where|how|what|which|is|are)\b.*\btested\b/, is: ({ isTest }) => isTest },
];

/** Whether a place is of a kind that the text of a question names; undefined when it names none. */
export function kindsAsked(text: string): Kind["is"] | undefined {
  const words = text.toLowerCase();
  const asked = kinds.filter((kind) => kind.asked.test(words));
  return asked.length === 0 ? undefined : (place) => asked.some(({ is }) => is(place));
}
