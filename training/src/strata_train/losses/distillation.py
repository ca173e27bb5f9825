"""Learning from a teacher: its vectors, and the scores its vectors give within the batch."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def vector_distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean of 1 - cos(student, teacher). Both are unit vectors (B, D); the teacher gets no gradient."""
    return 1 - (student * teacher.detach()).sum(dim=-1).mean()


def score_distillation(student_scores: Tensor, teacher_scores: Tensor) -> Tensor:
    """KL(softmax(teacher) ‖ softmax(student)) over the rows of two (B, B) matrices; the teacher gets no gradient."""
    teacher = F.log_softmax(teacher_scores.detach(), dim=-1)
    return F.kl_div(F.log_softmax(student_scores, dim=-1), teacher, log_target=True, reduction="batchmean")
