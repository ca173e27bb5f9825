"""Where to compute: CUDA, Apple's MPS or the CPU, and whether bf16 pays there."""

from __future__ import annotations

import ctypes
import os
import platform
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
    if threads < 0:
        raise UserError("bad-number", f"--threads {threads} is below zero; 0 leaves it to PyTorch.")
    if threads:
        torch.set_num_threads(threads)
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        wanted = next(name for name, there in available.items() if there)
    if wanted not in available:
        raise UserError("device-unknown", f"There is no device called {wanted}; use auto, cuda, mps or cpu.")
    if not available[wanted]:
        raise UserError("device-missing", f"This machine has no usable {wanted.upper()} device; use --device auto.")
    if wanted == "cpu":
        keep_freed_memory()
    # Under torchrun every process has its own GPU.
    index = int(os.environ.get("LOCAL_RANK", "0")) if wanted == "cuda" else None
    return Device(torch.device(wanted, index), bf16_pays(wanted))


def keep_freed_memory() -> bool:
    """Have the C library keep large blocks for the next step instead of handing them back to the system.

    A step allocates and frees hundreds of megabytes. With glibc's own settings each block is mapped and cleared anew,
    which in virtual machines costs as much as the arithmetic (`experiments/reading.md`, "Memory that is kept").
    Returns whether it took; other C libraries are left alone.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    settings = {-4: 0, -1: 2**31 - 1, -2: 64 << 20}  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD (malloc.h)
    return all(mallopt(name, value) for name, value in settings.items())


def bf16_pays(name: str) -> bool:
    """bf16 matrix products are native on recent GPUs and CPUs with AVX512-BF16 or AMX; elsewhere they are emulated."""
    if name == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if name == "cpu":
        capability = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
        return bool(capability())
    return False
