"""What a long run of a ModularStarEncoder needs whatever its objective: rates, seeds, one update, a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from strata_train.data import stable_hash, written_whole
from strata_train.device import Device
from strata_train.events import UserError
from strata_train.processes import as_first_process, average_gradients, is_first_process, rank_and_world
from strata_train.runs import load_weights, read_checkpoint

CPU = Device(torch.device("cpu"), bf16=False)
DECAY = 0.5  # of the rate at every milestone; the paper names the milestones and not the factor


def optimizer_for(parameters: Iterable[nn.Parameter], rate: float) -> torch.optim.Optimizer:
    """AdamW as in the paper."""
    return torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.95), eps=1e-6, weight_decay=0.1)


def rate_at(step: int, rate: float, warmup: int, milestones: Sequence[int] = ()) -> float:
    """Linear warm-up to `rate`, then constant but for a cut by `DECAY` at every milestone. `step` counts from 0."""
    return rate * min(1.0, (step + 1) / max(1, warmup)) * DECAY ** sum(step >= milestone for milestone in milestones)


def seed_step(seed: int, step: int) -> torch.Generator:
    """Make what a step draws (dropout, and masks by the generator) a function of seed, step and process.

    A resumed run then takes the very steps that it would have taken, without any stored random state.
    """
    number = stable_hash(str(seed), str(step), str(rank_and_world()[0])) >> 1
    torch.manual_seed(number)
    return torch.Generator().manual_seed(number)


def update(module: nn.Module, optimizer: torch.optim.Optimizer, clip: float = 1.0) -> None:
    """Average the gradients over the processes, clip, step, and clear them."""
    average_gradients(module)
    norm = nn.utils.clip_grad_norm_(module.parameters(), clip)
    if not torch.isfinite(norm):
        raise UserError("diverged", "The gradient is no longer a number; use a lower learning rate.")
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def averages(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of every figure."""
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]} if rows else {}


@dataclass
class Progress:
    """Where a run is. What a step sees is a function of the data and the seed, so these numbers are enough."""

    step: int = 0
    number: int = 0  # of the pass over the corpus
    batches: int = 0  # of that pass, that are done
    seconds: float = 0.0
    recent: list[dict[str, float]] = field(default_factory=list)

    def over(self, steps: int, minutes: float | None, asked: bool, place: Device) -> bool:
        """Whether to stop now. Clocks differ, steps must not: the first process decides for all."""
        over = asked or self.step >= steps or (minutes is not None and self.seconds > 60 * minutes)
        return bool(as_first_process(float(over), place))


class Checkpoint:
    """One file with everything that a run needs to go on to the same losses.

    `settings` are what must stay the same for that: a run with others is refused, not mixed with the first.
    """

    def __init__(self, file: Path, settings: dict[str, Any], minutes: float = 10.0) -> None:
        self.file = file
        self.settings = settings | {"processes": rank_and_world()[1]}
        self.minutes = minutes  # between two savings

    def save(self, module: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
        if not is_first_process():
            return
        state = {"model": module.state_dict(), "optimizer": optimizer.state_dict()}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(self.file) as work:  # a run that is killed while saving keeps the checkpoint before
            torch.save(state | {"progress": asdict(progress), "settings": self.settings}, work)

    def load(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
        state = read_checkpoint(self.file)
        if not {"optimizer", "progress", "settings"} <= set(state):
            raise UserError(
                "checkpoint-unreadable", f"{self.file} is another command's checkpoint; use another folder."
            )
        changed = sorted(name for name in self.settings if state["settings"].get(name) != self.settings[name])
        if changed:
            raise UserError(
                "other-settings",
                f"{self.file} was made with another {' and '.join(changed)}; use the same, or another folder.",
            )
        load_weights(module, state["model"], self.file)
        optimizer.load_state_dict(state["optimizer"])
        return Progress(**state["progress"])
