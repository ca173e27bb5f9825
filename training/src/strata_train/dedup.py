"""Duplicates and contamination: what must not be in the training data twice, or at all.

Three filters, all streaming (memory grows with what is kept, never with the texts):
exact copies by a hash of the normalised text; near copies by MinHash and locality-sensitive hashing over character
5-grams (256 permutations, Jaccard 0.7, as the paper does for its data); and copies of evaluation texts by a committed
list of hashes, so that training never needs, or sees, the evaluation sets themselves.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import string
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import regex

from strata_train.events import UNREADABLE, UserError, emit, reason
from strata_train.records import Record, read_json_lines
from strata_train.views import first_sentence

Array = np.ndarray[Any, np.dtype[Any]]

# ---- hashing ----


def normalise(text: str) -> str:
    """Lower case, every run of white space one space: what two copies of a text still share."""
    return " ".join(text.lower().split())


def text_hash(text: str) -> int:
    """64 bits of the normalised text without any white space."""
    digest = hashlib.blake2b("".join(text.lower().split()).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def mix(values: Array) -> Array:
    """SplitMix64's finaliser: a bijection of 64-bit integers whose output bits all depend on all input bits."""
    values = values.astype(np.uint64)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def shingles(text: str, length: int = 5) -> Array:
    """The set of character 5-grams of the normalised text, as hashes. A shorter text is one shingle."""
    codes = np.frombuffer(normalise(text).encode("utf-32-le"), dtype="<u4").astype(np.uint64)
    if len(codes) < length:
        codes = np.concatenate((codes, np.zeros(length - len(codes), dtype=np.uint64)))
    windows = np.lib.stride_tricks.sliding_window_view(codes, length)  # (S, length)
    hashes = np.zeros(len(windows), dtype=np.uint64)
    for column in range(length):
        hashes = mix(hashes * np.uint64(31) + windows[:, column] + np.uint64(1))
    return np.unique(hashes)


# ---- near duplicates ----


@dataclass(frozen=True)
class MinHashSettings:
    """256 = 42 bands of 6 rows and 4 spare: two texts at Jaccard 0.7 share a band with probability 0.995."""

    permutations: int = 256
    bands: int = 42
    rows: int = 6
    threshold: float = 0.7
    shingle: int = 5
    seed: int = 1

    def __post_init__(self) -> None:
        if self.bands * self.rows > self.permutations:
            raise ValueError(f"{self.bands} bands of {self.rows} rows need more than {self.permutations} permutations")


class MinHash:
    """Signatures: how often two agree estimates the Jaccard similarity of their texts' shingle sets."""

    def __init__(self, settings: MinHashSettings) -> None:
        self.settings = settings
        rng = np.random.default_rng(settings.seed)
        top = np.iinfo(np.uint64).max
        self.multipliers = rng.integers(0, top, settings.permutations, dtype=np.uint64, endpoint=True) | np.uint64(1)
        self.offsets = rng.integers(0, top, settings.permutations, dtype=np.uint64, endpoint=True)

    def signature(self, text: str) -> Array:
        """The smallest of a x + b mod 2^64 over all shingles x, upper 32 bits, per permutation. -> (P,)"""
        hashes = shingles(text, self.settings.shingle)  # (S,)
        return ((hashes[:, None] * self.multipliers + self.offsets) >> np.uint64(32)).min(axis=0).astype(np.uint32)

    def keys(self, signatures: Array) -> Array:
        """(N, P) -> (N, bands): one hash per band; equal in a band makes two texts candidates."""
        s = self.settings
        rows = signatures[:, : s.bands * s.rows].reshape(len(signatures), s.bands, s.rows).astype(np.uint64)
        hashes = np.arange(s.bands, dtype=np.uint64) * np.ones((len(signatures), 1), dtype=np.uint64)
        for row in range(s.rows):
            hashes = mix(hashes * np.uint64(31) + rows[:, :, row] + np.uint64(1))
        return hashes


class NearDuplicates:
    """The kept texts' signatures and bands. `add` a batch; get, per text, the kept text it repeats, or -1.

    Bands are sorted runs of (key, text) that are merged as they grow: 16 bytes an entry instead of the hundred of a
    Python dictionary.
    """

    RUNS = 8

    def __init__(self, settings: MinHashSettings | None = None) -> None:
        self.settings = settings or MinHashSettings()
        self.minhash = MinHash(self.settings)
        self.count = 0
        self._signatures = np.empty((1024, self.settings.permutations), dtype=np.uint32)
        self._runs: list[tuple[Array, Array]] = []  # sorted keys, texts

    def add(self, texts: list[str], *, keep_all: bool = False) -> list[int]:
        """`keep_all`: also what repeats a kept text, so that nothing passes for being a copy of a copy alone."""
        signatures = np.stack([self.minhash.signature(text) for text in texts])  # (N, P)
        keys = self.minhash.keys(signatures)  # (N, bands)
        candidates = self._stored_candidates(keys)
        fresh: dict[int, list[int]] = {}  # band key -> kept texts of this batch
        answers: list[int] = []
        added_keys, added_ids = [], []
        for i in range(len(texts)):
            own = keys[i].tolist()
            found = candidates[i].union(*(fresh.get(key, ()) for key in own))
            original = self._most_similar(signatures[i], sorted(found))
            answers.append(original)
            if original >= 0 and not (keep_all and (self._signatures[original] != signatures[i]).any()):
                continue
            number = self._keep(signatures[i])
            for key in own:
                fresh.setdefault(key, []).append(number)
            added_keys.append(keys[i])
            added_ids.append(np.full(len(own), number, dtype=np.int64))
        if added_keys:
            self._store(np.concatenate(added_keys), np.concatenate(added_ids))
        return answers

    def find(self, texts: list[str]) -> list[int]:
        """Per text, the kept text that it repeats, or -1. Nothing is kept of these."""
        if not texts:
            return []
        signatures = np.stack([self.minhash.signature(text) for text in texts])  # (N, P)
        candidates = self._stored_candidates(self.minhash.keys(signatures))
        return [self._most_similar(own, sorted(found)) for own, found in zip(signatures, candidates, strict=True)]

    def _stored_candidates(self, keys: Array) -> list[set[int]]:
        found: list[set[int]] = [set() for _ in range(len(keys))]
        flat = keys.ravel()
        for run_keys, run_ids in self._runs:
            left, right = np.searchsorted(run_keys, flat, "left"), np.searchsorted(run_keys, flat, "right")
            for hit in np.flatnonzero(right > left):
                found[hit // keys.shape[1]].update(run_ids[left[hit] : right[hit]].tolist())
        return found

    def _most_similar(self, signature: Array, candidates: list[int]) -> int:
        if not candidates:
            return -1
        similarity = (self._signatures[candidates] == signature).mean(axis=1)
        best = int(similarity.argmax())
        return candidates[best] if similarity[best] >= self.settings.threshold else -1

    def _keep(self, signature: Array) -> int:
        if self.count == len(self._signatures):
            self._signatures = np.concatenate((self._signatures, np.empty_like(self._signatures)))
        self._signatures[self.count] = signature
        self.count += 1
        return self.count - 1

    def _store(self, keys: Array, ids: Array) -> None:
        self._runs.append((keys, ids))
        if len(self._runs) > self.RUNS:
            self._runs = [(np.concatenate([k for k, _ in self._runs]), np.concatenate([i for _, i in self._runs]))]
        keys, ids = self._runs[-1]
        order = np.argsort(keys, kind="stable")
        self._runs[-1] = (keys[order], ids[order])


def copies_of(known: list[str], texts: list[str]) -> list[bool]:
    """Whether each text nearly repeats one of those that are known."""
    near = NearDuplicates()
    for some in batched(list(dict.fromkeys(known)), 10_000):
        near.add(some, keep_all=True)
    return [original >= 0 for some in batched(texts, 10_000) for original in near.find(some)]


def batched(texts: list[str], size: int) -> Iterator[list[str]]:
    return (texts[start : start + size] for start in range(0, len(texts), size))


# ---- contamination ----


@dataclass
class EvaluationHashes:
    """Hashes of evaluation texts: whole texts, and a fixed sample of their 8-token shingles for near copies.

    A shingle is sampled when its own hash says so, hence the same ones in every text. A renamed function or a changed
    line spoils the shingles around it and leaves the rest.
    """

    TOKENS = 8
    SAMPLE = 4  # one shingle in four is listed
    LEAST = 3  # fewer sampled shingles than this prove nothing
    SHARE = 0.5  # a text is contaminated when at least this share of its sampled shingles is listed

    texts: Array = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    shingles: Array = field(default_factory=lambda: np.empty(0, dtype=np.uint32))
    sets: dict[str, int] = field(default_factory=dict)

    @classmethod
    def build(cls, texts: Iterable[tuple[str, str]]) -> EvaluationHashes:
        """From (set, text) pairs."""
        whole: set[int] = set()
        parts: list[Array] = []
        sets: dict[str, int] = {}
        for name, text in texts:
            sets[name] = sets.get(name, 0) + 1
            whole.add(text_hash(text))
            parts.append(cls.sampled(text))
        return cls(
            np.array(sorted(whole), dtype=np.uint64),
            np.unique(np.concatenate(parts)) if parts else np.empty(0, dtype=np.uint32),
            sets,
        )

    @classmethod
    def sampled(cls, text: str) -> Array:
        """The sampled shingles' hashes, 32 bits each."""
        tokens = _TOKEN.findall(text.lower())
        if len(tokens) < cls.TOKENS:
            return np.empty(0, dtype=np.uint32)
        hashes = np.array([_token_hash(token) for token in tokens], dtype=np.uint64)
        windows = np.lib.stride_tricks.sliding_window_view(hashes, cls.TOKENS)  # (S, TOKENS)
        combined = np.zeros(len(windows), dtype=np.uint64)
        for column in range(cls.TOKENS):
            combined = mix(combined * np.uint64(31) + windows[:, column])
        combined = np.unique(combined)
        chosen = combined[combined % np.uint64(cls.SAMPLE) == 0]
        return np.unique((chosen >> np.uint64(32)).astype(np.uint32))

    def contains(self, text: str) -> bool:
        """Whether the text is a copy, or a near copy, of an evaluation text.

        Short ones, as most questions are, have too few shingles to be known by; what stands around them is left out.
        """
        bare = text.strip(string.whitespace + string.punctuation)
        forms = (text, bare, f"{bare}.", f"{bare}?") if bare else (text,)
        if _listed(self.texts, np.array([text_hash(form) for form in forms], dtype=np.uint64)).any():
            return True
        own = self.sampled(text)
        if len(own) < self.LEAST:
            return False
        return bool(_listed(self.shingles, own).mean() >= self.SHARE)

    def digest(self) -> str:
        """The same for the same hashes."""
        return hashlib.sha256(self.texts.tobytes() + b"|" + self.shingles.tobytes()).hexdigest()

    def save(self, path: Path) -> None:
        """Sorted hashes are stored as differences, which gzip packs to about half."""
        content = {
            "format": 1,
            "about": "Hashes of evaluation texts (python -m strata_train hash-evaluation). Never train on them.",
            "sets": dict(sorted(self.sets.items())),
            "shingle": {"tokens": self.TOKENS, "oneIn": self.SAMPLE},
            "texts": _pack(self.texts),
            "shingles": _pack(self.shingles),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as file:
            file.write(json.dumps(content).encode())

    @classmethod
    def load(cls, path: Path) -> EvaluationHashes:
        try:
            content = json.loads(gzip.decompress(path.read_bytes()))
            wanted = {"tokens": cls.TOKENS, "oneIn": cls.SAMPLE}
            if content["format"] != 1 or content["shingle"] != wanted:
                raise UserError("hashes-format", f"{path} was made with other settings; build the list again.")
            return cls(
                _unpack(content["texts"], np.dtype("<u8")),
                _unpack(content["shingles"], np.dtype("<u4")),
                content["sets"],
            )
        except (*UNREADABLE, ValueError, KeyError, TypeError) as error:
            raise UserError(
                "hashes-unreadable", f"{path} is not a list of evaluation hashes: {reason(error)}."
            ) from error


_TOKEN = regex.compile(r"[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]")
_token_hashes: dict[str, int] = {}


def _token_hash(token: str) -> int:
    if (known := _token_hashes.get(token)) is None:
        known = int.from_bytes(hashlib.blake2b(token.encode(), digest_size=8).digest(), "little")
        if len(_token_hashes) < 1_000_000:
            _token_hashes[token] = known
    return known


def _listed(listed: Array, wanted: Array) -> Array:
    if not len(listed):
        return np.zeros(len(wanted), dtype=bool)
    positions = np.searchsorted(listed, wanted).clip(max=len(listed) - 1)
    return listed[positions] == wanted


def _pack(values: Array) -> str:
    differences = np.diff(values, prepend=values.dtype.type(0))
    little = differences.astype(values.dtype.newbyteorder("<"))
    columns = little.view(np.uint8).reshape(len(values), values.dtype.itemsize).T  # all high bytes together: zeros
    return base64.b85encode(columns.tobytes()).decode()


def _unpack(packed: str, kind: np.dtype[Any]) -> Array:
    columns = np.frombuffer(base64.b85decode(packed), dtype=np.uint8).reshape(kind.itemsize, -1)
    differences = np.ascontiguousarray(columns.T).view(kind).ravel()
    return np.cumsum(differences, dtype=kind)


SOURCE_SUFFIXES = frozenset(
    ".c .cc .cpp .cs .cxx .dart .ex .exs .go .h .hpp .hs .java .js .jsx .kt .lua .mjs .php .py .rb .rs .scala .sh "
    ".swift .ts .tsx .zig".split()
)


def evaluation_texts(folder: Path) -> Iterator[tuple[str, str]]:
    """(set, text) of `pairs/SET/{queries,corpus}.jsonl.gz` and `repos/NAME.{tar.gz,queries.json}`."""
    found = False
    for file in sorted(folder.glob("pairs/*/*.jsonl.gz")):
        found = True
        for record in read_json_lines(file):
            yield f"pairs/{file.parent.name}", record["text"]
    for file in sorted(folder.glob("repos/*.queries.json")):
        found = True
        for query in json.loads(file.read_text(encoding="utf-8")):
            yield f"repos/{file.name.removesuffix('.queries.json')}", query["query"]
    for file in sorted(folder.glob("repos/*.tar.gz")):
        found = True
        with tarfile.open(file) as archive:
            for member in archive:
                if member.isfile() and Path(member.name).suffix in SOURCE_SUFFIXES:
                    content = archive.extractfile(member)
                    assert content is not None
                    yield f"repos/{file.name.removesuffix('.tar.gz')}", content.read().decode("utf-8", "replace")
    if not found:
        raise UserError("no-evaluation", f"{folder} holds neither pairs/*/*.jsonl.gz nor repos/*.tar.gz.")


# ---- the whole filter ----


@dataclass
class Removed:
    """How many records each filter took out."""

    seen: int = 0
    contaminated: int = 0
    exact: int = 0
    near: int = 0

    @property
    def kept(self) -> int:
        return self.seen - self.contaminated - self.exact - self.near


def texts_of(record: Record) -> list[str]:
    """What a pair is made of, its code first."""
    doc = record["doc"]
    # The first sentence is asked alone, see `views.queries`.
    return [record["code"], doc, first_sentence(doc), record.get("code_b", ""), *(record.get("questions") or ())]


def deduplicate(
    records: Iterable[Record],
    *,
    texts: Callable[[Record], list[str]] = texts_of,
    evaluation: EvaluationHashes | None = None,
    settings: MinHashSettings | None = None,
    near: NearDuplicates | None = None,
    removed: Removed | None = None,
    batch: int = 1000,
) -> Iterator[Record]:
    """The records that are left, in order; the first of several copies stays.

    `texts` gives what makes a record; the first of them (the code) decides about duplicates, all of them about
    contamination. Counts are written into `removed`.
    """
    removed = removed if removed is not None else Removed()
    near = near or NearDuplicates(settings)
    seen: set[int] = set()
    waiting: list[Record] = []

    def flush() -> Iterator[Record]:
        if waiting:
            answers = near.add([texts(record)[0] for record in waiting])
            for record, original in zip(waiting, answers, strict=True):
                if original < 0:
                    yield record
                else:
                    removed.near += 1
            waiting.clear()

    for record in records:
        removed.seen += 1
        own = texts(record)
        key = text_hash(own[0])
        if evaluation is not None and any(evaluation.contains(text) for text in own if text):
            removed.contaminated += 1
        elif key in seen:
            removed.exact += 1
        else:
            seen.add(key)
            waiting.append(record)
            if len(waiting) == batch:
                yield from flush()
    yield from flush()


# ---- commands ----


def add_commands(commands: Any) -> None:
    """Register `dedup` and `hash-evaluation` with the command line."""
    dedup = commands.add_parser("dedup", help="drop copies, near copies and copies of evaluation texts")
    dedup.add_argument("files", type=Path, nargs="+", help="JSON lines with `doc` and `code`, may be gzipped")
    dedup.add_argument("--out", type=Path, required=True, help="folder for the filtered files, one per input")
    dedup.add_argument("--evaluation", type=Path, help="list made by hash-evaluation")
    dedup.set_defaults(run=run_dedup)
    hashing = commands.add_parser("hash-evaluation", help="make the hash list of an evaluation folder")
    hashing.add_argument("folder", type=Path)
    hashing.add_argument("--out", type=Path, required=True)
    hashing.set_defaults(run=run_hash_evaluation)


def run_dedup(options: Any) -> None:
    evaluation = EvaluationHashes.load(options.evaluation) if options.evaluation else None
    names = [path.name for path in options.files]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError("same-name", f"Two of the files are called {twice} and would be written over; rename one.")
    if own := next((path for path in options.files if (options.out / path.name).resolve() == path.resolve()), None):
        raise UserError("out-is-input", f"{own} lies in {options.out} and would be replaced; choose another folder.")
    options.out.mkdir(parents=True, exist_ok=True)
    near, total = NearDuplicates(), Removed()
    for path in options.files:
        removed = Removed()
        target = options.out / path.name
        partial = target.with_suffix(".partial")
        try:
            with _write_text(partial, compress=path.suffix == ".gz") as file:
                for record in deduplicate(_documented(path), evaluation=evaluation, near=near, removed=removed):
                    file.write(json.dumps(record, ensure_ascii=False) + "\n")
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        emit("progress", phase="dedup", file=path.name, kept=removed.kept, **vars(removed))
        for name, count in vars(removed).items():
            setattr(total, name, getattr(total, name) + count)
    emit("result", command="dedup", kept=total.kept, **vars(total))


def _documented(path: Path) -> Iterator[Record]:
    """The records of a file, each with the texts that are compared."""
    for number, record in enumerate(read_json_lines(path), start=1):
        if bad := [name for name in ("doc", "code") if not isinstance(record.get(name), str)]:
            raise UserError("record-bad", f"Record {number} of {path} has no {' and no '.join(bad)}.")
        yield record


def _write_text(path: Path, *, compress: bool) -> io.TextIOBase:
    if compress:
        return io.TextIOWrapper(gzip.GzipFile(path, "wb", mtime=0), encoding="utf-8")
    return path.open("w", encoding="utf-8")


def run_hash_evaluation(options: Any) -> None:
    hashes = EvaluationHashes.build(evaluation_texts(options.folder))
    hashes.save(options.out)
    emit(
        "result", command="hash-evaluation", sets=hashes.sets, texts=len(hashes.texts), shingles=len(hashes.shingles),
        bytes=options.out.stat().st_size,
    )  # fmt: skip
