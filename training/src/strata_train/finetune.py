"""Adapts a model folder to one workspace: what VS Code and `strata train` start.

Mined pairs in, a new model folder out, and a verdict: adopt it only if files that were held out are found better than
chance explains and no exit became clearly worse; by the folders as they will be used, rounded and with whole texts. The
shared layers stay frozen, so ten minutes on two cores are enough and a small workspace cannot ruin the model: a linear
map in the shared space, the table, and the private parts of the exits in between are all that learns. How much is
measured and learned from is cut to the time that was given.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from strata_train import data, evaluate, export, folder_weights, train, views
from strata_train.config import Config, DataConfig, LossConfig, TextConfig, TrainConfig
from strata_train.dedup import copies_of
from strata_train.device import Device, bf16_pays, choose
from strata_train.evaluate import Vectors, ranks_of
from strata_train.events import UserError, emit
from strata_train.model import MultiExitEncoder
from strata_train.runtime import FolderEncoder

PHASES = ("top head", "table", "layers")  # as they appear in the progress events
LEAST_SPACE = 20_000_000  # with less room left, a failure to write is the disk's
MIN_PAIRS = 50
MIN_HELD_OUT = 8
MIN_HELD_OUT_FILES = 4
HELD_OUT_SHARE = 0.2
# A paired bootstrap over the held-out files gives the interval of every change: questions of one file rise and fall
# together. 90 %: of models that are only as good as the old one, about one in ten is then adopted (simulated; one in
# nine with the least number of files, one in six with fewer, or when questions are drawn instead of files). That costs
# little, as no exit of it may be clearly worse and one command goes back, and a small workspace keeps a chance: a gain
# of .06 is told from chance on 8 questions of as many files two times in three, on 26 nearly always.
CONFIDENCE = 0.9
RESAMPLES = 10_000
# In nDCG@10: a gain below the first number is not worth reading all code again; a fall up to the second one is
# not "clearly worse" even where so many questions were asked that chance does not explain it.
MIN_GAIN = 0.005
MAX_LOSS = 0.02

# Of the time that was given, at most so much goes into each of the two measurements and into the teacher's vectors.
MEASURE_SHARE = 0.1
TEACHER_SHARE = 0.3
TEXTS_PER_PAIR = 3.3  # that the teacher reads: questions and views of code (`data.build_shards`)
MOST_DOCUMENTS = 1500
MOST_QUESTIONS = 300
EXPORT_MINUTES = 0.3
FEW_STEPS = 30  # with fewer of the layers, it is the time that was missing

Ranks = dict[str, np.ndarray]  # figure → rank of each question's own code, from 1
Encode = Callable[[list[np.ndarray]], dict[int, np.ndarray]]  # token ids of N texts → (N, D) of every exit


def settings_for(model: MultiExitEncoder, pairs: int) -> Config:
    """The recipe, scaled to the number of pairs."""
    return Config(
        name="finetune",
        model=model.config,
        text=TextConfig(code_tokens=128, short_code_tokens=64, short_share=0.5, query_tokens=32),
        data=DataConfig(drop_name_code=0.4, keep_doc=0.1, code_to_code=0.15),
        loss=LossConfig(contrastive=0.5, top_contrastive=0.5, distil_vectors=2.0, distil_scores=0.5, anchor=4.0),
        train=TrainConfig(
            batch_size=32 if pairs < 2000 else 64,
            joint_every=0,
            joint_tail=0.0,
            learning_rate=0.0,
            upper_learning_rate=0.0,
            exit_learning_rate=3e-5,
            head_learning_rate=1e-4,
            token_weight_learning_rate=1e-3,
            table_learning_rate=5e-4,
            table_batch_size=256,
            top_head_epochs=8,
            top_head_learning_rate=3e-4,
            table_epochs=40,
            warmup_steps=10,
            steps=max(60, pairs // 4),
            log_every=5,
            checkpoint_minutes=1.0,
            evaluate_minutes=0.5,
            rotate=False,
        ),
    )


def finetune(
    pairs_file: Path,
    start: Path,
    out: Path,
    *,
    minutes: float,
    device: str = "auto",
    threads: int = 0,
    resume: bool = False,
) -> dict[str, Any]:
    """Run the whole thing and return the result event's fields. See the module's text for what it promises."""
    export.check_out(out, start)  # now, and not after minutes of training
    work = out.with_name(out.name + ".work")
    try:
        with train.stoppable(work / "run" / train.CHECKPOINT):
            result = _finetune(pairs_file, start, out, work, minutes, device, threads, resume)
    except (OSError, RuntimeError) as error:
        # PyTorch ("unexpected pos 576 vs 534") and numpy ("9 requested and 0 written") have words of their own for it
        if work.exists() and shutil.disk_usage(work).free < LEAST_SPACE:
            raise UserError(
                "disk-full", f"The disk that holds {work.parent} is full; free about 1 GB there, then run this again."
            ) from error
        raise
    # First what says that the cache is whole: a process killed on the next line must not leave half a cache to resume.
    (work / "cache" / "complete.json").unlink(missing_ok=True)
    shutil.rmtree(work, ignore_errors=True)
    return result


def _finetune(
    pairs_file: Path, start: Path, out: Path, work: Path, minutes: float, device: str, threads: int, resume: bool
) -> dict[str, Any]:
    began = time.monotonic()
    emit("progress", phase="plan", phases=["reading", "encoding", *PHASES, "exporting"], minutes=minutes)
    emit("progress", phase="reading", message="Reading the mined pairs")
    pairs = usable_pairs(pairs_file)
    held_out, others = split(pairs)
    # In an order that owes nothing to the files': where there is time for some of them only, it is for the first.
    learned = sorted(without_copies_of(held_out, others), key=_drawn)
    if not _is_enough(held_out) or len(learned) < MIN_PAIRS - MIN_HELD_OUT:
        raise UserError(
            "too-few-files",
            f"The {len(pairs)} documented definitions lie in too few files ({len(set(map(file_of, pairs)))}), or they "
            "nearly repeat each other: a result is checked on files that were not learned from. Document more files, "
            "or search on with the model as it is.",
        )
    model = folder_weights.read_model(start)
    place = choose(device, threads)
    teacher = folder_weights.read_model(start).to(place.device).eval()
    as_used = FolderEncoder(start, threads)
    text, manifest = as_used.text, as_used.manifest
    if not resume:
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    plan = Plan.of(work / "plan.json", learned, minutes, as_used, teacher, place)
    copies = f", {len(others) - len(learned)} near-copies of those left out" if len(learned) < len(others) else ""
    some = f", {plan.pairs} learned from, which is what the time allows" if plan.pairs < len(learned) else ""
    learned = learned[: plan.pairs]
    config = settings_for(model, len(learned) + len(held_out))
    checked = Check.of(held_out, others, as_used, config, plan)
    emit(
        "progress",
        phase="encoding",
        message=f"Encoding {len(pairs)} documented definitions ({len(held_out)} held out{copies}{some})",
        device=str(place.device),
    )
    asked = time.monotonic()
    ranks_before, curve = checked.ranks(as_used.encode_all)
    checking = (time.monotonic() - asked) / 60
    before = recall(ranks_before)
    emit("metric", phase="before", **recall(curve))

    torch.manual_seed(config.train.seed)
    used = work / "pairs.jsonl"
    used.write_text("".join(json.dumps(pair) + "\n" for pair in learned), encoding="utf-8")
    try:
        data.build_shards(
            [used],
            work / "cache",
            text,
            config.data,
            config.text,
            held_out_share=0.0,
            seed=config.train.seed,
            exclusions=None,
            teacher=data.file_hash(start / "manifest.json"),
            workers=threads,
        )
    except UserError as error:
        if error.code != "cache-mismatch":
            raise
        raise UserError(
            "resume-mismatch",
            "The stopped run learned from other definitions or began with another model; start a new run instead.",
        ) from error
    data.add_teachers(data.shard_folders(work / "cache"), teacher, device=place.device, autocast=place.bf16)
    run = train.Run(work / "run", config, torch.eye(model.config.dims))
    if resume and (run.folder / train.CHECKPOINT).exists():
        run.resume(model)
    run.progress.from_folder = True
    _learn(model, run, work / "cache", place, checked.brief(), began + 60 * minutes, checking + EXPORT_MINUTES)

    emit("progress", phase="exporting", message="Writing the model folder")
    export.export_folder(
        model,
        text,
        work / "model",
        id=out.name,
        version="1.0.0",
        description=f"{manifest['id']} {manifest['version']} adapted to {len(learned)} documented definitions of a "
        "workspace",
        shared_space=manifest["sharedSpace"],
    )
    emit("progress", phase="exporting", message="Measuring the new model")
    ranks_after, curve = checked.ranks(FolderEncoder(work / "model", threads).encode_all)
    after = recall(ranks_after)
    emit("metric", phase="after", **recall(curve))
    adopt, reason, changes = verdict(
        ranks_before, ranks_after, checked.files, hurried=_trains_layers(model) and run.progress.step < FEW_STEPS
    )
    comparison = {"measure": "nDCG@10", "questions": len(checked.queries), "confidence": CONFIDENCE}
    comparison["changes"] = {name: vars(change) for name, change in changes.items()}
    quality: dict[str, Any] = {
        f"{side}, nDCG@10": {name: round(getattr(change, side), 4) for name, change in changes.items()}
        for side in ("before", "after")
    }
    export.put_in_place(work / "model", out, {"held-out": {**quality, "comparison": comparison}})
    result = {"adopt": adopt, "reason": reason, "before": before, "after": after, "comparison": comparison}
    result |= {"folder": str(out), "pairs": len(pairs), "held_out": len(held_out)}
    return {**result, "seconds": round(time.monotonic() - began, 1)}


def _learn(
    model: MultiExitEncoder, run: train.Run, cache: Path, place: Device, checked: Check, end: float, reserved: float
) -> None:
    """The phases that a resumed run has not done yet, until `end` of the monotonic clock less `reserved` minutes."""
    left = lambda: (end - time.monotonic()) / 60  # noqa: E731
    finished = True
    if not run.progress.top_head_done:
        train.train_top_head(model, run, cache, place)
        run.save(train.CHECKPOINT, model)
    if model.table is not None and not run.progress.table_done:
        budget = max(0.1, (left() - reserved) * 0.3) + run.progress.table_seconds / 60
        finished = train.train_table(model, run, cache, place, minutes=budget)
    if finished and _trains_layers(model):
        budget = max(0.2, (left() - reserved) * 0.85) + run.progress.seconds / 60
        autocast = bf16_pays(place.device.type)

        # The table and the top are done: what they say of these texts is read once. Running all layers each time took
        # more of the minutes than learning did.
        rest = tuple(exit for exit in model.config.exits if exit in (0, model.config.top))
        moving = tuple(exit for exit in model.config.exits if exit not in rest)
        settled: list[Vectors] = []

        def figures(model: MultiExitEncoder) -> dict[str, float]:
            def encode(exits: tuple[int, ...]) -> list[Vectors]:
                sides = (checked.queries, checked.documents)
                return [data.encode_texts(model, texts, exits, autocast=autocast) for texts in sides]

            if not settled:
                settled.extend(encode(rest))
            queries, documents = (known | now for known, now in zip(settled, encode(moving), strict=True))
            return recall(checked.ranks_by(queries, documents))

        finished = train.train_layers(model, run, cache, place, minutes=budget, evaluate=figures, measures_end=False)
    if not finished:
        raise UserError("interrupted", "Stopped before the end; everything so far is saved, continue with --resume.")


def _trains_layers(model: MultiExitEncoder) -> bool:
    return any(exit not in (0, model.config.top) for exit in model.config.exits)


@dataclass(frozen=True)
class Plan:
    """How much of what there is fits into the time."""

    pairs: int  # learned from
    questions: int
    documents: int  # among which their code is looked for

    @staticmethod
    def of(
        file: Path,
        learned: list[data.Pair],
        minutes: float,
        as_used: FolderEncoder,
        teacher: MultiExitEncoder,
        place: Device,
    ) -> Plan:
        """By how fast this machine reads code now. A run that is resumed has its plan in `file`."""
        try:
            return Plan(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            pass  # none was made, or not to its end
        sequences = as_used.tokens([pair["code"] for pair in learned[:32]], is_query=False)
        top = (teacher.config.top,)

        def teach(texts: list[np.ndarray]) -> dict[int, np.ndarray]:
            return data.encode_texts(teacher, texts, top, device=place.device, autocast=place.bf16)

        documents = int(60 * minutes * MEASURE_SHARE * _texts_per_second(as_used.encode_all, sequences))
        taught = int(60 * minutes * TEACHER_SHARE * _texts_per_second(teach, sequences) / TEXTS_PER_PAIR)
        documents = min(MOST_DOCUMENTS, max(8 * MIN_HELD_OUT, documents))
        plan = Plan(max(MIN_PAIRS, taught), min(MOST_QUESTIONS, documents // 2), documents)
        with data.written_whole(file) as unfinished:
            unfinished.write_text(json.dumps(asdict(plan)), encoding="utf-8")
        return plan


def _texts_per_second(encode: Encode, sequences: list[np.ndarray]) -> float:
    encode(sequences[:1])  # what is made once does not count
    began = time.monotonic()
    encode(sequences)
    return len(sequences) / max(1e-6, time.monotonic() - began)


def _drawn(pair: data.Pair) -> int:
    return data.stable_hash(pair["source"], pair["path"], pair["name"], pair["code"])


def usable_pairs(file: Path) -> list[data.Pair]:
    """The pairs worth training on; too few of them end the run with a sentence."""
    if not file.exists():
        raise UserError("pairs-missing", f"The file of mined pairs {file} does not exist.")
    seen: set[str] = set()
    pairs = []
    for pair in data.read_pairs([file]):
        if views.word_count(pair["doc"]) >= 3 and len(pair["code"]) >= 20 and pair["code"] not in seen:
            seen.add(pair["code"])
            pairs.append(pair)
    if len(pairs) < MIN_PAIRS:
        raise UserError(
            "too-few-pairs",
            f"Only {len(pairs)} documented definitions were found; at least {MIN_PAIRS} are needed to learn from.",
        )
    return pairs


def file_of(pair: data.Pair) -> tuple[str, str]:
    return pair["source"], pair["path"]


def split(pairs: list[data.Pair]) -> tuple[list[data.Pair], list[data.Pair]]:
    """Held out and others. A fifth of the files is held out, more in a small workspace; never one that holds a third of
    all definitions, without which too little would be left to learn from.
    """
    large = {file for file, count in Counter(map(file_of, pairs)).items() if count > max(MIN_HELD_OUT, len(pairs) / 3)}
    for percent in range(round(100 * HELD_OUT_SHARE), 101, 5):
        held_out, others = [], []
        for pair in pairs:
            away = data.is_held_out(pair, percent / 100) and file_of(pair) not in large
            (held_out if away else others).append(pair)
        if _is_enough(held_out):
            break
    return held_out, others


def _is_enough(held_out: list[data.Pair]) -> bool:
    return len(held_out) >= MIN_HELD_OUT and len(set(map(file_of, held_out))) >= MIN_HELD_OUT_FILES


def without_copies_of(held_out: list[data.Pair], others: list[data.Pair]) -> list[data.Pair]:
    """What may be learned from: code that nearly repeats held-out code would give the answers away."""
    repeated = copies_of([pair["code"] for pair in held_out], [pair["code"] for pair in others])
    return [pair for pair, is_copy in zip(others, repeated, strict=True) if not is_copy]


# --- the verdict ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """nDCG@10 of the same questions with the old and the new model, and the interval of the difference."""

    before: float
    after: float
    low: float
    high: float

    @property
    def gain(self) -> float:
        return self.after - self.before

    @staticmethod
    def of(before: np.ndarray, after: np.ndarray, files: np.ndarray) -> Change:
        """From each question's own figure before and after, and the number of its file: (Q,) each.

        Percentile bootstrap over the F files, always with the same draws. The deviations are widened by
        sqrt(F / (F - 1)): resampling understates the spread of few files, at eight by 7 %.
        """
        differences = after - before
        mean = differences.mean()
        _, files = np.unique(files, return_inverse=True)
        totals, sizes = np.bincount(files, differences), np.bincount(files)  # (F,)
        count = len(sizes)
        drawn = np.random.default_rng(17).integers(0, count, (RESAMPLES, count))
        means = totals[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
        means = mean + (means - mean) * np.sqrt(count / max(1, count - 1))
        low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        return Change(float(before.mean()), float(after.mean()), float(low), float(high))

    def __str__(self) -> str:
        return (
            f"{self.before:.3f} before, {self.after:.3f} after; with {CONFIDENCE:.0%} confidence "
            f"the change lies between {self.low:+.3f} and {self.high:+.3f}"
        )


def verdict(
    before: Ranks, after: Ranks, files: np.ndarray, *, hurried: bool = False
) -> tuple[bool, str, dict[str, Change]]:
    """Adopt only what is better on the whole and nowhere clearly worse; with the reason and every figure's change.

    Better: the interval of the mean over the exits lies above zero. Clearly worse: a fall of more than `MAX_LOSS` whose
    interval lies below zero. The comparison is question by question, so that a question both models find hard, or easy,
    says nothing either way; by nDCG@10, which moves with every rank among the ten that are looked at, while recall@10
    moves only where a rank crosses ten and the reciprocal rank hardly below the second place. `files`: (Q,), the number
    of each question's file. `hurried`: there was hardly any time to learn.
    """
    gained = [{key: discounted(ranks) for key, ranks in side.items()} for side in (before, after)]
    exits = [key for key in before if ">" not in key]
    mean = Change.of(*(np.mean([side[key] for key in exits], axis=0) for side in gained), files)
    changes = {"mean": mean} | {key: Change.of(*(side[key] for side in gained), files) for key in before}
    measured = f"the first ten hits, nDCG@10 over {len(before[exits[0]])} held-out questions"
    worse = [key for key in before if changes[key].gain < -MAX_LOSS and changes[key].high < 0]
    if worse:
        worst = min(worse, key=lambda key: changes[key].gain)
        reason = (
            f"Kept the old model: {_name(worst)} finds held-out code clearly worse, more than chance explains "
            f"({measured}: {changes[worst]}; mean of all exits: {mean})."
        )
    elif mean.gain <= 0:
        reason = f"Kept the old model: held-out code is not found better ({measured}: {mean})."
    elif mean.low <= 0:
        reason = f"Kept the old model: the gain may be chance ({measured}: {mean})."
        reason += "" if hurried else " More documented definitions make a gain easier to tell from chance."
    elif mean.gain < MIN_GAIN:
        reason = f"Kept the old model: the gain is too small to be worth reading all code again ({measured}: {mean})."
    else:
        better = "Held-out code is found better, more than chance explains, and no exit became clearly worse"
        return True, f"{better} ({measured}: {mean}).", changes
    if hurried:
        reason += " There was hardly any time left to learn: give it more minutes."
    return False, reason, changes


def _name(key: str) -> str:
    query, arrow, document = key.partition(">")
    return f"a query at exit {query} on code at exit {document}" if arrow else f"exit {query}"


def discounted(ranks: np.ndarray) -> np.ndarray:
    """nDCG@10 of each question, which has one right answer: 1 at the first place, 0 past the tenth."""
    return np.where(ranks <= 10, 1 / np.log2(1 + ranks), 0.0)


def recall(ranks: Ranks) -> dict[str, float]:
    """recall@10 of every figure, and the mean of the exits: what the curves and tables show."""
    figures = {key: float((each <= 10).mean()) for key, each in ranks.items()}
    return {"score": float(np.mean([value for key, value in figures.items() if ">" not in key])), **figures}


class Check:
    """Held-out questions against all code of the workspace, at every exit and with top queries on lower exits."""

    def __init__(
        self, queries: list[np.ndarray], documents: list[np.ndarray], relevant: np.ndarray, files: np.ndarray
    ) -> None:
        self.queries = queries
        self.documents = documents
        self.relevant = relevant
        self.files = files  # (Q,) the number of each question's file

    @staticmethod
    def of(
        held_out: list[data.Pair],
        others: list[data.Pair],
        as_used: FolderEncoder,
        config: Config,
        plan: Plan,
    ) -> Check:
        """One question for each held-out pair, made of its comment; half of the code has lost its name. Texts are cut
        as the product cuts them.
        """
        lengths = replace(config.text, code_tokens=as_used.max_code_tokens, query_tokens=as_used.max_query_tokens)
        config = replace(config, text=lengths)
        asked = evaluate.HeldOut.of(held_out, as_used.text, config, limit=plan.questions)
        more = evaluate.HeldOut.of(others, as_used.text, config, limit=max(0, plan.documents - len(asked.documents)))
        files = [data.stable_hash(*file_of(pair)) for pair in asked.pairs]
        return Check(asked.queries, [*asked.documents, *more.documents], asked.relevant, np.array(files, np.uint64))

    def brief(self) -> Check:
        """Enough for a curve while it trains: a fifth, as the weights that learn are read more slowly."""
        documents = max(8 * MIN_HELD_OUT, min(300, len(self.documents) // 5))
        some = slice(documents // 3)
        return Check(self.queries[some], self.documents[:documents], self.relevant[some], self.files[some])

    def ranks(self, encode: Encode) -> tuple[Ranks, Ranks]:
        """By exit (`6`), and of the top exit's queries with each lower exit's documents (`6>2`); and the same of the
        few questions of the curves, whose points must not differ in what they ask.
        """
        queries, documents = encode(self.queries), encode(self.documents)
        few = self.brief()
        asked, found = (
            {exit: vectors[: len(part)] for exit, vectors in side.items()}
            for side, part in ((queries, few.queries), (documents, few.documents))
        )
        return self.ranks_by(queries, documents), few.ranks_by(asked, found)

    def ranks_by(self, queries: Vectors, documents: Vectors) -> Ranks:
        """The same by the vectors of the questions and of all code."""
        exits = sorted(queries)
        top = exits[-1]
        pairs = {f"{exit}": (exit, exit) for exit in exits} | {f"{top}>{exit}": (top, exit) for exit in exits[:-1]}
        return {key: ranks_of(queries[asked], documents[found], self.relevant) for key, (asked, found) in pairs.items()}
