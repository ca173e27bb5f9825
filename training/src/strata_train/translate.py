"""The code-translation builder: (documentation, code) seeds -> (documentation, code A, code B) triplets (section 3.3).

A language model behind any OpenAI-compatible `/v1/chat/completions` address (Ollama, vLLM, a hosted one) translates
each seed's code into another language. There is no default address, so nothing leaves the machine unasked. Answers are
believed only after the target language's own grammar has parsed them. The output grows line by line and a run that
stopped for whatever reason goes on where it was.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib
import json
import os
import random
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from itertools import islice
from pathlib import Path
from typing import Any

import regex

from strata_train.dedup import EvaluationHashes, NearDuplicates, shingles, text_hash
from strata_train.events import UserError, drop_partial_line, emit
from strata_train.records import Record, read_json_lines

# ---- target languages ----


@dataclass(frozen=True)
class Target:
    """A language to translate into: what to call it, its grammar, and the nodes of which it must have one."""

    title: str
    module: str
    definitions: frozenset[str]
    labels: frozenset[str]  # what a fence may call it
    function: str = "language"


def _target(title: str, module: str, definitions: str, labels: str, function: str = "language") -> Target:
    return Target(title, module, frozenset(definitions.split()), frozenset(labels.split()), function)


_SCRIPT = (
    "function_declaration generator_function_declaration function_expression arrow_function "
    "class_declaration method_definition"
)
TARGETS: dict[str, Target] = {
    "c": _target("C", "tree_sitter_c", "function_definition", "c h"),
    "cpp": _target(
        "C++", "tree_sitter_cpp", "function_definition class_specifier struct_specifier", "cpp c++ cc cxx hpp"
    ),
    "go": _target("Go", "tree_sitter_go", "function_declaration method_declaration type_declaration", "go golang"),
    "java": _target(
        "Java",
        "tree_sitter_java",
        "method_declaration class_declaration constructor_declaration interface_declaration",
        "java",
    ),
    "javascript": _target("JavaScript", "tree_sitter_javascript", _SCRIPT, "javascript js jsx mjs node"),
    "php": _target(
        "PHP", "tree_sitter_php", "function_definition method_declaration class_declaration", "php", "language_php_only"
    ),
    "python": _target("Python", "tree_sitter_python", "function_definition class_definition", "python py python3"),
    "ruby": _target("Ruby", "tree_sitter_ruby", "method singleton_method class module", "ruby rb"),
    "rust": _target("Rust", "tree_sitter_rust", "function_item struct_item impl_item enum_item trait_item", "rust rs"),
    "typescript": _target(
        "TypeScript",
        "tree_sitter_typescript",
        f"{_SCRIPT} interface_declaration",
        "typescript ts tsx",
        "language_typescript",
    ),
}
_LABELS = {label: name for name, target in TARGETS.items() for label in target.labels}
TITLES = {name: target.title for name, target in TARGETS.items()} | {"csharp": "C#"}


class Grammars:
    """Parsers of the target languages, from the wheels of the extra `translate`; nothing is downloaded at run time."""

    def __init__(self, languages: Iterable[str]) -> None:
        self._languages: dict[str, Any] = {}
        self._local = threading.local()  # a parser must not be shared between threads
        for name in languages:
            if name not in TARGETS:
                raise UserError("unknown-language", f"Cannot translate into {name}; choose from {', '.join(TARGETS)}.")
            try:
                tree_sitter = importlib.import_module("tree_sitter")
                module = importlib.import_module(TARGETS[name].module)
            except ImportError as error:
                raise UserError(
                    "grammars-missing",
                    "The target grammars are not installed: run `pip install -e '.[translate]'` in `training/` first.",
                ) from error
            self._languages[name] = tree_sitter.Language(getattr(module, TARGETS[name].function)())

    def parse(self, language: str, code: str) -> Any:
        """The root node."""
        parsers = self._local.__dict__.setdefault("parsers", {})
        if language not in parsers:
            parsers[language] = importlib.import_module("tree_sitter").Parser(self._languages[language])
        return parsers[language].parse(code.encode()).root_node

    def defines(self, language: str, code: str) -> bool | None:
        """None when it does not parse, else whether a function, method or class is defined in it."""
        root = self.parse(language, code)
        if root.has_error:
            return None
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if node.type in TARGETS[language].definitions:
                return True
            waiting.extend(node.children)
        return False


# ---- answers ----


class Rejected(Exception):
    """An answer that is not a translation; `reason` is stable and counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


SHORTEST, LONGEST = 20, 8000
_FENCE = regex.compile(r"[ \t]*```[ \t]*([\w+#.-]*)")


def _fenced(answer: str) -> Iterator[tuple[str, str]]:
    """Label and content of every fenced block, in one pass: models in a loop write fences without end."""
    label: str | None = None
    inside: list[str] = []
    for line in answer.split("\n"):
        if label is None:
            if fence := _FENCE.match(line):
                label, inside = fence[1], []
        elif line.strip(" \t\r") == "```":
            yield label, "".join(f"{each}\n" for each in inside)
            label = None
        else:
            inside.append(line)


def code_of(answer: str, language: str) -> str:
    """The longest fenced block of the answer, if it does not call itself another language."""
    blocks = list(_fenced(answer))
    if not blocks:
        raise Rejected("truncated" if "```" in answer else "no-code")
    label, code = max(blocks, key=lambda block: len(block[1]))
    named = _LABELS.get(label.lower())
    if named is not None and named != language:
        raise Rejected("wrong-language")
    return code.strip("\n")


def validate(answer: str, seed: Record, language: str, grammars: Grammars) -> str:
    """The translated code, or `Rejected` with the reason."""
    code = code_of(answer, language)
    if language == "php":
        code = regex.sub(r"^\s*<\?php\s*|\s*\?>\s*$", "", code)
    if len(code) < SHORTEST:
        raise Rejected("too-short")
    if len(code) > min(LONGEST, 4 * len(seed["code"]) + 1000):
        raise Rejected("too-long")
    if _is_copy(code, seed["code"]):
        raise Rejected("copy")
    match grammars.defines(language, code):
        case None:
            raise Rejected("does-not-parse")
        case False:
            raise Rejected("no-definition")
    return code


def _is_copy(code: str, original: str) -> bool:
    if text_hash(code) == text_hash(original):
        return True
    a, b = set(shingles(code).tolist()), set(shingles(original).tolist())
    return len(a & b) / len(a | b) > 0.95  # C barely changes on its way to C++; this is about echoes


# ---- the endpoint ----


class Transient(Exception):
    """A failure that may pass: no connection, time-out, 429, 5xx, an answer that is no JSON."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(Exception):
    """The server will not answer this one request (400, 413, 422): too long for it, most often. Not asked again now."""


class Cancelled(Exception):
    """The run was stopped; the task is left for the next one."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Code and key go to the address that the user named, and to no other that it points to."""

    def redirect_request(self, *_: object) -> None:
        return None


_open = urllib.request.build_opener(_NoRedirects).open


@dataclass
class Endpoint:
    """One chat-completions address. `clock` and `sleep` are parameters so that tests need not wait."""

    url: str
    model: str
    key: str | None = None
    timeout: float = 120.0
    retries: int = 4
    rate: float = 2.0  # requests a second, over all threads
    max_bytes: int = 1_000_000
    longest_pause: float = 60.0
    clock: Callable[[], float] = time.monotonic
    cancel: threading.Event = field(default_factory=threading.Event)
    sleep: Callable[[float], object] | None = None

    def __post_init__(self) -> None:
        if "@" in self.url:  # not repeated: what stands before it may be a password
            raise UserError("bad-url", "The address of a model holds no name or password; keys go by --key-variable.")
        try:
            parts = urllib.parse.urlsplit(self.url)
            whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:  # a port that is no number
            whole = False
        if not whole:
            raise UserError("bad-url", f"{self.url!r} is not the address of a model, such as http://localhost:11434.")
        self.key = (self.key or "").strip() or None
        if self.key and not (self.key.isascii() and self.key.isprintable()):
            raise UserError("bad-key", "The API key has characters that no key has; was something else pasted with it?")
        path = parts.path.rstrip("/")
        if not path.endswith("/chat/completions"):
            path = f"{path}/chat/completions" if path.endswith("/v1") else f"{path}/v1/chat/completions"
        self._address = urllib.parse.urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
        self._sleep = self.sleep or self.cancel.wait  # a pause ends at once when the run is cancelled
        self._turns = threading.Lock()
        self._next_turn = self.clock()
        self._silent_until = self._next_turn
        self._jitter = random.Random(0)

    def ask(self, system: str, prompt: str) -> str:
        """The answer's text. Transient failures are tried again with growing pauses, then raised."""
        body = {
            "model": self.model,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": prompt}],
            "temperature": 0,
            "stream": False,
        }
        for attempt in range(self.retries + 1):
            self._wait_for_turn()
            try:
                return self._read_answer(self._post(json.dumps(body).encode()))
            except Transient as failure:
                if failure.retry_after is not None:
                    self._hold_all(min(failure.retry_after, self.longest_pause))
                if attempt == self.retries:
                    raise
                if failure.retry_after is None:
                    pause = 2.0**attempt * (0.75 + 0.5 * self._jitter.random())
                    self._pause(min(pause, self.longest_pause))
        raise AssertionError("unreachable")

    def _wait_for_turn(self) -> None:
        while True:
            with self._turns:
                now = self.clock()
                turn = max(now, self._next_turn)
                self._next_turn = turn + 1 / self.rate
            self._pause(turn - now)
            if self.clock() >= self._silent_until:  # it may have been asked for meanwhile
                return

    def _hold_all(self, seconds: float) -> None:
        """The server asked for silence: that is meant for every thread, not only for the one that was told."""
        with self._turns:
            self._silent_until = max(self._silent_until, self.clock() + seconds)
            self._next_turn = max(self._next_turn, self._silent_until)

    def _pause(self, seconds: float) -> None:
        if seconds > 0 and not self.cancel.is_set():
            self._sleep(seconds)
        if self.cancel.is_set():
            raise Cancelled

    def _post(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        request = urllib.request.Request(self._address, body, headers)
        deadline = self.clock() + self.timeout
        try:
            with _open(request, timeout=self.timeout) as response:
                parts, size = [], 0
                while part := response.read1(65_536):
                    parts.append(part)
                    size += len(part)
                    if size > self.max_bytes:
                        raise Transient("the answer is larger than a megabyte")
                    # the socket's time-out is per read: a server that drips would never meet it
                    if self.clock() > deadline:
                        raise Transient("the answer took too long")
                return b"".join(parts)
        except urllib.error.HTTPError as error:
            if error.code == 429 or error.code >= 500 or error.code == 408:
                raise Transient(f"HTTP {error.code}", _retry_after(error.headers.get("Retry-After"))) from error
            said = f"HTTP {error.code}: {_detail(error)}"
            if self.key:  # some servers repeat it
                said = said.replace(self.key, "…")
            if error.code in (400, 413, 422):
                raise Refused(said) from error
            raise UserError("endpoint-refused", f"The model's server answered {said}.") from error
        except (http.client.HTTPException, OSError) as error:
            raise Transient(f"no answer: {error}") from error

    def _read_answer(self, raw: bytes) -> str:
        try:
            choice = json.loads(raw)["choices"][0]
            content = choice["message"]["content"]
            if content is None:  # a filter took it, or the model called a tool
                raise Rejected("no-text")
            if not isinstance(content, str):
                raise TypeError("content is no text")
            content.encode()  # JSON can hold half of a surrogate pair, which no file and no parser takes
        except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
            raise Transient(f"not a chat completion: {error!r}"[:200]) from error
        if choice.get("finish_reason") == "length":
            raise Rejected("truncated")
        return content


def _detail(error: urllib.error.HTTPError) -> str:
    """The beginning of what the server says about its refusal, if it says it in time."""
    try:
        return error.read(300).decode("utf-8", "replace").strip() or str(error.reason)
    except (http.client.HTTPException, OSError):
        return str(error.reason)


def _retry_after(value: str | None) -> float | None:
    """Seconds, or a date, as HTTP allows."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


# ---- the builder ----

SYSTEM = (
    "You translate source code between programming languages. Answer with one fenced code block that holds the whole "
    "translation and nothing else. Keep the behaviour and the names' meaning; use the target language's own idioms, "
    "naming style and standard library. Leave comments out."
)


def prompt_for(seed: Record, language: str) -> str:
    source = TITLES.get(seed["lang"], seed["lang"])
    return f"Translate this {source} code to {TARGETS[language].title}:\n\n```{seed['lang']}\n{seed['code']}\n```"


@dataclass(frozen=True)
class Task:
    seed: Record
    language: str
    key: str


def task_key(seed: Record, language: str) -> str:
    """What makes two tasks the same: the code and where it goes, not the file it was found in."""
    return hashlib.blake2b(f"{seed['lang']}\0{language}\0{seed['code']}".encode(), digest_size=12).hexdigest()


def tasks(seeds: Iterable[Record], languages: list[str], per_seed: int) -> Iterator[Task]:
    """`per_seed` targets for each seed, chosen by the seed's own hash: the same ones in every run."""
    for seed in seeds:
        others = sorted(language for language in languages if language != seed["lang"])
        chosen = random.Random(task_key(seed, "")).sample(others, min(per_seed, len(others)))
        for language in chosen:
            yield Task(seed, language, task_key(seed, language))


@dataclass
class Counts:
    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    skipped: int = 0

    @property
    def done(self) -> int:
        return self.accepted + self.rejected.total() + self.failed

    def fields(self) -> dict[str, Any]:
        return {
            "accepted": self.accepted, "rejected": dict(self.rejected), "failed": self.failed, "skipped": self.skipped,
        }  # fmt: skip


FAILED = "failed"


class Output:
    """The triplets and, beside them, one line of state per finished task; both only ever grow.

    A task is finished when it was accepted or rejected. One that failed (the server did) is tried in the next run,
    after all others.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.state = path, path.with_name(path.name + ".state")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.finished: set[str] = set()
        self.failed: set[str] = set()
        self.near = NearDuplicates()
        if not self.state.exists() and not _begins_with_triplet(path):
            raise UserError("out-foreign", f"{path} was not written by `translate`; name another --out.")
        for file in (self.path, self.state):
            if file.exists():
                drop_partial_line(file)
        for record in read_json_lines(self.state) if self.state.exists() else ():
            if not {"key", "status"} <= set(record):
                raise UserError("state-bad", f"{self.state} was not written by `translate`; name another --out.")
            (self.failed if record["status"] == FAILED else self.finished).add(record["key"])
        triplets = read_json_lines(self.path) if self.path.exists() else iter(())
        while some := list(islice(triplets, 1000)):  # a few at a time: there may be a million
            self.finished.update(record["key"] for record in some)  # written, but killed before the state was
            self.near.add([record["code_b"] for record in some])
        self._lines = self.path.open("a", encoding="utf-8")
        self._states = self.state.open("a", encoding="utf-8")

    def accept(self, task: Task, code: str, model: str) -> None:
        if self.near.add([code])[0] >= 0:
            raise Rejected("near-duplicate")
        triplet = task.seed | {"lang_b": task.language, "code_b": code, "translator": model, "key": task.key}
        self._write(self._lines, triplet)
        self.finish(task, "accepted")

    def finish(self, task: Task, status: str) -> None:
        self._write(self._states, {"key": task.key, "status": status})
        self.finished.add(task.key)

    def fail(self, task: Task) -> None:
        if task.key not in self.failed:
            self._write(self._states, {"key": task.key, "status": FAILED})
            self.failed.add(task.key)

    def close(self) -> None:
        self._lines.close()
        self._states.close()

    @staticmethod
    def _write(file: Any, record: Record) -> None:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")
        file.flush()


def _begins_with_triplet(path: Path) -> bool:
    """Whether an earlier run can have written the file; also where nothing is written yet."""
    if not path.exists() or path.stat().st_size == 0:
        return True
    with path.open("rb") as file:
        try:
            return {"key", "code_b"} <= set(json.loads(file.readline()))
        except (ValueError, TypeError):
            return False


def build(
    seeds: Iterable[Record],
    output: Output,
    endpoint: Endpoint,
    grammars: Grammars,
    languages: list[str],
    *,
    per_seed: int = 1,
    concurrency: int = 4,
    limit: int | None = None,
    patience: int = 10,
    report_every: int = 20,
) -> Counts:
    """Translate what is not finished yet. Ends early when cancelled, at `limit` tasks, or when the server is gone.

    `patience` tasks failing one after another means that the server is gone; going on would only hammer it. What it
    refused in a run in which it translated others is not asked for again.
    """
    counts = Counts()
    failures_in_a_row = 0
    asked = 0

    def work(task: Task) -> str:
        return validate(endpoint.ask(SYSTEM, prompt_for(task.seed, task.language)), task.seed, task.language, grammars)

    def settle(task: Task, future: Future[str]) -> None:
        nonlocal failures_in_a_row
        try:
            output.accept(task, future.result(), endpoint.model)
            counts.accepted += 1
            failures_in_a_row = 0
        except Rejected as rejection:
            output.finish(task, rejection.reason)
            counts.rejected[rejection.reason] += 1
            failures_in_a_row = 0
        except Cancelled:
            return
        except (Transient, Refused) as failure:
            if isinstance(failure, Refused) and counts.accepted + counts.rejected.total() > 0:
                output.finish(task, "refused")
                counts.rejected["refused"] += 1
            else:
                output.fail(task)
                counts.failed += 1
            failures_in_a_row += 1
            if failures_in_a_row >= patience:
                code = "endpoint-refused" if isinstance(failure, Refused) else "endpoint-down"
                raise UserError(
                    code, f"The model's server failed {patience} times in a row ({failure}). Run again to go on."
                ) from failure
        if counts.done % report_every == 0:
            emit("progress", phase="translate", done=counts.done, **counts.fields())

    def in_order() -> Iterator[Task]:
        earlier, late = frozenset(output.failed), []
        for task in tasks(seeds, languages, per_seed):
            if task.key in earlier:
                late.append(task)
            else:
                yield task
        yield from late

    waiting = in_order()
    running: dict[Future[str], Task] = {}
    begun: set[str] = set()
    with ThreadPoolExecutor(concurrency) as pool:
        try:
            while not endpoint.cancel.is_set():
                while len(running) < concurrency and (limit is None or asked < limit):
                    task = next(waiting, None)
                    if task is None:
                        break
                    if task.key in output.finished or task.key in begun:
                        counts.skipped += 1
                        continue
                    begun.add(task.key)
                    asked += 1
                    running[pool.submit(work, task)] = task
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    settle(running.pop(future), future)
        except BaseException:
            endpoint.cancel.set()
            raise
        finally:
            # answers that are on their way were paid for: keep them, but start nothing new
            for future in wait(running).done:
                try:
                    settle(running.pop(future), future)
                except UserError:
                    pass
    return counts


# ---- command ----


def add_commands(commands: Any) -> None:
    """Register `translate` with the command line."""
    parser = commands.add_parser(
        "translate", help="build (text, code A, code B) triplets with a language model of yours"
    )
    parser.add_argument(
        "seeds", type=Path, nargs="+", help="JSON lines {lang, source, path, name, doc, code}, may be gzipped"
    )
    parser.add_argument("--out", type=Path, required=True, help="triplets, JSON lines; an existing file is continued")
    parser.add_argument("--base-url", default=os.environ.get("STRATA_TRANSLATE_URL"), help="OpenAI-compatible server")
    parser.add_argument("--model", default=os.environ.get("STRATA_TRANSLATE_MODEL"))
    parser.add_argument(
        "--key-variable", default="STRATA_TRANSLATE_KEY", help="environment variable with the API key, if any"
    )
    parser.add_argument("--languages", default=",".join(TARGETS), help="targets, comma-separated")
    parser.add_argument("--per-seed", type=int, default=1, help="targets for each seed")
    parser.add_argument("--limit", type=int, help="at most so many requests in this run")
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--rate", type=float, default=2.0, help="requests a second")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds for one answer")
    parser.add_argument("--retries", type=int, default=4)
    parser.add_argument("--evaluation", type=Path, help="hash list; seeds that are in it are left out")
    parser.set_defaults(run=run_translate)


def run_translate(options: Any) -> None:
    from strata_train.data import read_pairs  # here, because it brings torch, which nothing else in this file needs

    if not options.base_url or not options.model:
        raise UserError(
            "no-endpoint",
            "Nothing was sent: name a server with --base-url (Ollama's is http://localhost:11434) "
            "and a model with --model.",
        )
    if (
        min(options.concurrency, options.per_seed) < 1
        or options.rate <= 0
        or options.timeout <= 0
        or options.retries < 0
    ):
        raise UserError("bad-number", "--concurrency, --per-seed, --rate and --timeout must be above zero.")
    languages = [name.strip() for name in options.languages.split(",") if name.strip()]
    grammars = Grammars(languages)
    endpoint = Endpoint(
        options.base_url,
        options.model,
        os.environ.get(options.key_variable),
        options.timeout,
        options.retries,
        options.rate,
    )
    evaluation = EvaluationHashes.load(options.evaluation) if options.evaluation else None
    seeds = (
        seed
        for seed in read_pairs(options.seeds)
        if evaluation is None or not (evaluation.contains(seed["code"]) or evaluation.contains(seed["doc"]))
    )
    output = Output(options.out)
    try:
        counts = build(
            seeds, output, endpoint, grammars, languages,
            per_seed=options.per_seed, concurrency=options.concurrency, limit=options.limit,
        )  # fmt: skip
    except KeyboardInterrupt:
        raise UserError(
            "interrupted", f"Stopped; the triplets so far are in {options.out}. Run again to go on."
        ) from None
    finally:
        output.close()
    emit("result", command="translate", out=str(options.out), **counts.fields())
