"""A run's folder: what is saved in it, how a run is stopped, and how it is taken up again.

`config.json`, `log.jsonl`, `checkpoint.pt` (everything needed to go on). With `patience`, `best.pt` holds the weights
that were best on the held-out files while the layers are trained.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as distributed
import torch.nn as nn
from torch import Tensor

from strata_train import data
from strata_train.config import Config, to_dict
from strata_train.device import Device
from strata_train.events import UserError
from strata_train.processes import as_first_process, is_first_process

CHECKPOINT = "checkpoint.pt"
BEST = "best.pt"


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


def share_from_first_process(model: nn.Module, run: Run, finished: bool, place: Device) -> bool:
    """Under torchrun: everybody goes on with the first process's weights and teacher's head, and with its answer."""
    if distributed.is_initialized():
        for parameter in model.parameters():
            distributed.broadcast(parameter.data, src=0)
        head = [run.teacher_head]  # which the others may not have yet
        distributed.broadcast_object_list(head, src=0)
        run.teacher_head = head[0]
    return bool(as_first_process(float(finished), place))
