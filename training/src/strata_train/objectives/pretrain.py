"""One pre-training step for either face: L = sum over exits i of (i / L) * (L_MLM,i + L_ICC,i) (section 3.2).

There is no teacher in it: deep exits guide shallow ones through the layers they share ("weighted deep supervision").
Below the step: the loop over a corpus of any size. The command is in `command.py`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from strata_train.events import UserError, emit
from strata_train.modular_starencoder import mean_pool
from strata_train.objectives.icc import ContextHead, context_loss, context_windows
from strata_train.objectives.mlm import MaskedTokenHead, mask_tokens, masked_token_loss
from strata_train.objectives.packing import SpecialTokens, Window, collate, cut, fill


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


def pretraining_step(loss: Tensor, optimizer: torch.optim.Optimizer, clip: float = 1.0) -> None:
    """Backward, clip, update."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], clip)
    optimizer.step()


# ---- the loop ----

MARKS = {"pad": ("<pad>", "[PAD]"), "sep": ("<sep>", "[SEP]"), "cls": ("<cls>", "[CLS]"), "mask": ("<mask>", "[MASK]")}


def special_tokens(tokenizer: Any) -> SpecialTokens:
    """The marks of a tokenizer, in either face's spelling; BERT's tokenizers put `[CLS]` first."""
    found: dict[str, int] = {}
    for kind, spellings in MARKS.items():
        ids = [tokenizer.token_to_id(mark) for mark in spellings]
        known = [number for number in ids if number is not None]
        if not known:
            raise UserError("no-marks", f"The tokenizer has neither {spellings[0]} nor {spellings[1]}.")
        found[kind] = known[0]
    return SpecialTokens(**found, cls_first=tokenizer.token_to_id("[CLS]") is not None)


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


def pretrain(
    model: nn.Module,
    heads: PretrainingHeads,
    passes: Callable[[int], Iterable[Window]],
    special: SpecialTokens,
    vocab_size: int,
    *,
    steps: int,
    batch: int = 32,
    rate: float = 3e-4,
    warmup: int = 100,
    context_weight: float = 1.0,
    seed: int = 17,
    minutes: float | None = None,
    log_every: int = 10,
) -> dict[str, float]:
    """Train until `steps` or `minutes`; `passes(n)` gives the windows of the n-th pass over the corpus.

    AdamW as in the paper (betas 0.9 and 0.95, epsilon 1e-6, weight decay 0.1), linear warm-up, then constant.
    Returns the figures of the last steps, averaged.
    """
    optimizer = torch.optim.AdamW(
        [*model.parameters(), *heads.parameters()], lr=rate, betas=(0.9, 0.95), eps=1e-6, weight_decay=0.1
    )
    generator = torch.Generator().manual_seed(seed)
    started = time.monotonic()
    recent: list[dict[str, float]] = []
    step = number = 0
    model.train()
    while step < steps:
        windows = iter(passes(number))
        number += 1
        before = step
        while step < steps and len(part := list(islice(windows, batch))) == batch:
            for group in optimizer.param_groups:
                group["lr"] = rate * min(1.0, (step + 1) / warmup)
            loss, parts = pretraining_loss(
                model, heads, part, special, vocab_size, generator, context_weight=context_weight
            )
            pretraining_step(loss, optimizer)
            step += 1
            recent = [
                *recent[-log_every + 1 :],
                parts | {"loss": loss.item(), "fill": fill(map(len, part), max(map(len, part)))},
            ]
            if step % log_every == 0:
                emit("metric", phase="pretrain", step=step, steps=steps, **_averages(recent))
            if minutes is not None and time.monotonic() - started > 60 * minutes:
                return _averages(recent)
        if step == before:
            raise UserError("too-few-files", f"The files fill fewer than one batch of {batch} windows.")
    return _averages(recent)


def _averages(rows: list[dict[str, float]]) -> dict[str, float]:
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]} if rows else {}
