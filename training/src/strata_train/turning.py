"""Maps that every head is followed by, found in cached vectors alone: principal axes, and without what tells languages
apart.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from strata_train import data
from strata_train.model import MultiExitEncoder, TableExit

LEAST_TEXTS = 50  # of a language, for its mean to say something


def principal_axes(vectors: np.ndarray) -> np.ndarray:
    """Orthogonal (D, D) whose rows are the directions of most energy of (N, D) vectors, most first."""
    _, axes = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)
    axes = axes[:, ::-1].T
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    return (axes * signs[:, None]).astype(np.float32)


def turn_heads(model: MultiExitEncoder, rotation: Tensor) -> None:
    """Follow every head by a linear map (D, D). If it is a rotation, all full-width cosines stay as they are.

    Exit 0's block reads what its head gives and adds to it, so it follows the map on both sides. That is exact where
    the map can be undone; of a projection the block no longer sees what is left out. The attention likewise, exact for
    a rotation: it compares directions.
    """
    with torch.no_grad():
        for exit in model.exits.values():
            exit.head.weight.copy_(rotation.to(exit.head.weight.device) @ exit.head.weight)
        if model.table is not None:
            turn_table(model.table, rotation)


@torch.no_grad()
def turn_table(table: TableExit, rotation: Tensor) -> None:
    """The same for exit 0 alone."""
    rotation = rotation.to(table.head.weight.device)
    table.head.weight.copy_(rotation @ table.head.weight)
    for part in (table.attention, table.block):
        if part is not None:
            there, back = part[0].weight, part[-1].weight
            there.copy_(there @ torch.linalg.pinv(rotation.cpu()).to(there.device))
            back.copy_(rotation @ back)


def language_axes(vectors: np.ndarray, languages: np.ndarray, directions: int) -> np.ndarray:
    """The `directions` (or fewer) in which the means of languages' code differ most: (directions, D), orthonormal.

    Of (N, D) vectors and the language of each, "" for questions.
    """
    names, counts = np.unique(languages, return_counts=True)
    known = [name for name, count in zip(names, counts, strict=True) if name and count >= LEAST_TEXTS]
    if len(known) < 2:
        return np.zeros((0, vectors.shape[1]), vectors.dtype)
    means = np.stack([vectors[languages == name].mean(axis=0) for name in known])
    _, _, axes = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    return axes[: min(directions, len(known) - 1)]


def without_languages(shards: list[data.Shard], head: Tensor, directions: int) -> Tensor:
    """What is to follow `head` (D, D) so that a vector no longer tells in which language its code is written: (D, D).

    The means of the languages' code differ in a few directions that say nothing of what the code does, but draw the
    code of one language together. The `directions` that hold most of these differences are left out, and what remains
    is turned to its principal axes.
    """
    vectors = np.concatenate([np.asarray(shard.teacher(), np.float32) for shard in shards]) @ head.numpy().T
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    leading = language_axes(vectors, np.concatenate([shard.languages for shard in shards]), directions)
    kept = np.eye(len(head), dtype=np.float32) - leading.T @ leading
    return torch.from_numpy(principal_axes(vectors @ kept) @ kept)
