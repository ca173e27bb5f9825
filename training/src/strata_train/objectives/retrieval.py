"""Contrastive fine-tuning for retrieval: L = sum over exits i of (i / L) * CLIP_i (arXiv 2503.03008, section 3.3).

Every exit learns through its own projection head, from (text, code) and from (code, code) pairs in equal parts; all
other documents of the batch are negatives. `losses/hierarchical.py` combines the exits, and its self-distillation
terms, with the detached top exit as teacher, are there for who wants them; the paper has none.
Readings of ours, where the paper leaves a choice: a triplet's text is paired with either code; a frequent word is one
that occurs three times or more and is no keyword; rows that come from one seed are not each other's negatives.
"""

from __future__ import annotations

import random
import string
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.distributed as distributed
from torch import Tensor

from strata_train import data
from strata_train.config import LossConfig
from strata_train.dedup import copies_of
from strata_train.device import Device
from strata_train.evaluate import ranks_of
from strata_train.events import UserError, emit
from strata_train.losses.hierarchical import HierarchicalLoss
from strata_train.modular_starencoder import ModularStarEncoder, input_row
from strata_train.objectives.loop import CPU, Checkpoint, Progress, averages, optimizer_for, rate_at, seed_step, update
from strata_train.objectives.tokens import RawTokens
from strata_train.processes import as_first_process, is_first_process, rank_and_world
from strata_train.records import Record, read_json_lines
from strata_train.runs import StopRequest
from strata_train.train import Embeddings, Texts, cached_backward
from strata_train.translate import TITLES
from strata_train.views import KEYWORDS, WORD

TEXT_INSTRUCTION = "Represent this code description for retrieving supporting snippets of code:"
CODE_INSTRUCTION = "Represent this {language} code snippet for retrieval:"


def paper_loss(scale: float = 10.0, **distillation: float) -> LossConfig:
    """The paper's loss: contrast at every exit, weights i / L. `distillation` turns other terms on, by their names."""
    off = {"distil_vectors": 0.0, "distil_scores": 0.0, "cross_exit": 0.0}
    return LossConfig(
        exit_weights="depth", logit_scale=scale, contrastive=1.0, top_contrastive=1.0, anchor=0.0, teacher="top",
        **(off | distillation),
    )  # fmt: skip


# ---- examples ----


def read_examples(files: Iterable[Path]) -> list[Record]:
    """Pairs {lang, doc, code} and the translation builder's triplets, which add {lang_b, code_b}."""
    examples = []
    for file in files:
        if not file.exists():
            raise UserError("examples-missing", f"There is no file {file}.")
        for number, record in enumerate(read_json_lines(file), start=1):
            needed = ["lang", "doc", "code", *(["lang_b", "code_b"] if "code_b" in record else [])]
            if bad := [name for name in needed if not isinstance(record.get(name), str)]:
                raise UserError("examples-bad", f"Example {number} of {file} has no {' and no '.join(bad)}.")
            examples.append(record)
    return examples


def split_held_out(examples: Sequence[Record], share: float) -> tuple[list[Record], list[Record]]:
    """For training, and for measuring. Whole files are held out, so a seed and its translations stay together; what
    nearly repeats held-out code, in another file or repository, is in neither.
    """
    parts: tuple[list[Record], list[Record]] = [], []
    for example in examples:
        place = {"source": str(example.get("source", "")), "path": str(example.get("path", example["code"]))}
        parts[data.is_held_out(place, share)].append(example)
    learned, held_out = parts
    codes = [[example[key] for key in ("code", "code_b") if key in example] for example in learned]
    known = [example[key] for example in held_out for key in ("code", "code_b") if key in example]
    repeated = copies_of(known, [code for each in codes for code in each])
    ends = np.cumsum([0, *map(len, codes)])
    return [each for each, i, j in zip(learned, ends, ends[1:], strict=False) if not any(repeated[i:j])], held_out


def measured_on(held_out: Sequence[Record], most: int = 1000) -> list[Record]:
    """At most so many, always the same, drawn from everything: files are of one language or one kind each."""
    return random.Random(0).sample(held_out, min(most, len(held_out)))


def replace_frequent_words(code: str, chance: random.Random) -> str:
    """`code` with every word that occurs three times or more, and is no keyword, replaced by random letters.

    Code and its description then have to match by more than their common names.
    """
    counts = Counter(word for word in WORD.findall(code) if len(word) > 1 and word not in KEYWORDS)
    names = {
        word: "".join(chance.choices(string.ascii_lowercase, k=chance.randint(3, 9)))
        for word, count in counts.items()
        if count > 2
    }
    return WORD.sub(lambda match: names.get(match[0], match[0]), code)


class Rows:
    """Texts and code as token ids in the published form, `<sep>{instruction}<sep>{text}<cls>`."""

    def __init__(self, tokens: RawTokens, model: ModularStarEncoder, max_tokens: int | None = None) -> None:
        self.tokens = tokens
        self.config = model.config
        self.max_tokens = max_tokens or model.config.context
        tokens.take_marks(model.config)
        longest = max(len(tokens.encode(self._code_instruction(language))) for language in (*TITLES, "")) + 4
        longest = max(longest, len(tokens.encode(TEXT_INSTRUCTION)) + 4)
        if not longest <= self.max_tokens <= model.config.context:
            raise UserError(
                "tokens-size",
                f"Texts of {self.max_tokens} tokens do not work: the instructions need {longest}, "
                f"the model reads {model.config.context}.",
            )

    def text(self, text: str) -> np.ndarray:
        return self._row(TEXT_INSTRUCTION, text)

    def code(self, language: str, code: str) -> np.ndarray:
        return self._row(self._code_instruction(language), code)

    @staticmethod
    def _code_instruction(language: str) -> str:
        return CODE_INSTRUCTION.format(language=TITLES.get(language, language))

    def _row(self, instruction: str, text: str) -> np.ndarray:
        encode = self.tokens.encode
        return np.array(input_row(encode(instruction), encode(text), self.config, self.max_tokens))


# ---- batches ----


@dataclass(frozen=True)
class Pair:
    """A query, which is a text or (with a language) code, and its document. `seed` is equal for pairs of one origin."""

    query: str
    query_language: str | None
    document: str
    language: str
    seed: str


def places(count: int, start: int, amount: int, seed: tuple[int, ...]) -> list[int]:
    """Places `start` .. `start + amount` of an endless walk through 0 .. count - 1, in a new random order each pass."""
    first, last = start // count, (start + max(1, amount) - 1) // count
    orders = [np.random.default_rng((*seed, number)).permutation(count) for number in range(first, last + 1)]
    begin = start - first * count
    return np.concatenate(orders)[begin : begin + amount].tolist()


def draw(
    examples: Sequence[Record], triplets: Sequence[Record], step: int, batch: int, seed: int, replaced: float = 0.3
) -> list[Pair]:
    """The pairs of a step: half of them code-code where there are triplets. A function of its arguments alone."""
    chance = random.Random(data.stable_hash(str(seed), "pairs", str(step)))
    between = batch // 2 if triplets else 0
    pairs = []
    for place in places(len(examples), step * (batch - between), batch - between, (seed, 0)):
        example = examples[place]
        sides = [(example["lang"], example["code"])]
        if "code_b" in example:
            sides.append((example["lang_b"], example["code_b"]))
        language, code = chance.choice(sides)
        pairs.append(Pair(example["doc"], None, code, language, example["code"]))
    if between:
        for place in places(len(triplets), step * between, between, (seed, 1)):
            example = triplets[place]
            pairs.append(Pair(example["code"], example["lang"], example["code_b"], example["lang_b"], example["code"]))

    def view(code: str) -> str:
        return replace_frequent_words(code, chance) if chance.random() < replaced else code

    return [
        Pair(pair.query if pair.query_language is None else view(pair.query), pair.query_language,
             view(pair.document), pair.language, pair.seed)
        for pair in pairs
    ]  # fmt: skip


def not_negatives(pairs: Sequence[Pair]) -> Tensor:
    """Rows whose queries, documents or origins are the same: bool (B, B)."""
    same = torch.zeros(len(pairs), len(pairs), dtype=torch.bool)
    for field in ("query", "document", "seed"):
        keys = torch.tensor([data.stable_hash(getattr(pair, field)) >> 1 for pair in pairs])
        same |= keys[:, None] == keys[None]
    return same


def gathered(own: Embeddings) -> Embeddings:
    """The vectors of all processes, in order of rank; only one's own carry a gradient."""
    if not distributed.is_initialized():
        return own
    rank, world = rank_and_world()
    result = {}
    for exit, vectors in own.items():
        parts = [torch.empty_like(vectors) for _ in range(world)]
        distributed.all_gather(parts, vectors.detach().contiguous())
        parts[rank] = vectors
        result[exit] = torch.cat(parts)
    return result


def backward(
    model: ModularStarEncoder, pairs: list[Pair], rows: Rows, loss: HierarchicalLoss, chunk: int, place: Device
) -> tuple[Tensor, dict[str, float]]:
    """Gradients of the loss over all `pairs`, of which every process of torchrun encodes an equal part.

    The negatives are those of the whole batch. As gradients are averaged over the processes and each process's are
    only those through its own vectors, the loss counts as often as there are processes.
    """
    rank, world = rank_and_world()
    # texts of like length side by side: a chunk is as long as its longest
    parts = [sorted(pairs[number::world], key=lambda pair: len(pair.document)) for number in range(world)]
    same = not_negatives([pair for part in parts for pair in part]).to(place.device)
    queries: Texts = [
        rows.text(pair.query) if pair.query_language is None else rows.code(pair.query_language, pair.query)
        for pair in parts[rank]
    ]
    documents: Texts = [rows.code(pair.language, pair.document) for pair in parts[rank]]

    def over_all(sides: list[Embeddings]) -> tuple[Tensor, dict[str, float]]:
        value, parts = loss(gathered(sides[0]), gathered(sides[1]), None, same)
        return world * value, parts

    value, figures = cached_backward(model, [queries, documents], model.exits, over_all, chunk, place)
    return value / world, figures


# ---- measuring ----


def figures_of(model: ModularStarEncoder, held_out: Sequence[Record], rows: Rows, place: Device) -> dict[str, float]:
    """Mean reciprocal rank by exit: `4` of text to code, `code 4` of code to its translation, `score` of the first."""
    training = model.training
    model.eval()
    tasks = {"": [(rows.text(e["doc"]), (e["lang"], e["code"])) for e in held_out]}
    if triplets := [example for example in held_out if "code_b" in example]:
        tasks["code "] = [(rows.code(e["lang"], e["code"]), (e["lang_b"], e["code_b"])) for e in triplets]
    figures = {}
    for name, pairs in tasks.items():
        codes = {code: number for number, code in enumerate(dict.fromkeys(code for _, code in pairs))}  # each once
        queries, documents = (
            data.encode_texts(model, texts, model.exits, autocast=place.bf16)
            for texts in ([query for query, _ in pairs], [rows.code(*code) for code in codes])
        )
        relevant = np.array([codes[code] for _, code in pairs])
        for exit in model.exits:
            figures[f"{name}{exit}"] = float((1 / ranks_of(queries[exit], documents[exit], relevant)).mean())
    model.train(training)
    return {"score": float(np.mean([figures[f"{exit}"] for exit in model.exits])), **figures}


# ---- the loop ----


def finetune(
    model: ModularStarEncoder,
    rows: Rows,
    examples: Sequence[Record],
    held_out: Sequence[Record],
    *,
    loss: LossConfig,
    steps: int = 20_000,
    batch: int = 2048,
    chunk: int = 32,
    rate: float = 1e-5,
    warmup: int = 1000,
    seed: int = 17,
    minutes: float | None = None,
    log_every: int = 10,
    evaluate_every: int = 500,
    place: Device = CPU,
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
) -> tuple[dict[str, float], bool]:
    """Train until `steps` or `minutes`. Returns the last figures, and False when it was stopped before the end.

    `batch` is that of all processes together; `chunk` texts at a time are in memory with their gradients.
    """
    if not examples:
        raise UserError("no-examples", "There are no examples to train on; the files are empty or all held out.")
    world = rank_and_world()[1]
    if batch < 2 or batch % world:
        raise UserError("batch-size", f"A batch of {batch} cannot be dealt to {world} processes; it needs negatives.")
    triplets = [example for example in examples if "code_b" in example]
    combine = HierarchicalLoss(loss, model.exits, model.config.num_layers, (model.config.dims,))
    optimizer = optimizer_for(model.parameters(), rate)
    progress = checkpoint.load(model, optimizer) if resume and checkpoint is not None else Progress()
    model.train()
    last_save = last_tick = time.monotonic()

    def measure() -> dict[str, float]:
        if not held_out or not is_first_process():
            return {}
        figures = figures_of(model, held_out, rows, place)
        seconds = round(progress.seconds, 1)
        emit("metric", phase="held-out", step=progress.step, seconds=seconds, **figures)
        return figures

    if progress.step == 0:
        measure()
    with StopRequest() as stop:
        while not progress.over(steps, minutes, stop.asked, place):
            seed_step(seed, progress.step)
            for group in optimizer.param_groups:
                group["lr"] = rate_at(progress.step, rate, warmup)
            pairs = draw(examples, triplets, progress.step, batch, seed)
            value, parts = backward(model, pairs, rows, combine, chunk, place)
            update(model, optimizer)
            progress.step += 1
            now = time.monotonic()
            progress.seconds += now - last_tick
            last_tick = now
            progress.recent = [*progress.recent, {"loss": float(value), **parts}][-log_every:]
            if progress.step % log_every == 0:
                emit(
                    "metric",
                    phase="retrieval",
                    step=progress.step,
                    steps=steps,
                    seconds=round(progress.seconds, 1),
                    **averages(progress.recent),
                )
            if progress.step % evaluate_every == 0 and progress.step < steps:
                measure()
                last_tick = time.monotonic()
            if checkpoint is not None and now - last_save > 60 * checkpoint.minutes:
                checkpoint.save(model, optimizer, progress)
                last_save = time.monotonic()
        stopped = bool(as_first_process(float(stop.asked), place)) and progress.step < steps
    if checkpoint is not None:
        checkpoint.save(model, optimizer, progress)
    return averages(progress.recent) if stopped else averages(progress.recent) | measure(), not stopped
