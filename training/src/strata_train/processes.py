"""Training in several processes at once, which torchrun starts. With one alone every function here does nothing."""

from __future__ import annotations

import os
from datetime import timedelta

import torch
import torch.distributed as distributed
import torch.nn as nn

from strata_train.device import Device


def start_distributed(place: Device) -> None:
    """Join the other processes when started by torchrun; otherwise do nothing.

    They wait for each other by the hour: while the first builds shards or trains the table, the rest has nothing to do.
    """
    if place.device.type == "cuda":
        torch.cuda.set_device(place.device)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not distributed.is_initialized():
        backend = "nccl" if place.device.type == "cuda" else "gloo"
        distributed.init_process_group(backend, timeout=timedelta(hours=24))


def rank_and_world() -> tuple[int, int]:
    """The number of this process and how many there are: 0 and 1 without torchrun."""
    if distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def is_first_process() -> bool:
    """True also when there is only one."""
    return rank_and_world()[0] == 0


def wait_for_all() -> None:
    """Under torchrun: go on when every process has come this far."""
    if distributed.is_initialized():
        distributed.barrier()


def as_first_process(value: float, place: Device) -> float:
    """Under torchrun: the first process's value in every process."""
    if not distributed.is_initialized():
        return value
    shared = torch.tensor(
        [value], dtype=torch.float64 if place.device.type == "cpu" else torch.float32, device=place.device
    )
    distributed.broadcast(shared, src=0)
    return float(shared)


def average_gradients(model: nn.Module) -> None:
    """Under torchrun: the mean gradient over all processes. Every process takes the same kind of step."""
    if distributed.is_initialized():
        for parameter in model.parameters():
            if parameter.grad is not None:
                distributed.all_reduce(parameter.grad)
                parameter.grad /= distributed.get_world_size()
