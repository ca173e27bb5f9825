"""Adapts a model folder to one workspace: what VS Code and `strata train` start.

Mined pairs in, a new model folder out, and a verdict: adopt it only if files that were held out are found better than
chance explains and no exit became clearly worse; by the folders as they will be used, rounded and with whole texts. The
layers stay frozen and run once over every text, so minutes on two cores are enough and a small workspace cannot ruin
the model: a map behind every head and the rows of exit 0 are all that learns (`adapt.py`). How much is measured and
learned from is cut to the time that was given.
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

from strata_train import adapt, data, evaluate, export, folder_weights, heads, runs, views
from strata_train.config import Config, DataConfig, HeadsConfig, LossConfig, TextConfig
from strata_train.dedup import copies_of
from strata_train.device import choose
from strata_train.evaluate import Vectors, ranks_of
from strata_train.events import EventKind, UserError, emit
from strata_train.model import MultiExitEncoder, shorten
from strata_train.runtime import FolderEncoder

PHASES = ("reading", "encoding", "learning", "exporting")  # as they appear in the progress events
SAID, ASKED = "said.npz", "asked.npz"  # what the layers said to learn from and to measure by, kept for `--resume`
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

# Of the time that was given, at most so much goes into each of the two measurements and into reading what is learned.
MEASURE_SHARE = 0.1
READING_SHARE = 0.5
MOST_NAMED = 500  # definitions without documentation, or twice as many as have some
MOST_DOCUMENTS = 1500
MOST_ASKED_FOR = 300  # definitions
# Seconds. Learning ends when its steps are done or what is left of the time is over.
LEARNING = 40
LEAST_LEARNING = 5.0
EXPORTING = 6
FIGURES_EVERY = 20  # steps
FEW_STEPS = 30  # with fewer, it is the time that was missing
FEW_DEFINITIONS = 200

Ranks = dict[str, np.ndarray]  # figure → rank of each question's own code, from 1
Encode = Callable[[list[np.ndarray]], dict[int, np.ndarray]]  # token ids of N texts → (N, D) of every exit


def settings_for(model: MultiExitEncoder) -> Config:
    """The recipe."""
    return Config(
        name="finetune",
        model=model.config,
        text=TextConfig(code_tokens=128, query_tokens=64),
        data=DataConfig(drop_name_code=0.4, keep_doc=0.1, code_to_code=0.3),
        loss=LossConfig(contrastive=0.5, top_contrastive=0.5, cross_exit=0.5, distil_vectors=2.0, distil_scores=0.5),
        heads=HeadsConfig(steps=120, question_pairs=256, head_learning_rate=3e-4, table_learning_rate=1e-3),
    )


def finetune(
    pairs_file: Path,
    start: Path,
    out: Path,
    *,
    minutes: float,
    in_use: Path | None = None,
    device: str = "auto",
    threads: int = 0,
    resume: bool = False,
) -> dict[str, Any]:
    """Run the whole thing and return the result event's fields. See the module's text for what it promises.

    `in_use`: the model folder that the new one must be better than, where that is not `start`.
    """
    export.check_out(out, start)  # now, and not after minutes of training
    work = out.with_name(out.name + ".work")
    try:
        with runs.stoppable(work / SAID, "what has been read so far is saved"):
            result = _finetune(pairs_file, start, in_use, out, work, minutes, device, threads, resume)
    except (OSError, RuntimeError) as error:
        # numpy ("9 requested and 0 written") and others have words of their own for it
        if work.exists() and shutil.disk_usage(work).free < LEAST_SPACE:
            raise UserError(
                "disk-full", f"The disk that holds {work.parent} is full; free about 1 GB there, then run this again."
            ) from error
        raise
    shutil.rmtree(work, ignore_errors=True)
    return result


def _finetune(
    pairs_file: Path,
    start: Path,
    in_use: Path | None,
    out: Path,
    work: Path,
    minutes: float,
    device: str,
    threads: int,
    resume: bool,
) -> dict[str, Any]:
    clock = Clock(minutes)
    clock.tell("progress", phase="plan", phases=PHASES, minutes=minutes)
    clock.tell("progress", phase="reading", message="Reading the mined pairs")
    found = Definitions.of(pairs_file)
    model = folder_weights.read_model(start)
    if model.table is None:
        raise UserError("table-missing", f"{start} has no exit 0, which this trains.")
    place = choose(device, threads)
    as_used = FolderEncoder(start, threads)
    layers = heads.Layers(as_used, start, place, rounded=place.device.type == "cpu")
    compared = None if in_use is None else FolderEncoder(in_use, threads)
    if compared is not None and compared.exits != as_used.exits:
        raise UserError("model-other", f"{in_use} has other exits than {start}, so the two cannot be compared.")
    config = settings_for(model)
    torch.manual_seed(config.train.seed)
    if not resume:
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    lessons = adapt.lessons(found.learned, found.named, as_used.text, config)
    plan = Plan.of(work / "plan.json", lessons, minutes, as_used, layers)
    taken = adapt.first_texts(lessons, plan.texts)
    definitions = len({lesson.definition for lesson in taken})
    check_by = lambda encoder: Check.of(found.held_out, found.others, encoder, config, plan)  # noqa: E731
    checked = check_by(as_used)
    clock.expect(plan.seconds + (0 if compared is None else plan.measuring))
    clock.tell("progress", phase="encoding", message=found.told(definitions), device=str(place.device))
    texts = [each.left for each in taken] + [each.right for each in taken]
    said = heads.sides_of(heads.layers_say(layers, texts, work / SAID, clock.tell), len(taken))
    rounded = heads.Layers(as_used, start, place, rounded=True)  # whatever the device
    texts = [*checked.queries, *checked.documents]
    said += heads.sides_of(heads.layers_say(rounded, texts, work / ASKED, clock.tell), len(checked.queries))
    learner = adapt.Learner(model, np.unique(np.concatenate([ids for each in said for ids in each.ids])), place)
    left, right, queries, documents = map(learner.read, said)

    def ranks() -> Ranks:
        said = (learner.vectors(side) for side in (queries, documents))
        return checked.ranks_by(*({exit: shorten(each[exit], as_used.kept_dims) for exit in each} for each in said))

    if compared is None:
        ranks_before = ranks()
    else:
        clock.tell("progress", phase="encoding", message="Measuring the model in use")
        ranks_before = check_by(compared).ranks_with(compared)
    before = recall(ranks_before)
    emit("metric", phase="before", **before)

    def told(step: int, loss: float, left: float) -> None:
        clock.expect(left + plan.measuring + EXPORTING)
        clock.tell("progress", phase="learning", step=step, loss=loss)
        if step % FIGURES_EVERY == 0:
            emit("metric", phase="learning", step=step, **recall(ranks()))

    clock.tell("progress", phase="learning")
    learner.even_out(right)
    keys = tuple(torch.tensor([getattr(each, key) for each in taken]) for key in ("definition", "question"))
    steps = learner.fit((left, right), keys, config, clock.for_learning(plan), told)

    clock.tell("progress", phase="exporting", message="Writing the model folder")
    export.export_folder(
        learner.folded(),
        as_used.text,
        work / "model",
        id=out.name,
        version="1.0.0",
        description=f"{as_used.manifest['id']} {as_used.manifest['version']} adapted to {definitions} definitions of a "
        "workspace",
        shared_space=as_used.manifest["sharedSpace"],
        made_from=as_used.manifest,
    )
    clock.tell("progress", phase="exporting", message="Measuring the new model")
    ranks_after = checked.ranks_with(FolderEncoder(work / "model", threads))
    after = recall(ranks_after)
    emit("metric", phase="after", **after)
    hurried = steps < FEW_STEPS or definitions < min(FEW_DEFINITIONS, len(found.learned))
    adopt, reason, changes = verdict(ranks_before, ranks_after, checked.files, hurried=hurried)
    comparison = {"measure": "nDCG@10", "questions": len(checked.queries), "confidence": CONFIDENCE}
    comparison["changes"] = {name: vars(change) for name, change in changes.items()}
    quality: dict[str, Any] = {
        f"{side}, nDCG@10": {name: round(getattr(change, side), 4) for name, change in changes.items()}
        for side in ("before", "after")
    }
    export.put_in_place(work / "model", out, {"held-out": {**quality, "comparison": comparison}})
    result = {"adopt": adopt, "reason": reason, "before": before, "after": after, "comparison": comparison}
    result |= {"folder": str(out), "pairs": len(found.documented), "held_out": len(found.held_out)}
    return {**result, "seconds": round(clock.seconds, 1)}


class Clock:
    """How long the run has taken and may take; its events say how much is left."""

    def __init__(self, minutes: float) -> None:
        self.began, self.most = time.monotonic(), 60 * minutes
        self.expected = self.most

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def expect(self, seconds: float) -> None:
        """From now on, unless the time is over sooner."""
        self.expected = min(self.most, self.seconds + seconds)

    def for_learning(self, plan: Plan) -> float:
        return max(LEAST_LEARNING, self.most - self.seconds - plan.measuring - EXPORTING)

    def tell(self, event: EventKind, **fields: Any) -> None:
        emit(event, **fields, seconds_left=max(0, self.expected - self.seconds))


@dataclass(frozen=True)
class Plan:
    """How much of what there is fits into the time."""

    texts: int  # that the layers read to learn from
    definitions: int  # held out and asked for
    documents: int  # among which their code is looked for
    measuring: float  # seconds, once
    seconds: float  # in all

    @staticmethod
    def of(
        file: Path, lessons: list[adapt.Lesson], minutes: float, as_used: FolderEncoder, layers: heads.Layers
    ) -> Plan:
        """By how fast this machine reads code now. A run that is resumed has its plan in `file`."""
        try:
            return Plan(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            pass  # none was made, or not to its end
        code = [lesson.right for lesson in lessons[:64]]
        measured, read = (_texts_per_second(encode, code) for encode in (as_used.encode_all, layers))
        documents = min(MOST_DOCUMENTS, max(8 * MIN_HELD_OUT, int(60 * minutes * MEASURE_SHARE * measured)))
        texts = max(10 * MIN_PAIRS, int(60 * minutes * READING_SHARE * read))
        there = len({text.tobytes() for lesson in lessons for text in (lesson.left, lesson.right)})
        measuring = documents / measured
        seconds = (min(texts, there) + documents) / read + measuring + LEARNING + EXPORTING
        plan = Plan(texts, min(MOST_ASKED_FOR, documents // 2), documents, measuring, seconds)
        with data.written_whole(file) as unfinished:
            unfinished.write_text(json.dumps(asdict(plan)), encoding="utf-8")
        return plan


def _texts_per_second(encode: Encode, sequences: list[np.ndarray]) -> float:
    encode(sequences[:1])  # what is made once does not count
    began = time.monotonic()
    encode(sequences)
    return len(sequences) / max(1e-6, time.monotonic() - began)


@dataclass(frozen=True)
class Definitions:
    """What was mined of a workspace, and what each is for."""

    documented: list[data.Pair]
    held_out: list[data.Pair]  # documented, of files that nothing is learned from
    others: list[data.Pair]  # all other documented ones: what is held out is looked for among them
    learned: list[data.Pair]  # of these, what nearly repeats nothing that is held out
    named: list[data.Pair]  # learned from as well: without documentation, but with a telling name

    @staticmethod
    def of(file: Path) -> Definitions:
        documented, named = usable_pairs(file)
        held_out, others = split(documented)
        # In an order that owes nothing to the files': where there is time for some of them only, it is for the first.
        learned = sorted(without_copies_of(held_out, others), key=data.definition_of)
        if not _is_enough(held_out) or len(learned) < MIN_PAIRS - MIN_HELD_OUT:
            raise UserError(
                "too-few-files",
                f"The {len(documented)} documented definitions lie in too few files "
                f"({len(set(map(file_of, documented)))}), or they nearly repeat each other: a result is checked on "
                "files that were not learned from. Document more files, or search on with the model as it is.",
            )
        away = set(map(file_of, held_out))
        named = without_copies_of(held_out, [pair for pair in named if file_of(pair) not in away])
        named = sorted(named, key=data.definition_of)[: max(MOST_NAMED, 2 * len(learned))]
        return Definitions(documented, held_out, others, learned, named)

    def told(self, taken: int) -> str:
        """In a sentence; `taken` of them are learned from in the time that there is."""
        left_out, there = len(self.others) - len(self.learned), len(self.learned) + len(self.named)
        copies = f", {left_out} near-copies of those left out" if left_out else ""
        more = f", and {len(self.named)} by their names" if self.named else ""
        some = f"; the time allows {taken} of them" if taken < there else ""
        documented = f"{len(self.documented)} documented definitions ({len(self.held_out)} held out{copies})"
        return f"Encoding {documented}{more}{some}"


def usable_pairs(file: Path) -> tuple[list[data.Pair], list[data.Pair]]:
    """What is worth learning from: documented definitions, and others that have a telling name.

    Too few documented ones end the run with a sentence: they are what a result is measured by.
    """
    if not file.exists():
        raise UserError("pairs-missing", f"The file of mined pairs {file} does not exist.")
    seen: set[str] = set()
    pairs, named = [], []
    for pair in data.read_pairs([file]):
        if len(pair["code"]) >= 20 and pair["code"] not in seen:
            if views.word_count(pair["doc"]) >= 3:
                pairs.append(pair)
            elif not pair["doc"] and len(views.name_words(pair["name"]).split()) >= 2:
                named.append(pair)
            else:
                continue
            seen.add(pair["code"])
    if len(pairs) < MIN_PAIRS:
        raise UserError(
            "too-few-pairs",
            f"Only {len(pairs)} documented definitions were found; at least {MIN_PAIRS} are needed to learn from.",
        )
    return pairs, named


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
        """Up to two questions for each held-out pair, made of its comment; half of the code has lost its name.

        Texts are cut as the product cuts them.
        """
        lengths = replace(config.text, code_tokens=as_used.max_code_tokens, query_tokens=as_used.max_query_tokens)
        config = replace(config, text=lengths)
        asked = evaluate.HeldOut.of(held_out, as_used.text, config, limit=plan.definitions, both=True)
        more = evaluate.HeldOut.of(others, as_used.text, config, limit=max(0, plan.documents - len(asked.documents)))
        files = [data.stable_hash(*file_of(asked.pairs[number])) for number in asked.relevant]
        return Check(asked.queries, [*asked.documents, *more.documents], asked.relevant, np.array(files, np.uint64))

    def ranks_with(self, encoder: FolderEncoder) -> Ranks:
        return self.ranks_by(encoder.encode_all(self.queries), encoder.encode_all(self.documents))

    def ranks_by(self, queries: Vectors, documents: Vectors) -> Ranks:
        """By exit (`6`), and of the top exit's queries with each lower exit's documents (`6>2`)."""
        exits = sorted(queries)
        top = exits[-1]
        pairs = {f"{exit}": (exit, exit) for exit in exits} | {f"{top}>{exit}": (top, exit) for exit in exits[:-1]}
        return {key: ranks_of(queries[asked], documents[found], self.relevant) for key, (asked, found) in pairs.items()}
