"""The training loop: turn the heads, train the top's head, then the table, then the layers.

All of them learn from cached teacher vectors. The table comes before the layers, because its embedding is part of the
other exits' (`config.residual`): many passes that cost only look-ups. Then the layers, in steps that are either cheap
(up to the last exit below the top) or joint (all layers).

A run is a folder: `config.json`, `log.jsonl`, `checkpoint.pt` (everything needed to go on). With `patience` the layers
stop early, and the checkpoint then holds the weights that were best on the held-out files; meanwhile `best.pt` does.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as distributed
import torch.nn as nn
from torch import Tensor

from strata_train import data
from strata_train.config import Config, to_dict
from strata_train.device import Device
from strata_train.events import UserError, emit
from strata_train.losses.contrastive import false_negatives
from strata_train.losses.distillation import score_distillation
from strata_train.losses.hierarchical import HierarchicalLoss, Teacher
from strata_train.losses.matryoshka import over_prefixes
from strata_train.model import MultiExitEncoder, TableExit, unit
from strata_train.text import pad

Texts = list[np.ndarray]
Embeddings = dict[int, Tensor]
CHECKPOINT = "checkpoint.pt"
BEST = "best.pt"
Evaluate = Callable[[MultiExitEncoder], dict[str, float]]


# --- gradients --------------------------------------------------------------------------------------------------------


PIECE = 32  # texts that are padded to one length


def in_pieces(lengths: np.ndarray, encode: Callable[[np.ndarray], Tensor]) -> Tensor:
    """(B, …) of B texts, encoded `PIECE` at a time by length: one long text does not pad all the short ones.

    Args:
        lengths: of the texts, in tokens: (B,).
        encode: numbers of texts → their rows.

    """
    order = np.argsort(lengths, kind="stable")
    pieces = [encode(order[start : start + PIECE]) for start in range(0, len(order), PIECE)]
    return torch.cat(pieces)[torch.from_numpy(np.argsort(order, kind="stable")).to(pieces[0].device)]


def encode(model: MultiExitEncoder, texts: Texts, exits: tuple[int, ...], place: Device) -> Embeddings:
    """Token ids of B texts → (B, D) per exit, with gradient."""

    def piece(chosen: np.ndarray) -> Tensor:
        ids, mask = (tensor.to(place.device) for tensor in pad([texts[index] for index in chosen]))
        with torch.autocast(place.device.type, torch.bfloat16, enabled=place.bf16):
            outputs = model(ids, mask, exits=exits)
        return torch.stack([outputs[exit].embedding for exit in exits], dim=1)

    every = in_pieces(np.array([len(text) for text in texts]), piece)  # (B, exits, D)
    return {exit: every[:, number] for number, exit in enumerate(exits)}


def cached_backward(
    model: MultiExitEncoder,
    sides: list[Texts],
    exits: tuple[int, ...],
    loss: Callable[[list[Embeddings]], tuple[Tensor, dict[str, float]]],
    chunk: int,
    place: Device,
) -> tuple[Tensor, dict[str, float]]:
    """Gradient caching: the loss over a whole batch, with only `chunk` texts in memory at a time.

    First all embeddings without gradient, then the loss and its gradient at the embeddings, then each chunk once more
    with gradient. The resulting gradients equal those of one big backward pass, under dropout too: a chunk's second
    pass draws the masks of its first. `chunk` 0: the big pass itself.
    """
    if not chunk:
        value, parts = loss([encode(model, side, exits, place) for side in sides])
        value.backward()
        return value.detach(), parts
    pieces = [[side[start : start + chunk] for start in range(0, len(side), chunk)] for side in sides]
    seeds = [torch.randint(2**62, (len(side),)).tolist() for side in pieces]
    with torch.no_grad():
        encoded = [
            [_encode_seeded(seed, model, piece, exits, place) for seed, piece in zip(numbers, side, strict=True)]
            for numbers, side in zip(seeds, pieces, strict=True)
        ]
    leaves = [{exit: torch.cat([piece[exit] for piece in side]).requires_grad_() for exit in exits} for side in encoded]
    value, parts = loss(leaves)
    value.backward()
    for numbers, side, leaf in zip(seeds, pieces, leaves, strict=True):
        start = 0
        for seed, piece in zip(numbers, side, strict=True):
            again = _encode_seeded(seed, model, piece, exits, place)
            pairs = [(again[exit], leaf[exit].grad) for exit in exits]
            torch.autograd.backward(
                [vectors for vectors, gradient in pairs if gradient is not None],
                [gradient[start : start + len(piece)] for _, gradient in pairs if gradient is not None],
            )
            start += len(piece)
    return value.detach(), parts


def _encode_seeded(
    seed: int, model: MultiExitEncoder, texts: Texts, exits: tuple[int, ...], place: Device
) -> Embeddings:
    """`encode` with dropout's masks made a function of `seed`, on every device."""
    torch.manual_seed(seed)
    return encode(model, texts, exits, place)


def average_gradients(model: nn.Module) -> None:
    """Under torchrun: the mean gradient over all processes. Every process takes the same kind of step."""
    if distributed.is_initialized():
        for parameter in model.parameters():
            if parameter.grad is not None:
                distributed.all_reduce(parameter.grad)
                parameter.grad /= distributed.get_world_size()


# --- the start --------------------------------------------------------------------------------------------------------


def principal_axes(vectors: np.ndarray) -> np.ndarray:
    """Orthogonal (D, D) whose rows are the directions of most energy of (N, D) vectors, most first."""
    _, axes = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)
    axes = axes[:, ::-1].T
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    return (axes * signs[:, None]).astype(np.float32)


def turn_heads(model: MultiExitEncoder, rotation: Tensor) -> None:
    """Follow every head by a linear map (D, D). If it is a rotation, all full-width cosines stay as they are.

    Exit 0's block reads what its head gives and adds to it, so it follows the map on both sides. That is exact where
    the map can be undone; of a projection the block no longer sees what is left out. The attention likewise, exact for
    a rotation: it compares directions.
    """
    with torch.no_grad():
        for exit in model.exits.values():
            exit.head.weight.copy_(rotation.to(exit.head.weight.device) @ exit.head.weight)
        if model.table is not None:
            turn_table(model.table, rotation)


@torch.no_grad()
def turn_table(table: TableExit, rotation: Tensor) -> None:
    """The same for exit 0 alone."""
    rotation = rotation.to(table.head.weight.device)
    table.head.weight.copy_(rotation @ table.head.weight)
    for part in (table.attention, table.block):
        if part is not None:
            there, back = part[0].weight, part[-1].weight
            there.copy_(there @ torch.linalg.pinv(rotation.cpu()).to(there.device))
            back.copy_(rotation @ back)


LEAST_TEXTS = 50  # of a language, for its mean to say something


def language_axes(vectors: np.ndarray, languages: np.ndarray, directions: int) -> np.ndarray:
    """The `directions` (or fewer) in which the means of languages' code differ most: (directions, D), orthonormal.

    Of (N, D) vectors and the language of each, "" for questions.
    """
    names, counts = np.unique(languages, return_counts=True)
    known = [name for name, count in zip(names, counts, strict=True) if name and count >= LEAST_TEXTS]
    if len(known) < 2:
        return np.zeros((0, vectors.shape[1]), vectors.dtype)
    means = np.stack([vectors[languages == name].mean(axis=0) for name in known])
    _, _, axes = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    return axes[: min(directions, len(known) - 1)]


def without_languages(shards: list[data.Shard], head: Tensor, directions: int) -> Tensor:
    """What is to follow `head` (D, D) so that a vector no longer tells in which language its code is written: (D, D).

    The means of the languages' code differ in a few directions that say nothing of what the code does, but draw the
    code of one language together. The `directions` that hold most of these differences are left out, and what remains
    is turned to its principal axes.
    """
    vectors = np.concatenate([np.asarray(shard.teacher(), np.float32) for shard in shards]) @ head.numpy().T
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    leading = language_axes(vectors, np.concatenate([shard.languages for shard in shards]), directions)
    kept = np.eye(len(head), dtype=np.float32) - leading.T @ leading
    return torch.from_numpy(principal_axes(vectors @ kept) @ kept)


def token_weights(shards: list[data.Shard], vocabulary: int, a: float = 1e-3) -> Tensor:
    """Smooth inverse frequency a / (a + p(token)) over the corpus, scaled to a mean of one where it is used: (V,)."""
    counts = np.zeros(vocabulary, np.float64)
    for shard in shards:
        counts += np.bincount(shard.ids, minlength=vocabulary)
    share = counts / max(1.0, counts.sum())
    weights = a / (a + share)
    return torch.from_numpy((weights / np.average(weights, weights=share + 1e-12)).astype(np.float32))


def take_trunk(student: MultiExitEncoder, teacher: MultiExitEncoder, source: Path, *, copies: bool) -> None:
    """The teacher's trunk and top head in the place of the student's; `source` is named when the shapes differ.

    `copies`: what an untouched student has from its trunk becomes a copy of the teacher's too: the table's rows, the
    exits' private layers, and the heads, because all exits begin in the top's space.
    """
    config, top = student.config, str(student.config.top)
    shape = ("vocab_size", "hidden_size", "layers", "heads", "intermediate_size", "max_positions", "dims")
    if other := [name for name in shape if getattr(config, name) != getattr(teacher.config, name)]:
        raise UserError("shape-mismatch", f"The teacher in {source} has another {', '.join(other)} than the settings.")
    student.embeddings.load_state_dict(teacher.embeddings.state_dict())
    student.layers.load_state_dict(teacher.layers.state_dict())
    head = teacher.exits[top].head.weight
    student.exits[top].head.weight.data.copy_(head)
    if not copies:
        return
    for depth, exit in student.exits.items():
        exit.head.weight.data.copy_(head)
        for offset, layer in enumerate(exit.layers):
            layer.load_state_dict(teacher.layers[config.shared_layers(int(depth)) + offset].state_dict())
    if student.table is not None:
        student.table.table.weight.data.copy_(teacher.embeddings.word.weight)
        student.table.head.weight.data.copy_(head)


# --- state ------------------------------------------------------------------------------------------------------------


@dataclass
class Progress:
    """Where a run is. Batches are a function of (seed, pass, shard), so this is enough to go on exactly."""

    step: int = 0
    round: int = 0  # passes over all shards, of the first process's
    shard: int = 0
    batch: int = 0  # batches of that shard that are done
    seconds: float = 0.0
    teacher: str = ""  # whose cached vectors are learned from
    from_folder: bool = False  # began with a model folder, whose table has been trained
    table_epoch: int = 0  # whole passes
    table_step: int = 0
    table_seconds: float = 0.0
    table_done: bool = False  # all passes, or the minutes are used up
    top_head_done: bool = False
    mentor_round: int = 0  # whole passes behind a mentor
    mentor_step: int = 0
    mentor_seconds: float = 0.0
    best: float = -1.0
    evaluations_since_best: int = 0


class Run:
    """A run folder: what is saved and how it is taken up again."""

    def __init__(self, folder: Path, config: Config, teacher_head: Tensor | None = None) -> None:
        self.folder = folder
        self.config = config
        self.teacher_head = teacher_head
        self.progress = Progress()
        self.optimizers: dict[str, Any] = {}  # state by phase, of phases that are not over
        if is_first_process():
            folder.mkdir(parents=True, exist_ok=True)
            with data.written_whole(folder / "config.json") as work:  # a run that is taken up has one that is read
                work.write_text(json.dumps(to_dict(config), indent=2) + "\n", encoding="utf-8")

    def save(self, name: str, model: nn.Module, **optimizers: torch.optim.Optimizer) -> None:
        """Under torchrun only the first process writes. `optimizers` by phase; only the checkpoint keeps them."""
        if not is_first_process():
            return
        self.optimizers |= {phase: optimizer.state_dict() for phase, optimizer in optimizers.items()}
        state = {
            "model": model.state_dict(),
            "optimizers": self.optimizers if name == CHECKPOINT else {},
            "progress": vars(self.progress),
            "teacher_head": self.teacher_head,
        }
        with data.written_whole(self.folder / name) as work:
            torch.save(state, work)

    def resume(self, model: nn.Module) -> None:
        """Go on from the checkpoint: its weights into `model`, the rest into this run."""
        file = self.folder / CHECKPOINT
        state = read_checkpoint(file)
        load_weights(model, state["model"], file)
        try:
            self.progress = Progress(**state["progress"])
            self.teacher_head, self.optimizers = state["teacher_head"], state["optimizers"]
        except (KeyError, TypeError) as error:
            raise UserError("checkpoint-old", f"{file} was written by another version; begin a new run.") from error

    def restore(self, phase: str, optimizer: torch.optim.Optimizer) -> None:
        """What the checkpoint knows of the phase's optimizer, if the phase was under way."""
        try:
            if phase in self.optimizers:
                optimizer.load_state_dict(self.optimizers[phase])
        except (KeyError, ValueError) as error:
            raise UserError(
                "checkpoint-mismatch",
                f"The {phase} were trained with other settings in {self.folder}; go on with those, or begin a new run.",
            ) from error


def read_checkpoint(file: Path) -> dict[str, Any]:
    """A checkpoint's content, on the CPU."""
    if not file.exists():
        raise UserError("checkpoint-missing", f"There is no {file.name} in {file.parent}.")
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        state["model"]
    except MemoryError:
        raise
    except Exception as error:  # what is no checkpoint fails to unpickle in many ways, and says so in many lines
        raise UserError("checkpoint-unreadable", f"{file} is damaged, or no checkpoint of a run.") from error
    return state


def refuse_old_run(folder: Path, resume: bool | None) -> None:
    """A run is not begun over another. `resume`: whether it is to go on; None where its command cannot."""
    if (folder / CHECKPOINT).exists() and not resume:
        way = "" if resume is None else "add --resume to go on with it, or "
        raise UserError("run-exists", f"{folder} holds a run; {way}choose another folder.")


def load_weights(model: nn.Module, weights: dict[str, Tensor], source: Path) -> None:
    """`weights` into `model`; those of a model with another shape are an error that names `source`."""
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(
            "shape-mismatch", f"The model in {source} has another shape than the settings ask for."
        ) from error


class StopRequest:
    """SIGTERM and SIGINT ask for a stop at the next step, where everything can be saved."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> StopRequest:
        self._old = {kind: signal.signal(kind, self._ask) for kind in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *_: object) -> None:
        for kind, handler in self._old.items():
            signal.signal(kind, handler)

    def _ask(self, *_: object) -> None:
        self.asked = True


@contextmanager
def stoppable(checkpoint: Path, saved: str = "everything up to the last phase is saved") -> Iterator[None]:
    """SIGTERM and SIGINT end the run at once, in words that say what `--resume` will find.

    For what lies around the loops below. Those can save, so they handle the signals themselves while they run; what
    lies between them takes seconds and is computed again.
    """

    def stop(*_: object) -> None:
        kept = (
            f"{saved}, continue with --resume."
            if checkpoint.exists()
            else "nothing was learned yet; --resume or a new run begins with the same definitions."
        )
        raise UserError("interrupted", f"Stopped before the end; {kept}")

    before = {kind: signal.signal(kind, stop) for kind in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


# --- the layers -------------------------------------------------------------------------------------------------------


def optimizer_for(model: MultiExitEncoder, config: Config) -> torch.optim.Optimizer:
    """AdamW with a rate per part of the model; parts with rate 0 are frozen."""
    train, exits = config.train, [exit for exit in config.model.exits if 0 < exit < config.model.top]
    last_lower = exits[-1] if exits else config.model.top
    rates: dict[float, list[nn.Parameter]] = defaultdict(list)
    for name, parameter in model.named_parameters():
        if name.startswith("table."):
            rate = 0.0  # has its own phase
        elif ".".join(name.split(".")[2:3]) == "layers":  # exits.<depth>.layers: private
            rate = train.exit_learning_rate
        elif name.startswith("embeddings."):
            rate = train.embedding_learning_rate
        elif name.startswith("layers."):
            rate = train.learning_rate if int(name.split(".")[1]) < last_lower else train.upper_learning_rate
        elif name.startswith(f"exits.{config.model.top}."):
            rate = train.upper_learning_rate
        else:
            rate = train.head_learning_rate
        parameter.requires_grad_(rate > 0)
        if rate > 0:
            rates[rate].append(parameter)
    groups = [{"params": parameters, "lr": rate, "base_lr": rate} for rate, parameters in rates.items()]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=train.weight_decay, fused=True)


def open_shards(cache: Path) -> list[data.Shard]:
    """Every shard of the cache. Training on those alone that have their teacher's vectors would leave out the rest
    without a word.
    """
    shards = [data.Shard.open(folder) for folder in data.shard_folders(cache)]
    if not shards:
        raise UserError("no-data", f"There are no shards in {cache}; are there pairs at all?")
    for shard in shards:
        if not shard.has_teacher:
            raise UserError("teacher-missing", f"{shard.folder} has no teacher vectors; run `prepare` first.")
    return shards


def no_batch(cache: Path) -> UserError:
    return UserError("no-data", f"No shard in {cache} holds two definitions to tell apart; train on more pairs.")


def stream(cache: Path, config: Config, progress: Progress) -> Iterator[data.Batch]:
    """Batches without end, from where `progress` stands.

    Under torchrun a checkpoint knows where the first process was. The others have shards of other lengths, and count
    from the beginning of the run as many batches as there were steps.
    """
    rank, world = rank_and_world()
    every = open_shards(cache)
    shards = every[rank::world] or every  # with fewer shards than processes some share
    passed = progress.step if rank else 0
    if rank:
        progress.round = progress.shard = progress.batch = 0
    while True:
        whole, found = progress.shard == progress.batch == 0, False
        while progress.shard < len(shards):
            shard = shards[progress.shard]
            chance = np.random.default_rng((config.train.seed, progress.round, progress.shard))
            everything = data.batches(shard, config.train.batch_size, config.train.group_size, chance)
            for number, batch in enumerate(everything):
                if number < progress.batch:
                    continue
                progress.batch = number + 1
                found = True
                if passed:
                    passed -= 1
                else:
                    yield batch
            progress.shard, progress.batch = progress.shard + 1, 0
        if whole and not found:
            raise no_batch(cache)
        progress.round, progress.shard = progress.round + 1, 0


def train_layers(
    model: MultiExitEncoder,
    run: Run,
    cache: Path,
    place: Device,
    *,
    minutes: float | None = None,
    evaluate: Evaluate | None = None,
) -> bool:
    """Train trunk and exits until the steps or the minutes (measuring included) are used up.

    Returns False when asked to stop before that. With `patience` it ends with the best weights it had, first ones too.
    """
    config, train, progress = run.config, run.config.train, run.progress
    lower = tuple(exit for exit in config.model.exits if 0 < exit < config.model.top)
    all_exits = (*lower, config.model.top)
    loss = HierarchicalLoss(config.loss, all_exits, config.model.layers, config.model.matryoshka)
    model.to(place.device).train()  # before the optimizer, whose state goes where the weights are
    optimizer = optimizer_for(model, config)
    run.restore("layers", optimizer)
    teacher_head = run.teacher_head.to(place.device) if run.teacher_head is not None else None
    averages: dict[str, list[float]] = defaultdict(list)
    budget = minutes * 60 if minutes else float("inf")
    last_tick, measured_at = time.monotonic(), -1
    if evaluate and train.patience and progress.best < 0 and is_first_process():
        _evaluate(model, run, evaluate)
        measured_at = progress.step
    last_save = last_evaluation = time.monotonic()
    batches = stream(cache, config, progress)

    out_of_patience = False
    with StopRequest() as stop:
        while True:
            done = max(progress.step / train.steps, progress.seconds / budget)
            # Clocks differ, steps must not.
            done = as_first_process(2.0 if stop.asked or out_of_patience else done, place)
            if done >= 1:
                break
            joint = (
                not lower
                or bool(train.joint_every)
                and (progress.step % train.joint_every == 0 or done > 1 - train.joint_tail)
            )
            set_rates(optimizer, progress.step, done, train.warmup_steps)
            batch = next(batches)
            value, parts = _step(model, batch, all_exits if joint else lower, loss, teacher_head, config, place)
            average_gradients(model)
            norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if not torch.isfinite(value):
                raise diverged()

            progress.step += 1
            now = time.monotonic()
            progress.seconds += now - last_tick
            last_tick = now
            averages["joint" if joint else "cheap"].append(float(value))
            for name, part in parts.items():
                averages[name].append(part)
            averages["gradient"].append(float(norm))
            averages["pairs"].append(float(len(batch.query_ids)))
            if progress.step % train.log_every == 0 and is_first_process():
                _log(progress, averages, budget, train.steps)
                averages.clear()
            if evaluate and now - last_evaluation > train.evaluate_minutes * 60 and is_first_process():
                out_of_patience = _evaluate(model, run, evaluate)
                last_evaluation, measured_at = time.monotonic(), progress.step
            if now - last_save > train.checkpoint_minutes * 60:
                run.save(CHECKPOINT, model, layers=optimizer)
                last_save = time.monotonic()
    run.save(CHECKPOINT, model, layers=optimizer)
    if stop.asked:
        return False
    if evaluate and is_first_process():
        if measured_at != progress.step:
            _evaluate(model, run, evaluate)
        _end_with_best(model, run)
    return True


def _step(
    model: MultiExitEncoder,
    batch: data.Batch,
    exits: tuple[int, ...],
    loss: HierarchicalLoss,
    teacher_head: Tensor | None,
    config: Config,
    place: Device,
) -> tuple[Tensor, dict[str, float]]:
    teacher, mask = _teacher(batch, teacher_head, config, place, model.table)
    return cached_backward(
        model,
        [batch.query_ids, batch.document_ids],
        exits,
        lambda sides: loss(sides[0], sides[1], teacher, mask),
        config.train.chunk_size,
        place,
    )


def _teacher(
    batch: data.Batch, head: Tensor | None, config: Config, place: Device, table: TableExit | None = None
) -> tuple[Teacher, Tensor]:
    """The batch's teacher vectors through the teacher's head (D, D), and the false-negative mask (B, B).

    `table`: exit 0, whose share of the top's embedding is then added. The table itself learns from the layers alone.
    """
    to = lambda array: torch.from_numpy(array).to(place.device)  # noqa: E731
    vectors = [to(batch.query_teacher), to(batch.document_teacher)]
    queries, documents = vectors if head is None else (unit(part @ head.T) for part in vectors)
    if (share := config.model.top_residual) and table is not None:
        with torch.no_grad():
            words = [bag(table, texts, place) for texts in (batch.query_ids, batch.document_ids)]
        queries, documents = unit(queries + share * words[0]), unit(documents + share * words[1])
    keys = to(batch.definition), to(batch.query_key)
    return Teacher(queries, documents), false_negatives(*keys, documents, config.loss.false_negative_cosine)


def _mean_of_pass(values: list[float], cache: Path) -> float:
    """The mean loss of a pass, which is a number."""
    if not values:
        raise no_batch(cache)
    mean = float(np.mean(values))
    if not np.isfinite(mean):
        raise diverged()
    return mean


def diverged() -> UserError:
    return UserError("diverged", "The loss is no longer a number; use a lower learning rate.")


def set_rates(optimizer: torch.optim.Optimizer, step: int, done: float, warmup: int) -> None:
    """Linear warm-up by steps, in a short run by its first fifth; then linear decay by the share of the run (steps or
    minutes) that is done.
    """
    factor = min(1.0, max((step + 1) / max(1, warmup), 5 * done)) * max(0.02, 1.0 - done)
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor


def _log(progress: Progress, averages: dict[str, list[float]], budget: float, steps: int) -> None:
    means = {name: sum(values) / len(values) for name, values in averages.items() if name != "pairs"}
    by_steps = progress.seconds / progress.step * (steps - progress.step)
    emit(
        "progress",
        phase="layers",
        step=progress.step,
        seconds=round(progress.seconds, 1),
        seconds_left=round(max(0.0, min(budget - progress.seconds, by_steps)), 1),
        round=progress.round,
        shard=progress.shard,
        loss=means.get("joint", means.get("cheap")),
        parts=means,
    )


def _evaluate(model: MultiExitEncoder, run: Run, evaluate: Evaluate) -> bool:
    """Measure, keep the best weights where there is patience, and say whether that has run out."""
    model.eval()
    figures = evaluate(model)
    model.train()
    progress, patience = run.progress, run.config.train.patience
    emit("metric", phase="held-out", step=progress.step, seconds=round(progress.seconds, 1), **figures)
    if not patience:
        return False
    if figures["score"] > progress.best:
        progress.best, progress.evaluations_since_best = figures["score"], 0
        run.save(BEST, model)
    else:
        progress.evaluations_since_best += 1
    return progress.evaluations_since_best >= patience


def _end_with_best(model: MultiExitEncoder, run: Run) -> None:
    """The best weights in the place of the last: whoever exports or goes on from the run need not know of two files."""
    best = run.folder / BEST
    if not (run.config.train.patience and best.exists()):
        return
    load_weights(model, read_checkpoint(best)["model"], best)
    run.optimizers.pop("layers", None)  # which was with the last weights
    run.progress.best, run.progress.evaluations_since_best = -1.0, 0  # more steps or minutes begin with these
    run.save(CHECKPOINT, model)
    best.unlink()


# --- the top's head ---------------------------------------------------------------------------------------------------


def train_top_head(model: MultiExitEncoder, run: Run, cache: Path, place: Device) -> None:
    """Train the top exit's linear head alone, on cached vectors of the frozen start: no encoder is run at all.

    The head, turned for its prefixes, then also becomes the teacher's, and the point from which the other heads start.
    """
    config, train = run.config, run.config.train
    shards = open_shards(cache)
    top, dims = config.model.top, config.model.dims
    frozen = torch.eye(dims) if run.teacher_head is None else run.teacher_head  # without: the vectors are the top's
    frozen = frozen.to(place.device)
    change = nn.Linear(dims, dims, bias=False).to(place.device)  # follows the head, which need not have full rank
    nn.init.eye_(change.weight)
    loss = HierarchicalLoss(config.loss, (top,), config.model.layers, config.model.matryoshka)
    optimizer = torch.optim.AdamW(
        [{"params": change.parameters(), "base_lr": train.top_head_learning_rate}], lr=1e-3, weight_decay=0.0
    )

    def step(batch: data.Batch) -> Tensor:
        teacher, mask = _teacher(batch, frozen, config, place)
        sides = (batch.query_teacher, batch.document_teacher)
        queries, documents = (unit(change(torch.from_numpy(raw).to(place.device) @ frozen.T)) for raw in sides)
        value, _ = loss({top: queries}, {top: documents}, teacher, mask)
        return value

    _train_on_vectors("top head", train.top_head_epochs, 2000, shards, run, cache, optimizer, step)
    followed = change.weight.detach()
    if train.prefix_epochs:
        followed = prefix_axes(shards, followed @ frozen, run, cache, place) @ followed
    turn_heads(model, followed)
    run.teacher_head = (followed @ frozen).cpu()
    run.progress.top_head_done = True


def prefix_axes(shards: list[data.Shard], head: Tensor, run: Run, cache: Path, place: Device) -> Tensor:
    """A rotation (D, D) to follow the head, after which prefixes score as whole vectors do; whole vectors lose nothing.

    Principal axes keep the most of the vectors; these keep the most of which of them are near to each other.
    """
    config, train = run.config, run.config.train
    widths = tuple(width for width in config.model.matryoshka if width < config.model.dims)
    scale = config.loss.logit_scale
    turn = nn.Linear(config.model.dims, config.model.dims, bias=False)
    nn.init.eye_(turn.weight)
    turn = nn.utils.parametrizations.orthogonal(turn, orthogonal_map="cayley").to(place.device)
    optimizer = torch.optim.Adam([{"params": turn.parameters(), "base_lr": train.prefix_learning_rate}])

    def step(batch: data.Batch) -> Tensor:
        whole, _ = _teacher(batch, head, config, place)
        scores = scale * whole.queries @ whole.documents.T
        sides = (turn(whole.queries), turn(whole.documents))
        return over_prefixes(lambda q, d: score_distillation(scale * q @ d.T, scores), sides, widths)

    _train_on_vectors("prefixes", train.prefix_epochs, 3000, shards, run, cache, optimizer, step)
    return turn.weight.detach()


def _train_on_vectors(
    phase: str,
    epochs: int,
    draw: int,
    shards: list[data.Shard],
    run: Run,
    cache: Path,
    optimizer: torch.optim.Optimizer,
    step: Callable[[data.Batch], Tensor],
) -> None:
    """Passes over cached vectors. `step`: a batch's loss; `draw` + the pass decides the order of a shard's batches."""
    train, steps = run.config.train, 0
    for epoch in range(epochs):
        values: list[float] = []
        for number, shard in enumerate(shards):
            chance = np.random.default_rng((train.seed, draw + epoch, number))
            for batch in data.batches(shard, train.batch_size * 4, train.group_size, chance):
                set_rates(optimizer, steps, (epoch + number / len(shards)) / epochs, 20)
                value = step(batch)
                value.backward()
                optimizer.step()
                optimizer.zero_grad()
                values.append(float(value.detach()))
                steps += 1
        emit("progress", phase=phase, step=steps, epoch=epoch + 1, loss=_mean_of_pass(values, cache))


# --- the table --------------------------------------------------------------------------------------------------------


def train_table(
    model: MultiExitEncoder,
    run: Run,
    cache: Path,
    place: Device,
    *,
    minutes: float | None = None,
) -> bool:
    """Train exit 0 alone against the cached vectors. Returns False when asked to stop.

    A pass that is stopped is done again from its start, by the weights and optimizer that it left.
    """
    assert model.table is not None
    config, train, progress = run.config, run.config.train, run.progress
    if not train.table_epochs:
        return True
    shards = open_shards(cache)
    table = model.table.to(place.device).train()
    # Attention and block stay as they are: they need more texts than a pass over the table has (`mentor.py`).
    for name, parameter in table.named_parameters():
        parameter.requires_grad_(not name.startswith(("attention.", "block.")))
    if not (progress.from_folder or progress.table_step or progress.table_done):
        table.weight.data.copy_(token_weights(shards, config.model.vocab_size))  # by rarity: never trained before
    if progress.table_done:  # asked for once more: with minutes and a warm-up of its own
        progress.table_step, progress.table_seconds, progress.table_done = 0, 0.0, False
    teacher_head = run.teacher_head.to(place.device) if run.teacher_head is not None else None
    loss = HierarchicalLoss(config.loss, (0, config.model.top), config.model.layers, config.model.matryoshka)
    groups = [
        {"params": [table.table.weight], "base_lr": train.table_learning_rate, "weight_decay": 0.0},
        {"params": [table.head.weight], "base_lr": train.head_learning_rate},
        {"params": [table.weight], "base_lr": train.token_weight_learning_rate, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98), fused=place.device.type != "mps")
    run.restore("table", optimizer)
    began, budget = time.monotonic() - progress.table_seconds, minutes * 60 if minutes else float("inf")
    over = False
    with StopRequest() as stop:
        for epoch in range(progress.table_epoch, train.table_epochs):
            values: list[float] = []
            for number, shard in enumerate(shards):
                chance = np.random.default_rng((train.seed, 1000 + epoch, number))
                for batch in data.batches(shard, train.table_batch_size, train.group_size, chance):
                    done = max((epoch + number / len(shards)) / train.table_epochs, (time.monotonic() - began) / budget)
                    set_rates(optimizer, progress.table_step, done, 20)
                    value, _ = _table_step(table, batch, loss, teacher_head, config, place)
                    optimizer.step()
                    optimizer.zero_grad(set_to_none=True)
                    values.append(float(value))
                    progress.table_step += 1
                    if over := stop.asked or time.monotonic() - began > budget:
                        break
                if over:
                    break
            progress.table_seconds = time.monotonic() - began
            left = (train.table_epochs - epoch - 1) * progress.table_seconds / (epoch + 1)
            emit(
                "progress",
                phase="table",
                step=progress.table_step,
                epoch=epoch + 1,
                loss=_mean_of_pass(values, cache),
                seconds_left=left,
            )
            if over:
                break
            progress.table_epoch = epoch + 1
    if stop.asked:
        run.save(CHECKPOINT, model, table=optimizer)
        return False
    progress.table_done = True
    run.optimizers.pop("table", None)
    run.save(CHECKPOINT, model)
    return True


def _table_step(
    table: TableExit,
    batch: data.Batch,
    loss: HierarchicalLoss,
    teacher_head: Tensor | None,
    config: Config,
    place: Device,
) -> tuple[Tensor, dict[str, float]]:
    teacher, mask = _teacher(batch, teacher_head, config, place)
    queries, documents = (bag(table, texts, place) for texts in (batch.query_ids, batch.document_ids))
    value, parts = loss({0: queries}, {0: documents}, teacher, mask)
    value.backward()
    return value.detach(), parts


def bag(table: TableExit, texts: Texts, place: Device) -> Tensor:
    """The table exit without padding: (B, D). Different tokens lie one after the other, [CLS] and [SEP] left out."""
    counted = [np.unique(ids[1:-1].astype(np.int64), return_counts=True) for ids in texts]
    to = lambda parts: torch.from_numpy(np.concatenate(parts)).to(place.device)  # noqa: E731
    flat, counts = to([ids for ids, _ in counted]), to([counts for _, counts in counted])
    offsets = torch.from_numpy(np.cumsum([0, *(len(ids) for ids, _ in counted[:-1])])).to(place.device)
    weights = table.weights(flat) * counts**table.count_power
    summed = lambda by: nn.functional.embedding_bag(  # noqa: E731
        flat, table.table.weight, offsets, mode="sum", per_sample_weights=by
    )
    total = summed(weights)
    if table.attention is not None:
        tokens, which = torch.unique(flat, return_inverse=True)
        text = torch.repeat_interleave(torch.tensor([len(ids) for ids, _ in counted], device=flat.device))
        directions = table.directions(table.table(tokens), table.weights(tokens))[which]
        total = summed(weights * table.loudness(directions, table.sought(total)[text]))
    return table.finish(total)


def as_first_process(value: float, place: Device) -> float:
    """Under torchrun: the first process's value in every process."""
    if not distributed.is_initialized():
        return value
    shared = torch.tensor(
        [value], dtype=torch.float64 if place.device.type == "cpu" else torch.float32, device=place.device
    )
    distributed.broadcast(shared, src=0)
    return float(shared)


def rank_and_world() -> tuple[int, int]:
    """The number of this process and how many there are: 0 and 1 without torchrun."""
    if distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def share_from_first_process(model: nn.Module, run: Run, finished: bool, place: Device) -> bool:
    """Under torchrun: everybody goes on with the first process's weights and teacher's head, and with its answer."""
    if distributed.is_initialized():
        for parameter in model.parameters():
            distributed.broadcast(parameter.data, src=0)
        head = [run.teacher_head]  # which the others may not have yet
        distributed.broadcast_object_list(head, src=0)
        run.teacher_head = head[0]
    return bool(as_first_process(float(finished), place))


def is_first_process() -> bool:
    """True also when there is only one."""
    return rank_and_world()[0] == 0


def start_distributed(place: Device) -> None:
    """Join the other processes when started by torchrun; otherwise do nothing.

    They wait for each other by the hour: while the first builds shards or trains the table, the rest has nothing to do.
    """
    if place.device.type == "cuda":
        torch.cuda.set_device(place.device)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not distributed.is_initialized():
        backend = "nccl" if place.device.type == "cuda" else "gloo"
        distributed.init_process_group(backend, timeout=timedelta(hours=24))


def wait_for_all() -> None:
    """Under torchrun: go on when every process has come this far."""
    if distributed.is_initialized():
        distributed.barrier()
