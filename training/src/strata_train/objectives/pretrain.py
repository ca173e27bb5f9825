"""One pre-training step for either face: L = sum over exits i of (i / L) * (L_MLM,i + L_ICC,i) (section 3.2).

There is no teacher in it: deep exits guide shallow ones through the layers they share ("weighted deep supervision").
Below the step: the loop over a corpus of any size. The command is in `command.py`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from strata_train.events import UserError, emit
from strata_train.modular_starencoder import mean_pool
from strata_train.objectives.icc import ContextHead, context_loss, context_windows
from strata_train.objectives.mlm import MaskedTokenHead, mask_tokens, masked_token_loss
from strata_train.objectives.packing import SpecialTokens, Window, collate, cut, fill
from strata_train.train import StopRequest


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


@dataclass
class Progress:
    """Where a run is. The windows of a pass are a function of the corpus and the seed, so their number is enough."""

    step: int = 0
    number: int = 0  # of the pass over the corpus
    batches: int = 0  # of that pass, that are done
    seconds: float = 0.0
    recent: list[dict[str, float]] = field(default_factory=list)


class Checkpoint:
    """One file with everything that a run needs to go on to the same losses.

    `settings` are what must stay the same for that: a run with others is refused, not mixed with the first.
    """

    def __init__(self, file: Path, settings: dict[str, Any], minutes: float = 10.0) -> None:
        self.file = file
        self.settings = settings
        self.minutes = minutes  # between two savings

    def save(
        self,
        model: nn.Module,
        heads: nn.Module,
        optimizer: torch.optim.Optimizer,
        generator: torch.Generator,
        progress: Progress,
    ) -> None:
        state = {"model": model.state_dict(), "heads": heads.state_dict(), "optimizer": optimizer.state_dict()}
        chance = {"masks": generator.get_state(), "torch": torch.get_rng_state()}
        if torch.cuda.is_available():
            chance["cuda"] = torch.cuda.get_rng_state()
        work = self.file.with_name(self.file.name + ".tmp")
        torch.save(state | {"chance": chance, "progress": asdict(progress), "settings": self.settings}, work)
        work.replace(self.file)  # a run that is killed while saving keeps the checkpoint before

    def load(
        self, model: nn.Module, heads: nn.Module, optimizer: torch.optim.Optimizer, generator: torch.Generator
    ) -> Progress:
        if not self.file.exists():
            raise UserError(
                "checkpoint-missing", f"There is no {self.file.name} in {self.file.parent} to continue from."
            )
        state = torch.load(self.file, map_location="cpu", weights_only=True)
        changed = sorted(name for name in self.settings if state["settings"].get(name) != self.settings[name])
        if changed:
            raise UserError(
                "other-settings",
                f"{self.file} was made with another {' and '.join(changed)}; use the same, or leave out --resume.",
            )
        model.load_state_dict(state["model"])
        heads.load_state_dict(state["heads"])
        optimizer.load_state_dict(state["optimizer"])
        generator.set_state(state["chance"]["masks"])
        torch.set_rng_state(state["chance"]["torch"])
        if torch.cuda.is_available() and "cuda" in state["chance"]:
            torch.cuda.set_rng_state(state["chance"]["cuda"])
        return Progress(**state["progress"])


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
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
) -> tuple[dict[str, float], bool]:
    """Train until `steps` or `minutes`; `passes(n)` gives the windows of the n-th pass over the corpus.

    AdamW as in the paper (betas 0.9 and 0.95, epsilon 1e-6, weight decay 0.1), linear warm-up, then constant.
    Returns the figures of the last steps, averaged, and False when SIGTERM or SIGINT stopped it before the end. With a
    `checkpoint` it saves now and then and at every end; a resumed run takes the very steps that the whole run would.
    """
    optimizer = torch.optim.AdamW(
        [*model.parameters(), *heads.parameters()], lr=rate, betas=(0.9, 0.95), eps=1e-6, weight_decay=0.1
    )
    generator = torch.Generator().manual_seed(seed)
    progress = Progress()
    if resume and checkpoint is not None:
        progress = checkpoint.load(model, heads, optimizer, generator)
    budget = float("inf") if minutes is None else 60 * minutes
    model.train()
    last_save = last_tick = time.monotonic()

    def save() -> None:
        if checkpoint is not None:
            checkpoint.save(model, heads, optimizer, generator, progress)

    with StopRequest() as stop:
        while progress.step < steps and progress.seconds <= budget and not stop.asked:
            windows = iter(passes(progress.number))
            windows = islice(windows, progress.batches * batch, None)  # of a resumed run: packed again, not trained on
            while progress.step < steps and progress.seconds <= budget and not stop.asked:
                part = list(islice(windows, batch))
                if len(part) < batch:
                    if progress.batches == 0:
                        raise UserError("too-few-files", f"The files fill fewer than one batch of {batch} windows.")
                    progress.number, progress.batches = progress.number + 1, 0
                    break
                for group in optimizer.param_groups:
                    group["lr"] = rate * min(1.0, (progress.step + 1) / warmup)
                loss, parts = pretraining_loss(
                    model, heads, part, special, vocab_size, generator, context_weight=context_weight
                )
                pretraining_step(loss, optimizer)
                progress.step += 1
                progress.batches += 1
                now = time.monotonic()
                progress.seconds += now - last_tick
                last_tick = now
                figures = parts | {"loss": loss.item(), "fill": fill(map(len, part), max(map(len, part)))}
                progress.recent = [*progress.recent[-log_every + 1 :], figures]
                if progress.step % log_every == 0:
                    emit(
                        "metric",
                        phase="pretrain",
                        step=progress.step,
                        steps=steps,
                        seconds=round(progress.seconds, 1),
                        **_averages(progress.recent),
                    )
                if checkpoint is not None and now - last_save > 60 * checkpoint.minutes:
                    save()
                    last_save = time.monotonic()
    save()
    return _averages(progress.recent), not stop.asked or progress.step >= steps


def _averages(rows: list[dict[str, float]]) -> dict[str, float]:
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]} if rows else {}
