"""Masked language modelling at every exit: L_MLM,i = mean over masked positions of -log p_i(token)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from strata_train.objectives.heads import ExitConditioned

IGNORED = -100  # the label of a position that is not predicted


def mask_tokens(
    input_ids: Tensor,  # (B, T)
    attention_mask: Tensor,  # (B, T)
    *,
    special_ids: Sequence[int],
    mask_id: int,
    vocab_size: int,
    generator: torch.Generator,
    share: float = 0.15,
) -> tuple[Tensor, Tensor]:
    """Choose `share` of the ordinary tokens; of those 80 % become `<mask>`, 10 % a random ordinary token, 10 % stay.

    Returns the changed ids and the labels, both (B, T). Special tokens and padding are never chosen nor drawn.
    """
    special = torch.tensor(sorted({*special_ids, mask_id}))
    eligible = attention_mask.bool() & ~torch.isin(input_ids, special)
    chosen = (torch.rand(input_ids.shape, generator=generator) < share) & eligible
    labels = torch.where(chosen, input_ids, IGNORED)
    fate = torch.rand(input_ids.shape, generator=generator)
    ordinary = torch.arange(vocab_size)
    ordinary = ordinary[~torch.isin(ordinary, special)]
    drawn = ordinary[torch.randint(len(ordinary), input_ids.shape, generator=generator)]
    masked = torch.where(chosen & (fate < 0.8), mask_id, input_ids)
    masked = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), drawn, masked)
    return masked, labels


class MaskedTokenHead(nn.Module):
    """Vocabulary logits for any exit; one set of weights, conditioned on the exit."""

    def __init__(self, hidden_size: int, vocab_size: int, exits: Sequence[int], conditional_size: int = 4) -> None:
        super().__init__()
        self.condition = ExitConditioned(hidden_size, exits, conditional_size)
        self.decoder = nn.Linear(hidden_size, vocab_size)

    def forward(self, hidden: Tensor, layer: int) -> Tensor:
        """(..., H) -> (..., V)"""
        return self.decoder(self.condition(hidden, layer))


def masked_token_loss(head: MaskedTokenHead, hidden: Tensor, labels: Tensor, layer: int) -> Tensor:
    """Cross-entropy over the masked positions; only those meet the vocabulary, which is most of the cost."""
    predicted = labels != IGNORED  # (B, T)
    if not predicted.any():  # nothing to learn, but every process must have a gradient for every parameter
        return sum((parameter.sum() for parameter in head.parameters()), hidden.sum()) * 0.0
    logits = head(hidden[predicted], layer)  # (N, V)
    return F.cross_entropy(logits.float(), labels[predicted])
