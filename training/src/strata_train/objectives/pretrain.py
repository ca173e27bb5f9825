"""One pre-training step for either face: L = sum over exits i of (i / L) * (L_MLM,i + L_ICC,i) (section 3.2).

There is no teacher in it: deep exits guide shallow ones through the layers they share ("weighted deep supervision").
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from strata_train.modular_starencoder import mean_pool
from strata_train.objectives.icc import ContextHead, context_loss
from strata_train.objectives.mlm import MaskedTokenHead, mask_tokens, masked_token_loss
from strata_train.objectives.packing import SpecialTokens, Window, collate


def depth_weights(exits: Sequence[int]) -> dict[int, float]:
    """The weight i / L of every exit i of a stack of L layers: 0.111, 0.25, 0.5, 0.75, 1 at full size."""
    top = max(exits)
    return {layer: layer / top for layer in exits if layer > 0}


class PretrainingHeads(nn.Module):
    """Both heads, shared over the exits. The exit at 0 has no layers to pre-train and is left out."""

    def __init__(self, hidden_size: int, vocab_size: int, exits: Sequence[int], conditional_size: int = 4) -> None:
        super().__init__()
        self.exits = tuple(layer for layer in exits if layer > 0)
        self.mlm = MaskedTokenHead(hidden_size, vocab_size, self.exits, conditional_size)
        self.icc = ContextHead(hidden_size, self.exits, conditional_size)


def pretraining_loss(
    model: nn.Module,
    heads: PretrainingHeads,
    windows: Sequence[Window],
    special: SpecialTokens,
    vocab_size: int,
    generator: torch.Generator,
    *,
    context_weight: float = 1.0,
) -> tuple[Tensor, dict[str, float]]:
    """The weighted loss and, per exit, its parts. `context_weight=0` is masked tokens alone, equally packed."""
    ids, mask, same = collate(windows, special)
    masked, labels = mask_tokens(
        ids, mask, special_ids=special.ids, mask_id=special.mask, vocab_size=vocab_size, generator=generator
    )
    device = next(model.parameters()).device
    masked, labels, mask, same = masked.to(device), labels.to(device), mask.to(device), same.to(device)
    outputs = model(masked, mask, exits=heads.exits)
    total = torch.zeros((), device=device)
    parts: dict[str, float] = {}
    for layer, weight in depth_weights(heads.exits).items():
        hidden = outputs[layer].hidden  # (B, T, H)
        token_loss = masked_token_loss(heads.mlm, hidden, labels, layer)
        same_loss, accuracy = context_loss(heads.icc, mean_pool(hidden, mask), same, layer)
        total = total + weight * (token_loss + context_weight * same_loss)
        parts |= {f"mlm{layer}": token_loss.item(), f"icc{layer}": same_loss.item(), f"same{layer}": accuracy.item()}
    return total, parts


def pretraining_step(loss: Tensor, optimizer: torch.optim.Optimizer, clip: float = 1.0) -> None:
    """Backward, clip, update."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], clip)
    optimizer.step()
