"""Symmetric in-batch softmax (CLIP's loss): each query must find its document among the batch's, and the reverse."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def contrastive_loss(queries: Tensor, documents: Tensor, scale: float, not_negative: Tensor | None = None) -> Tensor:
    """L = ½ CE(s·q·dᵀ) + ½ CE(s·d·qᵀ), the right answer of row i being column i.

    Args:
        queries: unit vectors (B, D).
        documents: unit vectors (B, D).
        scale: the logit scale s (one over the temperature).
        not_negative: bool (B, B), True where column j must not count as a negative of row i. The diagonal is ignored.

    """
    scores = scale * queries @ documents.T  # (B, B)
    if not_negative is not None:
        own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
        scores = scores.masked_fill(not_negative & ~own, float("-inf"))
    target = torch.arange(len(scores), device=scores.device)
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2


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
