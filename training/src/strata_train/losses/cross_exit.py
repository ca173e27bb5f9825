"""One space for all depths: a query of the top exit must find documents that were encoded at a lower one.

A pair (query exit, document exit) works only where the loss covers it, so each served pair is named here. The useful
direction for a search tool is the deep query and the cheap document: there is one query and there are many documents.
"""

from __future__ import annotations

from torch import Tensor

from strata_train.losses.contrastive import contrastive_loss
from strata_train.losses.distillation import score_distillation


def cross_exit_contrast(top_queries: Tensor, documents: Tensor, scale: float, not_negative: Tensor | None) -> Tensor:
    """CE(s·q_T·d_e): top-exit queries (B, D) against the documents of exit e (B, D)."""
    return contrastive_loss(top_queries, documents, scale, not_negative)


def cross_exit_scores(
    top_queries: Tensor, documents: Tensor, teacher_queries: Tensor, teacher_documents: Tensor, scale: float
) -> Tensor:
    """KL(softmax(s·q_t·d_t) ‖ softmax(s·q_T·d_e)): the same ranking as if the documents had gone through all layers."""
    teacher = scale * teacher_queries @ teacher_documents.T
    return score_distillation(scale * top_queries.detach() @ documents.T, teacher)
