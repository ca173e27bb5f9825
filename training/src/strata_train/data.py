"""From mined pairs (JSON lines) to shards of token ids with cached teacher vectors, and from shards to batches.

A corpus may be larger than memory: pairs are first dealt to shards by the hash of their source and folder, then each
shard is built on its own and read through memory maps. A shard is a folder:

    ids.npy       uint16 (T,)       all texts' token ids, one after the other
    offsets.npy   int64  (N + 1,)   text i is ids[offsets[i] : offsets[i + 1]]
    pairs.npy     int32  (P, 4)     query text, document text, group (source and folder), definition
    teacher.npy   float16 (N, D)    the frozen start's vector of every text, computed once

`complete.json` beside the shards says what they were made from; training on anything else takes another cache.
"""

from __future__ import annotations

import copy
import errno
import hashlib
import json
import multiprocessing
import multiprocessing.connection
import os
import random
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import torch

from strata_train import views
from strata_train.config import DataConfig, TextConfig
from strata_train.dedup import EvaluationHashes, text_hash, texts_of
from strata_train.events import UserError, emit, reason
from strata_train.model import MultiExitEncoder
from strata_train.records import lines_of
from strata_train.text import TextEncoder, pad, prepare

REQUIRED = ("lang", "source", "path", "name", "doc", "code")
# The required texts, and perhaps `questions` (ways people ask for it) and `code_b` (the same code in
# another language, `lang_b`, with the name `name_b`, as the translation builder writes it).
Pair = dict[str, Any]


# --- reading ----------------------------------------------------------------------------------------------------------


def read_pairs(files: Iterable[Path]) -> Iterator[Pair]:
    """Pairs of JSON-lines files, plain or gzipped. A bad line is an error that names file and line."""
    for file in files:
        for number, line in lines_of(file, "pairs"):
            yield _pair(line, file, number)


def _pair(line: str, file: Path, number: int) -> Pair:
    try:
        pair = json.loads(line)
        kept: Pair = {key: pair[key] for key in REQUIRED}
        if other := [key for key, value in kept.items() if not isinstance(value, str)]:
            raise TypeError(f"`{other[0]}` is no text")
        if questions := pair.get("questions"):
            if not (isinstance(questions, list) and all(isinstance(each, str) and each.strip() for each in questions)):
                raise TypeError("`questions` is not a list of texts")
            kept["questions"] = questions
        if code_b := pair.get("code_b"):
            if not isinstance(code_b, str):
                raise TypeError("`code_b` is no text")
            kept["code_b"] = code_b
            kept |= {name: str(pair[name]) for name in ("lang_b", "name_b") if pair.get(name)}
        return kept
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            "pairs-bad", f"Line {number} of {file} is not a pair with {', '.join(REQUIRED)}: {error!r}."
        ) from error


def stable_hash(*parts: str) -> int:
    """The same 64 bits for the same strings in every process and on every machine."""
    return int.from_bytes(hashlib.blake2b("\0".join(parts).encode(), digest_size=8).digest(), "little")


def definition_of(pair: Pair) -> int:
    """A number for the definition that a pair was made from: 63 bits, which a tensor of integers holds."""
    return stable_hash(pair["source"], pair["path"], pair["name"], pair["code"]) >> 1


def key_of_ids(ids: Iterable[int]) -> int:
    """Equal for equal token ids."""
    return stable_hash(" ".join(map(str, ids)))


def is_held_out(pair: Pair, share: float, seed: int = 17) -> bool:
    """Whether the pair's whole file is kept away from training."""
    return stable_hash(str(seed), "held-out", pair["source"], pair["path"]) % 10_000 < share * 10_000


def group_of(pair: Pair) -> int:
    """Pairs of one source and folder are near negatives of each other."""
    folder = pair["path"].rpartition("/")[0]
    return stable_hash(pair["source"], folder) & 0x7FFFFFFF


LEAST_SPACE = 1_000_000  # with less room left, a failure to write is the disk's


@contextmanager
def written_whole(file: Path) -> Iterator[Path]:
    """A path to write to, unlike every other writer's, that takes the place of `file` when all went well."""
    work = file.with_name(f"{file.stem}.{uuid4().hex[:12]}.tmp{file.suffix}")
    try:
        yield work
        work.replace(file)
    except RuntimeError as error:  # PyTorch's writer does not say why it failed
        if shutil.disk_usage(file.parent).free < LEAST_SPACE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file)) from error
        raise
    finally:
        work.unlink(missing_ok=True)


@contextmanager
def folder_written_whole(folder: Path) -> Iterator[Path]:
    """A new folder to write into, which takes the place of `folder` when all went well."""
    work = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        yield work
        put_in_place(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def put_in_place(work: Path, folder: Path) -> None:
    """Move `work` to `folder`. What was there is set aside first: deleting takes time, and half of it looks whole."""
    old = folder.with_name(f"{folder.name}.{uuid4().hex[:12]}.old")
    if folder.exists():
        folder.rename(old)
    work.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


# --- building shards --------------------------------------------------------------------------------------------------


# Of a shard's files and what is in them: a cache that was laid out otherwise is refused.
LAYOUT = 3


@dataclass
class Shard:
    """One shard, read through memory maps."""

    folder: Path
    ids: np.ndarray
    offsets: np.ndarray
    pairs: np.ndarray
    languages: np.ndarray  # of each text that is code; "" for questions

    @staticmethod
    def open(folder: Path) -> Shard:
        load = lambda name: _array(folder / name)  # noqa: E731
        small = lambda name: np.asarray(load(name))  # noqa: E731
        return Shard(folder, load("ids.npy"), small("offsets.npy"), small("pairs.npy"), small("languages.npy"))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def text(self, index: int) -> np.ndarray:
        return self.ids[self.offsets[index] : self.offsets[index + 1]]

    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)

    @property
    def has_teacher(self) -> bool:
        return (self.folder / "teacher.npy").exists()

    def teacher(self) -> np.ndarray:
        return _array(self.folder / "teacher.npy")

    def key_of(self, index: int) -> int:
        """Equal for equal texts."""
        return hash(self.text(index).tobytes())


def _array(file: Path) -> np.ndarray:
    """Read through a memory map."""
    try:
        return np.load(file, mmap_mode="r")
    except (OSError, EOFError, ValueError) as error:
        raise UserError(
            "cache-damaged", f"{file} cannot be read: {reason(error)}. Delete the cache; it is made again."
        ) from error


def _emptied(cache: Path) -> None:
    """An empty folder in place of an unfinished cache. Whatever else lies there is not ours to delete."""
    foreign = sorted(
        path.name
        for path in (cache.iterdir() if cache.is_dir() else [])
        if path.name not in ("parts", "held-out.jsonl") and not path.name.startswith(("shard-", "complete."))
    )
    if foreign or (cache.exists() and not cache.is_dir()):
        raise UserError(
            "cache-foreign",
            f"{cache} is no cache of shards ({', '.join(foreign[:3]) or 'but a file'}); choose an empty or new folder.",
        )
    shutil.rmtree(cache, ignore_errors=True)
    cache.mkdir(parents=True)


def shard_folders(cache: Path) -> list[Path]:
    return sorted(path.parent for path in cache.glob("shard-*/pairs.npy"))


def build_shards(
    files: list[Path],
    cache: Path,
    text: TextEncoder,
    data: DataConfig,
    limits: TextConfig,
    *,
    held_out_share: float,
    seed: int,
    exclusions: EvaluationHashes | None,
    teacher: str,
    draw: int = 0,
    workers: int = 0,
    shard_pairs: int = 8192,
) -> None:
    """Deal the pairs of `files` to shards and tokenise every view. Does nothing when the cache is complete.

    `teacher` names the model whose vectors belong into this cache; another `draw` makes other views of the same pairs.
    `workers`: processes at most; 0 takes the cores there are.
    """
    complete = cache / "complete.json"
    wanted = {
        "layout": LAYOUT,
        "pairs": [{"name": file.name, "bytes": file.stat().st_size, "sha256": file_hash(file)} for file in files],
        "data settings": asdict(data),
        "text settings": asdict(limits),
        "tokenizer": [file_hash(text.tokenizer_file), text.query_instruction, text.code_instruction],
        "held-out share": held_out_share,
        "seed": seed,
        "draw": draw,
        "exclusions": exclusions.digest() if exclusions else None,
        "teacher": teacher,
    }
    if complete.exists():
        _check_made_from(complete, wanted)
        return
    _emptied(cache)
    parts = cache / "parts"
    parts.mkdir()
    total = sum(1 for _ in read_pairs(files))
    count = max(1, round(total / shard_pairs))
    emit("progress", phase="data", message=f"{total} pairs in {count} shards")
    kept, dropped = _deal(files, parts, count, data, held_out_share, seed, exclusions)
    if not any(part.stat().st_size for part in parts.glob("part-*.jsonl")):
        shutil.rmtree(parts)
        why = {**dropped, "held out": kept} if kept else dropped
        counted = ", ".join(f"{count} {reason}" for reason, count in why.items())
        raise UserError("no-data", f"Of {total} pairs none is left to train on{counted and f' ({counted})'}.")
    work = [
        (part, cache / f"shard-{number:03d}", text, data, limits, f"{seed} {draw}" if draw else str(seed))
        for number, part in enumerate(sorted(parts.glob("part-*.jsonl")))
    ]
    for done, _ in enumerate(_in_processes(_build_shard, work, workers), start=1):
        emit("progress", phase="data", done=done, total=count)
    if (parts / "held-out.jsonl").exists():
        shutil.copy(parts / "held-out.jsonl", cache / "held-out.jsonl")
    shutil.rmtree(parts)
    content = {"kept": kept, "dropped": dict(dropped), "made_from": wanted}
    with written_whole(complete) as unfinished:  # half of it would pass for a cache of something else
        unfinished.write_text(json.dumps(content) + "\n", encoding="utf-8")
    emit("metric", phase="data", kept=kept, dropped=dict(dropped))


def file_hash(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise UserError("file-unreadable", f"The file {file} cannot be read: {reason(error)}.") from error


def _check_made_from(complete: Path, wanted: dict[str, Any]) -> None:
    try:
        found = json.loads(complete.read_text(encoding="utf-8"))["made_from"]
    except (OSError, ValueError, KeyError):
        found = {}
    other = [name for name, value in wanted.items() if found.get(name) != value]
    if other:
        raise UserError(
            "cache-mismatch",
            f"The cache {complete.parent} was made from something else ({', '.join(other)}); choose another cache.",
        )


def _deal(
    files: list[Path],
    parts: Path,
    count: int,
    data: DataConfig,
    held_out_share: float,
    seed: int,
    exclusions: EvaluationHashes | None,
) -> tuple[int, Counter[str]]:
    """Write each usable pair to its shard's part file, or to the held-out file."""
    outputs = [parts / f"part-{number:03d}.jsonl" for number in range(count)]
    held_out = parts / "held-out.jsonl"
    waiting: dict[Path, list[str]] = {file: [] for file in (*outputs, held_out)}

    def write() -> None:
        """One file at a time: a system lets only some hundreds be open."""
        for file, lines in waiting.items():
            with file.open("a", encoding="utf-8") as out:
                out.writelines(lines)
            lines.clear()

    seen_docs: Counter[int] = Counter()
    seen_code: set[int] = set()
    per_language: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    kept = 0
    for pair in read_pairs(files):
        code_hash, doc_hash = text_hash(pair["code"]), text_hash(pair["doc"])
        if views.word_count(pair["doc"]) < 3 or len(pair["code"]) < 20:
            dropped["too short"] += 1
        elif code_hash in seen_code:
            dropped["same code"] += 1
        elif seen_docs[doc_hash] >= 3:
            dropped["same documentation"] += 1
        elif data.max_per_language and per_language[pair["lang"]] >= data.max_per_language:
            dropped["language is full"] += 1
        elif exclusions and any(exclusions.contains(each) for each in texts_of(pair)):
            dropped["in the evaluation"] += 1
        else:
            seen_code.add(code_hash)
            seen_docs[doc_hash] += 1
            per_language[pair["lang"]] += 1
            kept += 1
            out = held_out if is_held_out(pair, held_out_share, seed) else outputs[group_of(pair) % count]
            waiting[out].append(json.dumps(pair, ensure_ascii=False) + "\n")
            if kept % DEALT_AT_ONCE == 0:
                write()
    write()
    return kept, dropped


DEALT_AT_ONCE = 10_000  # pairs in memory, some 20 MB
MOST_WORKERS = 16  # each holds PyTorch, some 200 MB
FEWEST_SHARDS = 4  # fewer are built before the processes have begun


def _in_processes(function: Callable[..., None], calls: list[tuple[Any, ...]], workers: int) -> Iterator[None]:
    """`function` with each of the arguments, in several processes where there are enough calls to pay for them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(workers or cores, len(calls), MOST_WORKERS)
    if len(calls) < FEWEST_SHARDS or workers < 2:
        yield from (function(*arguments) for arguments in calls)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent) as pool:
        try:
            for running in as_completed([pool.submit(function, *arguments) for arguments in calls]):
                yield running.result()
        except BaseException:  # a stop does not wait for what has not begun
            pool.shutdown(cancel_futures=True)
            raise


def _end_with_parent() -> None:
    """A worker whose parent was killed has nobody to work for; and it is one core's worth of work."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _build_shard(part: Path, folder: Path, text: TextEncoder, data: DataConfig, limits: TextConfig, seed: str) -> None:
    texts: list[str] = []
    limit: list[int] = []
    languages: list[str] = []
    rows: list[tuple[int, int, int, int]] = []

    def add(raw: str, tokens: int, instruction: str, language: str = "") -> int:
        texts.append(prepare(instruction + raw))
        limit.append(tokens)
        languages.append(language)
        return len(texts) - 1

    for number, pair in enumerate(read_pairs([part])):
        chance = random.Random(stable_hash(seed, pair["source"], pair["path"], pair["name"], pair["doc"]))
        group = group_of(pair)
        code_tokens = limits.short_code_tokens if chance.random() < limits.short_share else limits.code_tokens
        document = add(views.code_view(pair, chance, data), code_tokens, text.code_instruction, pair["lang"])
        asked = [add(query, limits.query_tokens, text.query_instruction) for query in views.queries(pair, chance, data)]
        rows += [(query, document, group, number) for query in asked]
        if translated := pair.get("code_b"):
            lang_b = pair.get("lang_b", "")
            twin = pair | {"code": translated, "lang": lang_b, "name": pair.get("name_b") or pair["name"]}
            # Neither a path nor a sentence that both languages share: the code must be found by what it does.
            plain = replace(data, breadcrumb=0.0, keep_doc=0.0, written_keep_doc=0.0)
            other = add(views.code_view(twin, chance, plain), code_tokens, text.code_instruction, lang_b)
            rows += [(query, other, group, number) for query in (document, *asked)]
        elif chance.random() < data.code_to_code and (twins := views.code_pair(pair, chance, data)):
            left, right = (add(code, code_tokens, text.code_instruction, pair["lang"]) for code in twins)
            rows.append((left, right, group, number))
    sequences: list[list[int]] = []
    for start in range(0, len(texts), 1024):
        encoded = text.encode_prepared(texts[start : start + 1024], max(limits.code_tokens, limits.query_tokens))
        for ids, tokens in zip(encoded, limit[start : start + 1024], strict=True):
            sequences.append(ids if len(ids) <= tokens else [*ids[: tokens - 1], text.sep_id])
    flat = [token for ids in sequences for token in ids]
    offsets = np.concatenate([[0], np.cumsum([len(ids) for ids in sequences])]).astype(np.int64)
    with folder_written_whole(folder) as work:
        np.save(work / "ids.npy", np.array(flat, np.uint16 if text.vocabulary_size <= 65536 else np.int32))
        np.save(work / "offsets.npy", offsets)
        np.save(work / "pairs.npy", np.array(rows, np.int32).reshape(-1, 4))
        np.save(work / "languages.npy", np.array(languages, np.str_))


def tokens_at_once(device: torch.device) -> int:
    """How many padded tokens to encode in one batch where no gradient is kept."""
    return 65536 if device.type == "cuda" else 8192


def by_length(lengths: np.ndarray, tokens_per_batch: int) -> Iterator[np.ndarray]:
    """Numbers of texts in batches of similar length, which padded hold at most so many tokens (one text: any)."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end - start + 1) * lengths[order[end]] <= tokens_per_batch:
            end += 1
        yield order[start:end]
        start = end


@torch.no_grad()
def encode_texts(
    model: MultiExitEncoder,
    sequences: list[np.ndarray],
    exits: tuple[int, ...],
    *,
    device: torch.device | None = None,
    autocast: bool = False,
) -> dict[int, np.ndarray]:
    """Token-id sequences → float32 (N, D) per exit, encoded in batches of similar length."""
    device = device or next(model.parameters()).device
    result = {exit: np.zeros((len(sequences), model.config.dims), np.float32) for exit in exits}
    for chosen in by_length(np.array([len(sequence) for sequence in sequences]), tokens_at_once(device)):
        ids, mask = pad([sequences[index] for index in chosen])
        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            outputs = model(ids.to(device), mask.to(device), exits=exits)
        for exit in exits:
            result[exit][chosen] = outputs[exit].embedding.float().cpu().numpy()
    return result


def add_teacher(shard: Shard, teacher: MultiExitEncoder, *, device: torch.device, autocast: bool) -> None:
    """Compute and store the teacher's vector of every text of the shard, unless that has been done.

    It is the layers' vector alone: the share of the table, which is trained itself, is added where it is used.
    """
    if shard.has_teacher:
        return
    top = teacher.config.top
    sequences = [shard.text(index) for index in range(len(shard))]
    layers = copy.copy(teacher)  # the same weights
    layers.config = replace(teacher.config, exit_residual=0.0, top_residual=0.0)
    vectors = encode_texts(layers, sequences, (top,), device=device, autocast=autocast)[top]
    with written_whole(shard.folder / "teacher.npy") as work:
        np.save(work, vectors.astype(np.float16))


def add_teachers(folders: list[Path], teacher: MultiExitEncoder, *, device: torch.device, autocast: bool) -> None:
    """`add_teacher` for every shard that lacks it, with progress."""
    missing = [shard for shard in map(Shard.open, folders) if not shard.has_teacher]
    for done, shard in enumerate(missing, start=1):
        add_teacher(shard, teacher, device=device, autocast=autocast)
        emit("progress", phase="teacher", done=done, total=len(missing))


# --- batches ----------------------------------------------------------------------------------------------------------


@dataclass
class Batch:
    """B pairs. Token ids stay as arrays; `train.py` pads them. Teacher vectors are float32 (B, D)."""

    query_ids: list[np.ndarray]
    document_ids: list[np.ndarray]
    query_teacher: np.ndarray
    document_teacher: np.ndarray
    definition: np.ndarray  # (B,) which definition the texts were made from: those of one are no negatives
    query_key: np.ndarray  # (B,) equal for equal queries: they are no negatives


def batches(shard: Shard, batch_size: int, group_size: int, chance: np.random.Generator) -> Iterator[Batch]:
    """`rows_of_batches` with the texts and what the teacher says of them."""
    teacher = shard.teacher()
    for rows in rows_of_batches(shard, batch_size, group_size, chance):
        queries, documents = rows[:, 0], rows[:, 1]
        yield Batch(
            [np.asarray(shard.text(index)) for index in queries],
            [np.asarray(shard.text(index)) for index in documents],
            teacher[queries].astype(np.float32),
            teacher[documents].astype(np.float32),
            rows[:, 3].astype(np.int64),
            np.array([shard.key_of(index) for index in queries], np.int64),
        )


def rows_of_batches(
    shard: Shard, batch_size: int, group_size: int, chance: np.random.Generator
) -> Iterator[np.ndarray]:
    """Every document of a shard once, with one of its queries, in random batches of groups of near pairs: rows of
    `shard.pairs`, (B, 4).

    Pairs of one source and folder are kept in runs of `group_size`; the runs are sorted by length within windows of 16
    batches, so that padding is small and the order still random.
    """
    lengths = shard.lengths()
    order = chance.permutation(len(shard.pairs))
    _, first = np.unique(shard.pairs[order, 1], return_index=True)
    runs = _runs(order[first], shard.pairs[:, 2], group_size, chance)
    window = max(1, 16 * batch_size // group_size)
    ordered: list[np.ndarray] = []
    for start in range(0, len(runs), window):
        part = runs[start : start + window]
        part.sort(key=lambda run: lengths[shard.pairs[run, 1]].mean())
        rows = np.concatenate(part)
        pieces = [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
        chance.shuffle(pieces)  # type: ignore[arg-type]
        ordered.extend(pieces)
    for rows in ordered:
        if len(rows) > 1:  # one pair alone has no negatives
            yield shard.pairs[rows]


def _runs(rows: np.ndarray, groups: np.ndarray, group_size: int, chance: np.random.Generator) -> list[np.ndarray]:
    """`rows` in runs of at most `group_size` of one group, in random order."""
    rows = chance.permutation(rows)
    rows = rows[np.argsort(groups[rows], kind="stable")]
    borders = np.flatnonzero(np.diff(groups[rows])) + 1
    runs = [
        group[start : start + group_size]
        for group in np.split(rows, borders)
        for start in range(0, len(group), group_size)
    ]
    return [runs[index] for index in chance.permutation(len(runs))]
