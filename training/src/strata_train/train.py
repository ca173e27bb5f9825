"""The training loop: turn the heads, train the top's head, then the table, then the layers.

All of them learn from cached teacher vectors. The table comes before the layers, because its embedding is part of the
other exits' (`config.residual`): many passes that cost only look-ups. Then the layers, in steps that are either cheap
(up to the last exit below the top) or joint (all layers).

With `patience` the layers stop early, and the checkpoint then holds the weights that were best on the held-out files.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
from torch import Tensor

from strata_train import data
from strata_train.config import Config
from strata_train.device import Device
from strata_train.events import UserError, emit
from strata_train.losses.contrastive import false_negatives
from strata_train.losses.distillation import score_distillation
from strata_train.losses.hierarchical import HierarchicalLoss, Teacher
from strata_train.losses.matryoshka import over_prefixes
from strata_train.model import MultiExitEncoder, TableExit, unit
from strata_train.processes import as_first_process, average_gradients, is_first_process, rank_and_world
from strata_train.runs import (
    BEST,
    CHECKPOINT,
    Progress,
    Run,
    StopRequest,
    load_weights,
    read_checkpoint,
    share_from_first_process,
    stoppable,
)
from strata_train.text import pad
from strata_train.turning import turn_heads

Texts = list[np.ndarray]
Embeddings = dict[int, Tensor]
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


# --- the start --------------------------------------------------------------------------------------------------------


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


# --- the phases -------------------------------------------------------------------------------------------------------


def train_phases(
    model: MultiExitEncoder,
    run: Run,
    cache: Path,
    place: Device,
    phase: str,
    *,
    minutes: float | None = None,
    table_minutes: float | None = None,
    evaluate: Evaluate | None = None,
) -> bool:
    """Head, table and layers, or the one `phase` ("head", "table", "layers"); "all" leaves out what is done already.

    The first process trains head and table, and the others take over what it made. Returns False when asked to stop.
    """
    train, finished = run.config.train, True
    has_head = bool(train.top_head_epochs or train.prefix_epochs)
    if phase in ("all", "head") and has_head and not run.progress.top_head_done:
        if is_first_process():
            with stoppable(run.folder / CHECKPOINT):
                train_top_head(model, run, cache, place)
            run.save(CHECKPOINT, model)
            if evaluate:
                emit("metric", phase="held-out", step=run.progress.step, seconds=0.0, **evaluate(model.eval()))
        share_from_first_process(model, run, True, place)
    if phase == "table" or (phase == "all" and not run.progress.table_done):
        if is_first_process():
            finished = train_table(model, run, cache, place, minutes=table_minutes)
        finished = share_from_first_process(model, run, finished, place)
    if finished and phase in ("all", "layers"):
        finished = train_layers(model, run, cache, place, minutes=minutes, evaluate=evaluate)
    return finished


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
