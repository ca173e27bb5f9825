"""Where to compute: CUDA, Apple's MPS or the CPU, and whether bf16 pays there."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from strata_train.events import UserError


@dataclass(frozen=True)
class Device:
    """A device and what is worth using on it."""

    device: torch.device
    bf16: bool


def choose(wanted: str = "auto", threads: int = 0) -> Device:
    """`auto` takes CUDA, then MPS, then the CPU. Asking for a device that is not there is an error."""
    if threads:
        torch.set_num_threads(threads)
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        wanted = next(name for name, there in available.items() if there)
    if wanted not in available:
        raise UserError("device-unknown", f"There is no device called {wanted}; use auto, cuda, mps or cpu.")
    if not available[wanted]:
        raise UserError("device-missing", f"This machine has no usable {wanted.upper()} device; use --device auto.")
    # Under torchrun every process has its own GPU.
    index = int(os.environ.get("LOCAL_RANK", "0")) if wanted == "cuda" else None
    return Device(torch.device(wanted, index), bf16_pays(wanted))


def bf16_pays(name: str) -> bool:
    """bf16 matrix products are native on recent GPUs and CPUs with AVX512-BF16 or AMX; elsewhere they are emulated."""
    if name == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if name == "cpu":
        capability = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
        return bool(capability())
    return False
