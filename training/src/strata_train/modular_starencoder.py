"""ModularStarEncoder: StarCoder-2 blocks made bidirectional, with exits (arXiv 2503.03008, section 3).

This file owns the architecture, the published weight layout and the ONNX segments. Objectives are in
`objectives/` and `losses/`. Three readings of the paper are ours, since its text leaves them open:
exits below the last layer read the raw residual stream and the last one reads it after the final norm
(that is what Hugging Face's `hidden_states[k]` gives); a projection head is one linear map; tokens are
pooled by their mean (`pooling="last"` takes the closing `<cls>` instead).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from strata_train.model import ExitOutput, unit


@dataclass(frozen=True)
class ModularStarEncoderConfig:
    """Sizes; the defaults are the published 1B model's `config.json`."""

    vocab_size: int = 49_156  # StarCoder-2's tokens plus <sep>, <cls>, <mask> (and one of padding)
    hidden_size: int = 1024
    intermediate_size: int = 12_288  # 12 x hidden, where most models take 4 x
    num_layers: int = 36
    num_heads: int = 16
    num_kv_heads: int = 4
    exits: tuple[int, ...] = (4, 9, 18, 27, 36)
    dims: int = 1024
    context: int = 2048
    rope_theta: float = 999_999.4420358813
    norm_eps: float = 1e-5
    dropout: float = 0.1
    init_std: float = 0.018042
    conditional_size: int = 4  # width of the layer-index embedding in the pre-training heads
    pooling: str = "mean"
    pad_id: int = 0
    sep_id: int = 49_152
    cls_id: int = 49_153
    mask_id: int = 49_154

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_heads:
            raise ValueError(f"hidden_size {self.hidden_size} must divide by num_heads {self.num_heads}")
        if self.head_dim % 2:
            raise ValueError(f"rotary positions need an even head size, got {self.head_dim}")
        if self.num_heads % self.num_kv_heads:
            raise ValueError(f"num_heads {self.num_heads} must divide by num_kv_heads {self.num_kv_heads}")
        if not self.exits or list(self.exits) != sorted(set(self.exits)):
            raise ValueError(f"exits must be ascending and distinct, got {self.exits}")
        if self.exits[0] < 1 or self.exits[-1] != self.num_layers:
            raise ValueError(f"exits must lie in 1..{self.num_layers} and end at the last layer, got {self.exits}")
        if self.pooling not in ("mean", "last"):
            raise ValueError(f'pooling must be "mean" or "last", got {self.pooling!r}')

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_heads

    @property
    def top(self) -> int:
        return self.exits[-1]

    @classmethod
    def full(cls) -> ModularStarEncoderConfig:
        """The published model: 36 layers, 1B parameters."""
        return cls()

    @classmethod
    def small(cls, vocab_size: int, **changes: object) -> ModularStarEncoderConfig:
        """A few-minute CPU model of the same shape; the four special tokens are the last ids."""
        sizes: dict[str, object] = dict(
            vocab_size=vocab_size, hidden_size=128, intermediate_size=512, num_layers=6, num_heads=4, num_kv_heads=2,
            exits=(2, 4, 6), dims=128, context=256, dropout=0.0, init_std=0.02,
            pad_id=vocab_size - 4, sep_id=vocab_size - 3, cls_id=vocab_size - 2, mask_id=vocab_size - 1,
        )  # fmt: skip
        return cls(**(sizes | changes))  # type: ignore[arg-type]


# ---- blocks ----


def rotary_tables(length: int, config: ModularStarEncoderConfig, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosine and sine of position x frequency in float32, each half repeated. (T, head_dim) twice."""
    pairs = torch.arange(0, config.head_dim, 2, device=device, dtype=torch.float32)  # (head_dim / 2,)
    frequencies = config.rope_theta ** (-pairs / config.head_dim)
    angles = torch.outer(torch.arange(length, device=device, dtype=torch.float32), frequencies)  # (T, head_dim / 2)
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions in the rotate-half form: dimension i turns with dimension i + head_dim / 2."""
    first, second = x.chunk(2, dim=-1)
    return x * cos.to(x.dtype) + torch.cat((-second, first), dim=-1) * sin.to(x.dtype)


class Attention(nn.Module):
    """Grouped-query attention without a causal mask: several query heads share one key and value head."""

    def __init__(self, config: ModularStarEncoderConfig) -> None:
        super().__init__()
        self.num_heads, self.num_kv_heads, self.head_dim = config.num_heads, config.num_kv_heads, config.head_dim
        self.dropout = config.dropout
        self.q_proj = nn.Linear(config.hidden_size, config.num_heads * config.head_dim)
        self.k_proj = nn.Linear(config.hidden_size, config.num_kv_heads * config.head_dim)
        self.v_proj = nn.Linear(config.hidden_size, config.num_kv_heads * config.head_dim)
        self.o_proj = nn.Linear(config.num_heads * config.head_dim, config.hidden_size)

    def forward(self, x: Tensor, visible: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q = self.q_proj(x).view(batch, length, self.num_heads, self.head_dim).transpose(1, 2)  # (B, nh, T, hs)
        k = self.k_proj(x).view(batch, length, self.num_kv_heads, self.head_dim).transpose(1, 2)  # (B, nkv, T, hs)
        v = self.v_proj(x).view(batch, length, self.num_kv_heads, self.head_dim).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        group = self.num_heads // self.num_kv_heads  # query head h reads key head h // group
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)  # (B, nh, T, hs)
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=visible, dropout_p=dropout)  # (B, nh, T, hs)
        return self.o_proj(y.transpose(1, 2).reshape(batch, length, self.num_heads * self.head_dim))


class MLP(nn.Module):
    def __init__(self, config: ModularStarEncoderConfig) -> None:
        super().__init__()
        self.c_fc = nn.Linear(config.hidden_size, config.intermediate_size)
        self.c_proj = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    """Pre-norm residual block; names follow StarCoder-2 so that published weights fit."""

    def __init__(self, config: ModularStarEncoderConfig) -> None:
        super().__init__()
        self.input_layernorm = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)
        self.mlp = MLP(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, visible: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.dropout(self.self_attn(self.input_layernorm(x), visible, cos, sin))
        return x + self.dropout(self.mlp(self.post_attention_layernorm(x)))


class Backbone(nn.Module):
    """`model.*` of the published layout."""

    def __init__(self, config: ModularStarEncoderConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)


# ---- pooling ----


def mean_pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """Mean over the positions under `mask`; a row without any gives zeros. (B, T, H), (B, T) -> float32 (B, H)"""
    weights = mask.float().unsqueeze(-1)  # (B, T, 1)
    return (hidden.float() * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1e-6)


def last_pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """The last position under `mask`, with padding on either side. (B, T, H), (B, T) -> (B, H)"""
    positions = torch.arange(hidden.shape[1], device=hidden.device)  # (T,)
    last = (mask.long() * positions).argmax(dim=1)  # (B,)
    return hidden.gather(1, last[:, None, None].expand(-1, 1, hidden.shape[2])).squeeze(1)


# ---- the encoder ----


class ModularStarEncoder(nn.Module):
    """One stack, several exits; the layers above the deepest exit asked for are never run."""

    def __init__(self, config: ModularStarEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.exits = config.exits
        self.checkpointing = False  # recompute activations in the backward pass: the 1B size needs it
        self.model = Backbone(config)
        self.dropout = nn.Dropout(config.dropout)
        self.projections = nn.ModuleList(nn.Linear(config.hidden_size, config.dims) for _ in config.exits)
        self.apply(self._init)

    def _init(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=self.config.init_std)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)

    def forward(
        self,
        input_ids: Tensor,  # (B, T)
        attention_mask: Tensor,  # (B, T), 1 = token
        *,
        depth: int | None = None,
        exits: Sequence[int] | None = None,
        pooling_mask: Tensor | None = None,  # (B, T); default: from the last <sep> on, so no instruction
    ) -> dict[int, ExitOutput]:
        """Hidden states and unit embeddings of every exit up to `depth` (default: all), or of `exits` alone."""
        if input_ids.shape[1] > self.config.context:
            raise ValueError(f"{input_ids.shape[1]} tokens exceed the context of {self.config.context}")
        if pooling_mask is None:
            pooling_mask = text_mask(input_ids, attention_mask, self.config.sep_id)
        wanted = [layer for layer in exits or self.exits if depth is None or layer <= depth]
        return self.run(self.embed(input_ids), attention_mask, pooling_mask, 0, wanted)

    def embed(self, input_ids: Tensor) -> Tensor:
        return self.dropout(self.model.embed_tokens(input_ids))  # (B, T, H)

    def run(
        self, hidden: Tensor, attention_mask: Tensor, pooling_mask: Tensor, start: int, exits: Sequence[int]
    ) -> dict[int, ExitOutput]:
        """Continue from the residual stream after `start` layers; this is what a deeper segment does."""
        wanted = sorted(set(exits))
        unknown = [layer for layer in wanted if layer not in self.exits or layer <= start]
        if unknown or not wanted:
            raise ValueError(f"no exit at {unknown} after layer {start}; this encoder has {list(self.exits)}")
        visible = attention_mask.bool()[:, None, None, :]  # (B, 1, 1, T): every token sees every token
        cos, sin = rotary_tables(hidden.shape[1], self.config, hidden.device)
        outputs: dict[int, ExitOutput] = {}
        for number in range(start + 1, wanted[-1] + 1):
            block = self.model.layers[number - 1]
            if self.checkpointing and self.training:
                hidden = checkpoint(block, hidden, visible, cos, sin, use_reentrant=False)
            else:
                hidden = block(hidden, visible, cos, sin)  # (B, T, H)
            if number in wanted:
                outputs[number] = self.read(hidden, pooling_mask, number)
        return outputs

    def read(self, hidden: Tensor, pooling_mask: Tensor, layer: int) -> ExitOutput:
        """That exit's own head on every token, then pooling, then unit length."""
        if layer == self.config.num_layers:
            hidden = self.model.norm(hidden)
        projected = self.projections[self.exits.index(layer)](hidden)  # (B, T, D)
        pool = mean_pool if self.config.pooling == "mean" else last_pool
        return ExitOutput(hidden=hidden, embedding=unit(pool(projected, pooling_mask)))


# ---- inputs: <sep>{instruction}<sep>{text}<cls> ----


def text_mask(input_ids: Tensor, attention_mask: Tensor, sep_id: int) -> Tensor:
    """1 from the last `<sep>` on; every token where there is none. (B, T) -> (B, T)"""
    positions = torch.arange(input_ids.shape[1], device=input_ids.device)  # (T,)
    is_sep = ((input_ids == sep_id) & attention_mask.bool()).long()
    start = (is_sep * positions).amax(dim=1, keepdim=True)  # (B, 1); 0 without a <sep>
    return attention_mask * (positions >= start).to(attention_mask.dtype)


def input_row(
    instruction: Sequence[int], text: Sequence[int], config: ModularStarEncoderConfig, max_tokens: int | None = None
) -> list[int]:
    """`<sep>{instruction}<sep>{text}<cls>`; only the text is cut, so a long one keeps its frame."""
    room = (max_tokens or config.context) - len(instruction) - 3
    if room < 1:
        raise ValueError(f"an instruction of {len(instruction)} tokens leaves no room for text")
    return [config.sep_id, *instruction, config.sep_id, *text[:room], config.cls_id]


def collate(rows: Sequence[Sequence[int]], config: ModularStarEncoderConfig) -> tuple[Tensor, Tensor]:
    """Pad on the left, as the published model does. -> input_ids and attention_mask, (B, T) each."""
    length = max(len(row) for row in rows)
    ids = torch.full((len(rows), length), config.pad_id)
    mask = torch.zeros((len(rows), length), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, length - len(row) :] = torch.tensor(row)
        mask[i, length - len(row) :] = 1
    return ids, mask


# ---- published weights ----

# our field -> the name in the published config.json
_CONFIG_NAMES = {
    "vocab_size": "vocab_size",
    "hidden_size": "hidden_size",
    "intermediate_size": "intermediate_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "num_kv_heads": "num_key_value_heads",
    "exits": "matryoshka_layers",
    "context": "max_position_embeddings",
    "rope_theta": "rope_theta",
    "norm_eps": "norm_epsilon",
    "dropout": "residual_dropout",
    "init_std": "initializer_range",
    "conditional_size": "conditional_size",
}


def config_from_published(raw: dict) -> ModularStarEncoderConfig:
    """Read a published `config.json`; say so where it describes another architecture."""
    if missing := [name for name in _CONFIG_NAMES.values() if name not in raw]:
        raise ValueError(f"config.json lacks {', '.join(missing)}")
    if raw.get("hidden_act", "gelu_pytorch_tanh") != "gelu_pytorch_tanh":
        raise ValueError(f"config.json asks for activation {raw['hidden_act']}; only gelu_pytorch_tanh is built")
    if raw.get("use_bias", True) is not True:
        raise ValueError("config.json turns biases off; ModularStarEncoder has them on")
    if (window := raw.get("sliding_window")) is not None and window < raw["max_position_embeddings"]:
        raise ValueError(f"config.json asks for a sliding window of {window} tokens, which is not built")
    fields = {ours: raw[theirs] for ours, theirs in _CONFIG_NAMES.items()}
    fields["exits"] = tuple(fields["exits"])
    # what the published file does not say: taken from ours when we wrote it, else the published defaults
    fields["dims"] = raw.get("dims", raw["hidden_size"])
    extra = {key: raw[key] for key in ("pooling", "pad_id", "sep_id", "cls_id", "mask_id") if key in raw}
    return ModularStarEncoderConfig(**fields, **extra)


def save_published(model: ModularStarEncoder, folder: Path) -> None:
    """Write `config.json` and `model.safetensors` in the published layout."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    fields = asdict(model.config)
    raw = {theirs: fields.pop(ours) for ours, theirs in _CONFIG_NAMES.items()}
    raw |= fields | {"hidden_act": "gelu_pytorch_tanh", "use_bias": True, "sliding_window": None}
    raw |= {"model_type": "ModularStarEncoder", "architectures": ["ModularStarEncoder"]}
    (folder / "config.json").write_text(json.dumps(raw, indent=2) + "\n", encoding="utf-8")
    tensors = {name: tensor.detach().contiguous().cpu() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors")


def load_published(
    folder: Path,
    *,
    rename: Callable[[str], str | None] = lambda name: name,
    fresh_heads: bool = False,
) -> ModularStarEncoder:
    """Load a checkpoint folder (`config.json` with `matryoshka_layers`, `model.safetensors` or its shards).

    `rename` maps a stored tensor's name to ours, None to leave it out: the backbone's names are StarCoder-2's,
    but the releases name their heads differently. With `fresh_heads`, projection heads that the checkpoint lacks
    keep their initial values and heads of other names are left out (the pre-trained release has only such).
    Everything else must match exactly.
    """
    from safetensors.torch import load_file

    config = config_from_published(_json_object(folder / "config.json"))
    index = folder / "model.safetensors.index.json"
    if index.exists():
        weight_map = _json_object(index).get("weight_map")
        if not isinstance(weight_map, dict):
            raise ValueError(f"{index.name} has no weight_map")
        shards = sorted(set(weight_map.values()))
    else:
        shards = ["model.safetensors"]
    stored: dict[str, Tensor] = {}
    for shard in shards:
        if not (folder / shard).exists():
            raise ValueError(f"{folder} has no {shard}")
        stored |= load_file(folder / shard)
    tensors = {ours: tensor for name, tensor in stored.items() if (ours := rename(name)) is not None}
    model = ModularStarEncoder(config)
    expected = model.state_dict()
    problems = []
    missing = [n for n in expected if n not in tensors and not (fresh_heads and n.startswith("projections."))]
    if missing:
        problems.append(f"lacks {_some(missing)}")
    if fresh_heads:
        tensors = {name: tensor for name, tensor in tensors.items() if name.startswith(("model.", "projections."))}
    if unexpected := [n for n in tensors if n not in expected]:
        problems.append(f"holds unexpected {_some(unexpected)}")
    for name in expected.keys() & tensors.keys():
        if expected[name].shape != tensors[name].shape:
            problems.append(f"{name} is {tuple(tensors[name].shape)}, not {tuple(expected[name].shape)}")
    if problems:
        raise ValueError(f"{folder} does not fit its config.json: " + "; ".join(problems))
    model.load_state_dict({name: tensors.get(name, expected[name]) for name in expected})
    return model


def _json_object(file: Path) -> dict:
    content = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{file.name} is no JSON object")
    return content


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(sorted(names)[:3]) + more


# ---- ONNX segments ----

LARGEST_FILE = 1_900_000_000  # bytes of weights; an ONNX file is one protobuf message, which ends at 2 GiB


class Segment(nn.Module):
    """Layers `start` + 1 .. `stop` with the exit at `stop`; the first segment also embeds the tokens."""

    def __init__(self, encoder: ModularStarEncoder, start: int, stop: int) -> None:
        super().__init__()
        self.encoder, self.start, self.stop = encoder, start, stop

    def forward(self, entry: Tensor, attention_mask: Tensor, pooling_mask: Tensor) -> tuple[Tensor, ...]:
        # indexing and not nn.Embedding: the exporter would call that node `embedding`, the name of our output
        hidden = self.encoder.model.embed_tokens.weight[entry] if self.start == 0 else entry
        output = self.encoder.run(hidden, attention_mask, pooling_mask, self.start, [self.stop])[self.stop]
        # nothing continues from the last layer, whose hidden states are behind the final norm
        return (output.embedding,) if self.stop == self.encoder.config.top else (output.embedding, output.hidden)


def export_segments(encoder: ModularStarEncoder, folder: Path, exits: Sequence[int] | None = None) -> list[Path]:
    """Write `segment-A-B.onnx` for consecutive exits, each continuing from the one before it.

    Inputs: `input_ids` (first segment) or `hidden`, then `attention_mask` and `pooling_mask`, int64
    (batch, sequence). Outputs: `embedding`, and below the top `next_hidden`, which the next segment takes as
    `hidden` (one graph cannot use a name twice). An embedding needs only the segments up to its exit. Weights
    that are too many for one file lie beside it, in `segment-A-B.onnx.data`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stops = tuple(exits or encoder.exits)
    auto = torch.export.Dim.DYNAMIC
    # two tensors: the exporter would take one that is given twice for one input
    masks = torch.ones(2, 8, dtype=torch.long), torch.ones(2, 8, dtype=torch.long)
    paths = []
    for start, stop in zip((0, *stops[:-1]), stops, strict=True):
        if start == 0:
            name, entry = "input_ids", torch.ones(2, 8, dtype=torch.long)
        else:
            name, entry = "hidden", torch.randn(2, 8, encoder.config.hidden_size)
        path = folder / f"segment-{start}-{stop}.onnx"
        torch.onnx.export(
            Segment(encoder, start, stop).eval(),
            (entry, *masks),
            path,
            input_names=[name, "attention_mask", "pooling_mask"],
            output_names=["embedding"] if stop == encoder.config.top else ["embedding", "next_hidden"],
            dynamic_shapes=({0: auto, 1: auto},) * 3,
            dynamo=True,
            external_data=_weight_bytes(encoder, start, stop) > LARGEST_FILE,
            verbose=False,
        )
        paths.append(path)
    return paths


def _weight_bytes(encoder: ModularStarEncoder, start: int, stop: int) -> int:
    """Of one segment, in float32."""
    parts: list[nn.Module] = [*encoder.model.layers[start:stop], encoder.projections[encoder.exits.index(stop)]]
    if start == 0:
        parts.append(encoder.model.embed_tokens)
    return 4 * sum(parameter.numel() for part in parts for parameter in part.parameters())
