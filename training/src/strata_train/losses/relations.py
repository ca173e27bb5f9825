"""Learning which texts are alike from an encoder of another width: only its scores are compared, never its vectors."""

from __future__ import annotations

import torch
from torch import Tensor

from strata_train.losses.distillation import score_distillation


def follow_scores(queries: Tensor, documents: Tensor, scores: Tensor, scale: float) -> Tensor:
    """½ KL(softmax(S) ‖ softmax(s·q·dᵀ)) over the rows + ½ of the same over the columns.

    Args:
        queries: unit vectors (B, D).
        documents: unit vectors (B, D).
        scores: S (B, B), the mentor's scaled cosines of the same queries and documents.
        scale: the logit scale s.

    """
    own = scale * queries @ documents.T
    return (score_distillation(own, scores) + score_distillation(own.T, scores.T)) / 2


def follow_relations(vectors: Tensor, mentor: Tensor, scale: float) -> Tensor:
    """KL(softmax(s·m·mᵀ) ‖ softmax(s·v·vᵀ)) over the rows, each text's score with itself left out.

    Args:
        vectors: unit vectors (B, D).
        mentor: unit vectors of the same texts, of any width (B, M).
        scale: the logit scale s.

    """
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    own, wanted = ((scale * part @ part.T).masked_fill(itself, -1e4) for part in (vectors, mentor))
    return score_distillation(own, wanted)
