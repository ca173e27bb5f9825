"""Prefixes that work alone: a loss is taken at several widths of the vectors and averaged."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from strata_train.model import truncate


def over_prefixes(loss: Callable[..., Tensor], vectors: tuple[Tensor, ...], widths: tuple[int, ...]) -> Tensor:
    """Mean over `widths` of loss(v[:, :width] / |v[:, :width]| for every v in `vectors`)."""
    return torch.stack([loss(*(truncate(vector, width) for vector in vectors)) for width in widths]).mean()
