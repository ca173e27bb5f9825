"""One pre-training step for either face: L = sum over exits i of (i / L) * (L_MLM,i + L_ICC,i) (section 3.2).

There is no teacher in it: deep exits guide shallow ones through the layers they share ("weighted deep supervision").
Below the step: the loop over a corpus of any size. The command is in `command.py`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import torch
from torch import Tensor, nn

from strata_train.device import Device
from strata_train.events import UserError, emit
from strata_train.modular_starencoder import mean_pool
from strata_train.objectives.icc import ContextHead, context_loss, context_windows
from strata_train.objectives.loop import CPU, Checkpoint, Progress, averages, optimizer_for, rate_at, seed_step, update
from strata_train.objectives.mlm import MaskedTokenHead, mask_tokens, masked_token_loss
from strata_train.objectives.packing import SpecialTokens, Window, collate, cut, fill
from strata_train.processes import as_first_process, rank_and_world
from strata_train.runs import StopRequest


def depth_weights(exits: Sequence[int]) -> dict[int, float]:
    """The weight i / L of every exit i of a stack of L layers: 0.111, 0.25, 0.5, 0.75, 1 at full size."""
    top = max(exits)
    return {layer: layer / top for layer in exits if layer > 0}


class PretrainingHeads(nn.Module):
    """Both heads, shared over the exits. The exit at 0 has no layers to pre-train and is left out."""

    def __init__(self, hidden_size: int, vocab_size: int, exits: Sequence[int], conditional_size: int = 4) -> None:
        super().__init__()
        self.exits = tuple(layer for layer in exits if layer > 0)
        self.mlm = MaskedTokenHead(hidden_size, vocab_size, self.exits, conditional_size)
        self.icc = ContextHead(hidden_size, self.exits, conditional_size)


def pretraining_loss(
    model: nn.Module,
    heads: PretrainingHeads,
    windows: Sequence[Window],
    special: SpecialTokens,
    vocab_size: int,
    generator: torch.Generator,
    *,
    context_weight: float = 1.0,
) -> tuple[Tensor, dict[str, float]]:
    """The weighted loss and, per exit, its parts. `context_weight=0` is masked tokens alone, equally packed."""
    ids, mask, same = collate(windows, special)
    masked, labels = mask_tokens(
        ids, mask, special_ids=special.ids, mask_id=special.mask, vocab_size=vocab_size, generator=generator
    )
    device = next(model.parameters()).device
    masked, labels, mask, same = masked.to(device), labels.to(device), mask.to(device), same.to(device)
    outputs = model(masked, mask, exits=heads.exits)
    total = torch.zeros((), device=device)
    parts: dict[str, float] = {}
    for layer, weight in depth_weights(heads.exits).items():
        hidden = outputs[layer].hidden  # (B, T, H)
        token_loss = masked_token_loss(heads.mlm, hidden, labels, layer)
        same_loss, accuracy = context_loss(heads.icc, mean_pool(hidden, mask), same, layer)
        total = total + weight * (token_loss + context_weight * same_loss)
        parts |= {f"mlm{layer}": token_loss.item(), f"icc{layer}": same_loss.item(), f"same{layer}": accuracy.item()}
    return total, parts


# ---- the loop ----


def stream_windows(
    files: Iterable[tuple[str, Sequence[int]]], size: int, seed: int, buffer: int = 20_000
) -> Iterator[Window]:
    """Windows of a corpus of any size: (repository, tokens) files are packed one buffer at a time."""
    files = iter(files)
    rng = random.Random(seed)
    while part := list(islice(files, buffer)):
        windows = list(context_windows(cut(part, size // 2), size, rng))
        rng.shuffle(windows)  # the packing begins with large repositories
        yield from windows


def _batches(passes: Callable[[int], Iterable[Window]], size: int, progress: Progress) -> Iterator[list[Window]]:
    """Batches of `size` windows without end, from where `progress` stands."""
    while True:
        windows = iter(passes(progress.number))
        windows = islice(windows, progress.batches * size, None)  # of a resumed run: packed again, not trained on
        while len(part := list(islice(windows, size))) == size:
            progress.batches += 1
            yield part
        if progress.batches == 0:
            raise UserError("too-few-files", f"The files fill fewer than one batch of {size} windows.")
        progress.number, progress.batches = progress.number + 1, 0


def pretrain(
    model: nn.Module,
    heads: PretrainingHeads,
    passes: Callable[[int], Iterable[Window]],
    special: SpecialTokens,
    vocab_size: int,
    *,
    steps: int,
    batch: int = 32,
    accumulate: int = 1,
    rate: float = 3e-4,
    warmup: int = 100,
    milestones: Sequence[int] = (),
    context_weight: float = 1.0,
    seed: int = 17,
    minutes: float | None = None,
    log_every: int = 10,
    place: Device = CPU,
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
) -> tuple[dict[str, float], bool]:
    """Train until `steps` or `minutes`; `passes(n)` gives the windows of the n-th pass over the corpus.

    A step sees `batch` windows at a time, `accumulate` times, in every process of torchrun. Returns the figures of
    the last steps, averaged, and False when SIGTERM or SIGINT stopped it before the end. With a `checkpoint` it saves
    now and then and at every end; a resumed run takes the very steps that the whole run would.
    """
    both = nn.ModuleDict({"model": model, "heads": heads})
    optimizer = optimizer_for(both.parameters(), rate)
    progress = checkpoint.load(both, optimizer) if resume and checkpoint is not None else Progress()
    rank, world = rank_and_world()
    batches = _batches(passes, batch * accumulate * world, progress)
    both.train()
    last_save = last_tick = time.monotonic()
    with StopRequest() as stop:
        while not progress.over(steps, minutes, stop.asked, place):
            own = next(batches)[rank::world]
            generator = seed_step(seed, progress.step)
            for group in optimizer.param_groups:
                group["lr"] = rate_at(progress.step, rate, warmup, milestones)
            rows = []
            for start in range(0, len(own), batch):
                part = own[start : start + batch]
                with torch.autocast(place.device.type, torch.bfloat16, enabled=place.bf16):
                    loss, parts = pretraining_loss(
                        model, heads, part, special, vocab_size, generator, context_weight=context_weight
                    )
                (loss / accumulate).backward()
                rows.append(parts | {"loss": loss.item(), "fill": fill(map(len, part), max(map(len, part)))})
            update(both, optimizer)
            progress.step += 1
            now = time.monotonic()
            progress.seconds += now - last_tick
            last_tick = now
            progress.recent = [*progress.recent, averages(rows)][-log_every:]
            if progress.step % log_every == 0:
                figures = averages(progress.recent)
                seconds = round(progress.seconds, 1)
                emit("metric", phase="pretrain", step=progress.step, steps=steps, seconds=seconds, **figures)
            if checkpoint is not None and now - last_save > 60 * checkpoint.minutes:
                checkpoint.save(both, optimizer, progress)
                last_save = time.monotonic()
        stopped = bool(as_first_process(float(stop.asked), place))
    if checkpoint is not None:
        checkpoint.save(both, optimizer, progress)
    return averages(progress.recent), not stopped or progress.step >= steps
