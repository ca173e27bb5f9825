"""The whole training loss: a weighted sum over exits of contrast, distillation and cross-exit terms.

For the top exit T, the lower exits e and a teacher t (the frozen start, or the detached top of the same step):

    L = w_T · [ a·CE(q_T, d_T) + b·(1 - cos(q_T, q_t)) + b·(1 - cos(d_T, d_t)) ]
      + Σ_e w_e · [ c·CE(q_e, d_e) + x·CE(q_T, d_e)
                    + v·(1 - cos(q_e, q_t)) + v·(1 - cos(d_e, d_t))
                    + k·KL(q_t·d_t ‖ q_e·d_e) + k·KL(q_t·d_t ‖ q_T·d_e) ]

The terms of a lower exit are averaged over the Matryoshka prefixes, and so is CE(q_T, d_T); the anchor (b) and the last
KL, of top queries, are taken at full width, which is also the width of the scores that both KL terms aim at.

With v = k = x = b = 0 and w_e = e / L this is the weighted deep supervision of ModularStarEncoder, so that both can be
compared by configuration alone.

In a cheap step the top is not computed; the teacher's query then stands for q_T, which is anchored to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from strata_train.config import LossConfig
from strata_train.losses.contrastive import told_apart
from strata_train.losses.cross_exit import cross_exit_contrast, cross_exit_scores
from strata_train.losses.distillation import score_distillation, vector_distillation
from strata_train.losses.matryoshka import over_prefixes


def exit_weights(exits: tuple[int, ...], layers: int, scheme: str) -> dict[int, float]:
    """`uniform`: 1 for every exit. `depth`: the paper's i/L (exit 0 has no depth and counts as half a layer)."""
    if scheme == "uniform":
        return dict.fromkeys(exits, 1.0)
    if scheme == "depth":
        return {exit: max(exit, 0.5) / layers for exit in exits}
    raise ValueError(f"exit_weights must be uniform or depth, not {scheme}")


@dataclass
class Teacher:
    """Unit vectors (B, D) without gradient."""

    queries: Tensor
    documents: Tensor


class HierarchicalLoss:
    """Combines the losses over exits. Call it with the embeddings of a batch; the parts are returned for the log."""

    def __init__(self, config: LossConfig, exits: tuple[int, ...], layers: int, widths: tuple[int, ...]) -> None:
        self.config = config
        self.top = exits[-1]
        self.widths = widths
        self.weights = exit_weights(exits, layers, config.exit_weights)

    def __call__(
        self,
        queries: dict[int, Tensor],
        documents: dict[int, Tensor],
        teacher: Teacher | None,
        not_negative: Tensor | None,
    ) -> tuple[Tensor, dict[str, float]]:
        """Embeddings (B, D) by exit → the loss and its parts by name."""
        if self.config.teacher == "top" and self.top in queries:
            teacher = Teacher(queries[self.top].detach(), documents[self.top].detach())
        parts: dict[str, Tensor] = {}
        for exit in queries:
            terms = (
                self._top(queries, documents, teacher, not_negative)
                if exit == self.top
                else self._lower(exit, queries, documents, teacher, not_negative)
            )
            parts |= {f"{exit}/{name}": self.weights[exit] * value for name, value in terms.items()}
        total = torch.stack(list(parts.values())).sum()
        return total, {name: float(value.detach()) for name, value in parts.items()}

    def _top(
        self,
        queries: dict[int, Tensor],
        documents: dict[int, Tensor],
        teacher: Teacher | None,
        not_negative: Tensor | None,
    ) -> dict[str, Tensor]:
        c, q, d = self.config, queries[self.top], documents[self.top]
        terms = {}
        if c.top_contrastive:
            terms["contrastive"] = c.top_contrastive * self._contrast(q, d, not_negative)
        if c.anchor and teacher is not None and c.teacher == "start":
            drift = vector_distillation(q, teacher.queries) + vector_distillation(d, teacher.documents)
            terms["anchor"] = c.anchor * drift
        return terms

    def _lower(
        self,
        exit: int,
        queries: dict[int, Tensor],
        documents: dict[int, Tensor],
        teacher: Teacher | None,
        not_negative: Tensor | None,
    ) -> dict[str, Tensor]:
        c, q, d = self.config, queries[exit], documents[exit]
        top_queries = queries.get(self.top, teacher.queries if teacher else None)
        terms = {}
        if c.contrastive:
            terms["contrastive"] = c.contrastive * self._contrast(q, d, not_negative)
        if c.cross_exit and top_queries is not None:
            if c.teacher == "top":  # it teaches: lower exits' code does not pull its queries
                top_queries = top_queries.detach()
            cross = over_prefixes(
                lambda a, b: cross_exit_contrast(a, b, c.logit_scale, not_negative), (top_queries, d), self.widths
            )
            terms["cross"] = c.cross_exit * cross
        if teacher is None:
            return terms
        if c.distil_vectors:
            vectors = over_prefixes(vector_distillation, (q, teacher.queries), self.widths) + over_prefixes(
                vector_distillation, (d, teacher.documents), self.widths
            )
            terms["vectors"] = c.distil_vectors * vectors
        if c.distil_scores:
            scores = c.logit_scale * teacher.queries @ teacher.documents.T  # (B, B), full width at every prefix
            own = over_prefixes(lambda a, b: score_distillation(c.logit_scale * a @ b.T, scores), (q, d), self.widths)
            assert top_queries is not None
            across = cross_exit_scores(top_queries, d, teacher.queries, teacher.documents, c.logit_scale)
            terms["scores"] = c.distil_scores * (own + across)
        return terms

    def _contrast(self, queries: Tensor, documents: Tensor, not_negative: Tensor | None) -> Tensor:
        return told_apart((queries, documents), self.config.logit_scale, not_negative, self.widths)
