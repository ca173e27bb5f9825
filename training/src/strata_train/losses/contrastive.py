"""Symmetric in-batch softmax (CLIP's loss): each query must find its document among the batch's, and the reverse."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from strata_train.losses.matryoshka import over_prefixes


def contrastive_loss(
    queries: Tensor,
    documents: Tensor,
    scale: float,
    not_negative: Tensor | None = None,
    *,
    own_side: bool = False,
) -> Tensor:
    """L = ½ CE(s·q·dᵀ) + ½ CE(s·d·qᵀ), the right answer of row i being column i.

    With `own_side` the softmax of a row also runs over the other texts of its own side, s·q·qᵀ and s·d·dᵀ without the
    diagonal (GTE, arXiv 2308.03281). Where both sides are code, those are the texts in its own language: what tells
    languages apart then costs as much as it seems to help.

    Args:
        queries: unit vectors (B, D).
        documents: unit vectors (B, D).
        scale: the logit scale s (one over the temperature).
        not_negative: bool (B, B), symmetric, True where column j must not count as a negative of row i. The diagonal
            is ignored.
        own_side: whether texts of a row's own side are negatives too.

    """
    scores = scale * queries @ documents.T  # (B, B)
    target = torch.arange(len(scores), device=scores.device)
    itself = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    apart = torch.zeros_like(itself) if not_negative is None else not_negative
    scores = scores.masked_fill(apart & ~itself, float("-inf"))
    rows = [scores, scores.T]
    if own_side:
        rows = [
            torch.cat([across, (scale * side @ side.T).masked_fill(apart | itself, float("-inf"))], dim=1)
            for across, side in zip(rows, (queries, documents), strict=True)
        ]
    return sum(F.cross_entropy(row, target) for row in rows) / 2


def told_apart(
    pair: tuple[Tensor, Tensor],
    scale: float,
    not_negative: Tensor | None,
    widths: tuple[int, ...],
    *,
    own_side: bool = False,
) -> Tensor:
    """`contrastive_loss` of queries and documents, the mean over the prefixes `widths`."""
    return over_prefixes(lambda q, d: contrastive_loss(q, d, scale, not_negative, own_side=own_side), pair, widths)


def false_negatives(document_key: Tensor, query_key: Tensor, document_vectors: Tensor, threshold: float) -> Tensor:
    """Pairs of rows of one definition, of nearly equal documents or of equal queries: bool (B, B).

    Args:
        document_key: int64 (B,), equal for texts that were made from one definition.
        query_key: int64 (B,), equal for equal queries.
        document_vectors: unit vectors (B, D) that tell near-duplicates (the teacher's).
        threshold: cosine from which two documents count as duplicates.

    """
    same = (document_key[:, None] == document_key[None]) | (query_key[:, None] == query_key[None])
    return same | (document_vectors @ document_vectors.T > threshold)
