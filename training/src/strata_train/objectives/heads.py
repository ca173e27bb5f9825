"""What lets one pre-training head serve every exit (arXiv 2503.03008, section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ExitConditioned(nn.Module):
    """A dense layer shared by all exits, told which exit it reads by a learned layer-index embedding.

    The embedding is joined to the hidden state before the dense layer. That layer is linear, so this is the same as
    adding a vector per exit, of rank `conditional_size` over the exits.
    """

    def __init__(self, hidden_size: int, exits: Sequence[int], conditional_size: int = 4) -> None:
        super().__init__()
        self.rows = {layer: row for row, layer in enumerate(exits)}
        self.layer_index = nn.Embedding(len(exits), conditional_size)
        self.dense = nn.Linear(hidden_size + conditional_size, hidden_size)
        self.norm = nn.LayerNorm(hidden_size)

    def forward(self, hidden: Tensor, layer: int) -> Tensor:
        """(..., H) and the exit's layer -> (..., H)"""
        condition = self.layer_index.weight[self.rows[layer]].expand(*hidden.shape[:-1], -1)  # (..., C)
        joined = torch.cat((hidden, condition.to(hidden.dtype)), dim=-1)  # (..., H + C)
        return self.norm(nn.functional.gelu(self.dense(joined)))
