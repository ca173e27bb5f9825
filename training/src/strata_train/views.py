"""Texts made from one documented definition: the ways people ask for it, and the ways its code may look.

All choices come from the `random.Random` that is passed in, so a pair always gives the same texts for the same seed.
Nothing here parses code: definitions were cut by the product's chunker, words are enough for the rest.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import regex

from strata_train.config import DataConfig

WORD = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
STOP_WORDS = frozenset(
    "a an and are as at be been but by can do does for from get has have if in into is it its may must no not of on or "
    "our returns return set so than that the their then there these they this those to up used uses using was we when "
    "where which while will with you your given whether each any all also only such".split()
)
# Words of many languages that are not identifiers someone chose.
KEYWORDS = frozenset(
    "abstract and as assert async await auto bool boolean break byte case catch char class const continue default def "
    "del delete do double elif else elsif end enum error except export extends extern false final finally float fn for "
    "from func function global if impl implements import in include instanceof int interface is lambda let long match "
    "mod module mut namespace new nil none None not null number object or override package pass private protected pub "
    "public raise ref require return self Self short signed sizeof static str string String struct super switch "
    "template this throw throws trait True False true try type typedef typeof u8 u16 u32 u64 i32 i64 usize undefined "
    "unless unsigned unsafe use using val var vec virtual void where while with yield std len range print "
    "println".split()
)
PLAIN_NAMES = tuple("item data obj tmp left right acc buf out res arg elem cur aux foo bar".split())
NEUTRAL_NAMES = ("f", "fn", "func", "run", "solve", "handle", "process", "doIt", "helper", "impl")
# "Returns the index" → "return the index", "Fixes" → "fix", "Initializes" → "initialize"
FIRST_WORD = re.compile(r"^[A-Z]?[a-z]{3,}\b")
ENDINGS = {"ies": "y", "sses": "ss", "ches": "ch", "shes": "sh", "xes": "x", "zes": "ze", "oes": "o", "s": ""}
NO_VERB_ENDINGS = ("ss", "us", "is")  # process, status, analysis
NO_VERBS = frozenset("alias always as besides bias canvas has its perhaps series sometimes was yes".split())
# What code of a language often stands in, as rows before and after it. It says little of what that code does.
ENCLOSURES = {
    "cpp": (
        ("using namespace std;", ""),
        ("namespace NAME {", "}"),
        ("class NAME {\npublic:", "};"),
        ("struct NAME {", "};"),
    ),
    "csharp": (
        ("public class NAME\n{", "}"),
        ("static class NAME\n{", "}"),
        ("namespace NAME\n{\npublic class NAME\n{", "}\n}"),
        ("namespace NAME\n{\ninternal static class NAME\n{", "}\n}"),
    ),
    "go": (('import (\n"fmt"\n"sort"\n"strings"\n)', ""), ('import (\n"errors"\n)', "")),
    "java": (
        ("public class NAME {", "}"),
        ("class NAME {", "}"),
        ("public final class NAME {\nprivate NAME() {}", "}"),
    ),
    "javascript": (('"use strict";', ""), ("class NAME {", "}"), ("export default class NAME {", "}")),
    "kotlin": (("object NAME {", "}"), ("class NAME {", "}")),
    "php": (("class NAME\n{", "}"), ("final class NAME\n{", "}")),
    "python": (("class NAME:", ""), ("class NAME(object):", ""), ("# -*- coding: utf-8 -*-", "")),
    "ruby": (("module NAME", "end"), ("class NAME", "end")),
    "rust": (("impl NAME {", "}"), ("mod NAME {", "}")),
    "scala": (("object NAME {", "}"), ("object NAME extends App {", "}"), ("class NAME {", "}")),
    "swift": (("struct NAME {", "}"), ("enum NAME {", "}"), ("extension NAME {", "}")),
    "typescript": (("export class NAME {", "}"), ("namespace NAME {", "}"), ("/* eslint-disable */", "")),
}
PLAIN_OWNERS = tuple(
    "App Calculator Demo Example Functions Helper Lib Main Program Solution Task Test Tools Utils".split()
)
UNLIKE = {"caches": "cache", "dies": "die", "lies": "lie", "ties": "tie"}
# Scripts that put no blanks between words: two letters count as a word, as in `src/indexing/mine.ts`.
UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]{1,2}")
OTHER_SCRIPT = regex.compile(r"\P{L}*(?!\p{Latin})\p{L}")
NAME_WORDS = regex.compile(r"\p{Lu}+(?!\p{Ll})|\p{Lu}?[\p{Ll}\p{Lo}]+|\p{Nd}+")
WRITTEN_SHARE = 0.7  # of the questions, where a pair carries some written ones
QUESTIONS = (
    "how to {imperative}",
    "how do I {imperative}",
    "where do we {imperative}",
    "where is the code to {imperative}",
    "function to {imperative}",
    "code that can {imperative}",
    "what is used to {imperative}",
    "{imperative}",
    "{imperative} in {language}",
    "how to {imperative} in {language}",
    "{language} {imperative}",
)
# What people call a language, where it is not its id.
SPOKEN = {"cpp": "c++", "csharp": "c#", "javascript": "js", "tsx": "typescript"}


def word_count(text: str) -> int:
    return len(UNSPACED.sub(" word ", text).split())


def name_words(name: str) -> str:
    """`readHeader`, `read_header` → `read header`."""
    return " ".join(word.lower() for word in NAME_WORDS.findall(name))


def first_sentence(doc: str) -> str:
    match = regex.search(r"(?<=[\p{Ll}\p{Lo}\p{Nd})`'\"])[.!?](?:\s|$)|[。！？]|\n\s*\n", doc)
    return (doc[: match.start()] if match else doc).strip()


def imperative(sentence: str) -> str:
    """`Returns the index` → `return the index`; what does not begin with a verb in -s only loses its capital."""
    sentence = sentence.strip().rstrip(".!?:。！？：")
    if match := FIRST_WORD.match(sentence):
        sentence = _base_form(match[0]) + sentence[match.end() :]
    if sentence[:1].isupper() and not sentence[1:2].isupper():
        sentence = sentence[0].lower() + sentence[1:]
    return sentence


def _base_form(word: str) -> str:
    lower = word.lower()
    if lower in UNLIKE:
        return UNLIKE[lower]
    if lower in NO_VERBS or lower.endswith(NO_VERB_ENDINGS):
        return word
    ending = next((ending for ending in ENDINGS if lower.endswith(ending)), None)
    return word if ending is None else word[: -len(ending)] + ENDINGS[ending]


def question(doc: str, language: str, chance: random.Random) -> str:
    """One of the ways in which people ask for what `doc` says; some name the language."""
    asked = imperative(first_sentence(doc))
    if OTHER_SCRIPT.match(asked):
        return asked  # nobody puts English words around it
    return chance.choice(QUESTIONS).format(imperative=asked, language=SPOKEN.get(language, language))


def keywords(doc: str, limit: int = 7) -> str:
    """The telling words of the documentation, in order, each once."""
    words = dict.fromkeys(word.lower() for word in regex.findall(r"\p{L}[\p{L}\p{M}\p{Nd}_]+", doc))
    return " ".join([word for word in words if word not in STOP_WORDS][:limit])


def without_name(text: str, name: str, replacement: str = "") -> str:
    """`text` with every whole-word occurrence of the definition's name replaced."""
    simple = re.split(r"[.:#]+", name)[-1] if name else ""
    if len(simple) < 2:
        return text
    return re.sub(rf"(?<![A-Za-z0-9_$]){re.escape(simple)}(?![A-Za-z0-9_$])", replacement, text)


def queries(pair: dict[str, Any], chance: random.Random, config: DataConfig) -> list[str]:
    """Two ways to ask: as the documentation says it, and as someone who did not read it might.

    Where questions were written down, one of them instead, most of the time.
    """
    if (written := pair.get("questions")) and chance.random() < WRITTEN_SHARE:
        return [chance.choice(written)]
    doc = pair["doc"]
    first, _, rest = doc.partition(" ")
    if first.strip("`*") == pair["name"] and rest:
        doc = rest  # Go's comments begin with the name: "export emits the features"
    if chance.random() < config.drop_name_query:
        doc = " ".join(without_name(doc, pair["name"]).split())
    asked = [doc if chance.random() < 0.5 else first_sentence(doc)]
    asked.append(question(doc, pair["lang"], chance) if chance.random() < 0.7 else keywords(doc))
    return [text for text in dict.fromkeys(asked) if word_count(text) >= 2]


def code_view(pair: dict[str, Any], chance: random.Random, config: DataConfig) -> str:
    """The document text of a pair: as the product would index it, in a third of the cases without its name."""
    code, name = pair["code"], pair["name"]
    nameless = chance.random() < config.drop_name_code
    if nameless:
        code, name = without_name(code, name, chance.choice(NEUTRAL_NAMES)), ""
    if chance.random() < _keep_doc(pair, config) and not nameless:
        code = documented(code, pair["doc"], pair["lang"])
    if chance.random() < config.breadcrumb:
        tail = "/".join(pair["path"].split("/")[-2:])
        code = f"{tail} > {name}\n{code}" if name else f"{tail}\n{code}"
    return code


def _keep_doc(pair: dict[str, Any], config: DataConfig) -> float:
    """How often documentation stays in the code: never where it is itself one of the questions."""
    questions = pair.get("questions", ())
    return 0.0 if pair["doc"] in questions else config.written_keep_doc if questions else config.keep_doc


def documented(code: str, doc: str, language: str) -> str:
    """`code` with its documentation where the language has it."""
    head, _, body = code.partition("\n")
    if language == "python" and head.rstrip().endswith(":"):
        return f'{head}\n    """{doc}"""\n{body}'
    return f"/** {doc} */\n{code}"


def identifiers(code: str) -> Counter[str]:
    """The names that someone chose, and how often each occurs."""
    return Counter(word for word in WORD.findall(code) if len(word) > 2 and word not in KEYWORDS)


def renamed(code: str, chance: random.Random, share: float = 0.6, words: Sequence[str] = PLAIN_NAMES) -> str:
    """`code` with most identifiers that occur twice or more replaced by `words` from elsewhere."""
    chosen = [word for word, count in identifiers(code).items() if count >= 2 and chance.random() < share]
    names = dict(zip(chosen, chance.sample(words, min(len(words), len(chosen))), strict=False))
    return WORD.sub(lambda match: names.get(match[0], match[0]), code)


def enclosed(code: str, language: str, chance: random.Random, names: Sequence[str]) -> str:
    """`code` in a class, a module or what else its language makes it stand in, called plainly or as one of `names`."""
    if language not in ENCLOSURES:
        return code
    before, after = chance.choice(ENCLOSURES[language])

    def name(_: re.Match[str]) -> str:
        word = chance.choice(PLAIN_OWNERS if chance.random() < 0.5 else names)
        return word[0].upper() + word[1:]

    return "\n".join(part for part in (re.sub(r"\bNAME\b", name, before), code, after) if part)


def piece(code: str, chance: random.Random, least: float, most: float) -> str:
    """Lines that lie together, between these shares of all, at least two where there are."""
    lines = code.splitlines()
    count = max(2, int(len(lines) * chance.uniform(least, most)))
    start = chance.randrange(max(1, len(lines) - count + 1))
    return "\n".join(lines[start : start + count])


def code_pair(pair: dict[str, Any], chance: random.Random, config: DataConfig) -> tuple[str, str] | None:
    """Two texts of the same code: renamed against original, or its two halves. None when it is too short."""
    code = without_name(pair["code"], pair["name"], chance.choice(NEUTRAL_NAMES))
    lines = code.splitlines()
    if len(lines) < 6:
        return None
    if chance.random() < config.rename:
        return renamed(code, chance), pair["code"]
    middle = len(lines) // 2 + chance.randint(-1, 1)
    halves = "\n".join(lines[:middle]), "\n".join(lines[middle:])
    return halves if chance.random() < 0.5 else halves[::-1]
