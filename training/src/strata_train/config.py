"""Configuration: plain dataclasses read from a TOML file. Every number that shapes a run is here or in that file."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from strata_train.events import UserError, reason


@dataclass(frozen=True)
class ModelConfig:
    """Shape of the small, BERT-shaped encoder. The defaults are MiniLM-L6's."""

    vocab_size: int = 30522
    hidden_size: int = 384
    layers: int = 6
    heads: int = 12
    intermediate_size: int = 1536
    max_positions: int = 512
    layer_norm_eps: float = 1e-12
    dims: int = 384
    # Depths at which an embedding can be read; 0 is the static token table, the last is the top.
    exits: tuple[int, ...] = (0, 2, 6)
    # Prefix widths that are usable alone.
    matryoshka: tuple[int, ...] = (384,)
    # The one of them that an index keeps of every vector; 0 for all dims.
    kept_dims: int = 0
    # As how many tokens each one of a breadcrumb (the names of what code lies in) counts in every exit's sum or mean.
    breadcrumb_weight: int = 1
    # How many of an in-between exit's layers are its own. Exit 2 with 1: the shared first layer, then a private copy of
    # the second. The next segment goes on from the shared layers, so the top does not change while the exit is trained.
    exit_layers: int = 0
    # Width of the private feed-forward block of exits between the table and the top; 0 for none.
    exit_block: int = 0
    # Exits between the table and the top weigh their tokens before the mean.
    exit_gate: bool = False
    # How much of exit 0's embedding is added to the exits above it (in between, top): what words alone say costs
    # nothing, and the layers then only have to say what words alone do not.
    exit_residual: float = 0.0
    top_residual: float = 0.0
    # A token that stands n times in a text counts n ** count_power at exit 0. Below 1, the twentieth bracket says less
    # than the first, as in BM25.
    count_power: float = 1.0
    # Width of the block that exit 0 has behind its sum of rows; 0 for none. `follow` and `heads` train it.
    table_block: int = 0
    # Rank of the attention by which exit 0 weighs its words by what the text is about; 0 for none. Trained likewise.
    table_attention: int = 0

    def shared_layers(self, exit: int) -> int:
        """How many layers of the trunk an exit uses."""
        return exit if exit == self.top else max(0, exit - self.exit_layers)

    def residual(self, exit: int) -> float:
        """The share of exit 0's embedding in an exit's."""
        return 0.0 if exit == 0 else self.top_residual if exit == self.top else self.exit_residual

    @property
    def top(self) -> int:
        return self.exits[-1]

    def __post_init__(self) -> None:
        if list(self.exits) != sorted(set(self.exits)) or self.exits[-1] != self.layers:
            raise ValueError(f"exits must rise and end at the last layer ({self.layers}), not {self.exits}")
        if any(0 < exit <= self.exit_layers for exit in self.exits):
            raise ValueError(f"exit_layers ({self.exit_layers}) must leave every exit a shared layer")
        if self.matryoshka[-1] != self.dims or list(self.matryoshka) != sorted(self.matryoshka):
            raise ValueError(f"matryoshka must rise and end at dims ({self.dims}), not {self.matryoshka}")
        parts = [self.table_block, self.table_attention]
        if (self.exit_residual or self.top_residual or any(parts)) and 0 not in self.exits:
            raise ValueError("exit_residual, top_residual, table_block and table_attention need exit 0, the table")
        if any(parts) and any(size % 16 or size > 4096 for size in (*parts, self.dims)):
            raise ValueError(
                "table_block, table_attention and dims must be multiples of 16 up to 4096: the product reads no others"
            )
        if self.kept_dims and self.kept_dims not in self.matryoshka:
            raise ValueError(f"kept_dims ({self.kept_dims}) must be one of matryoshka's widths {self.matryoshka}")
        if not 1 <= self.breadcrumb_weight <= 100:
            raise ValueError(f"breadcrumb_weight must be 1 to 100, not {self.breadcrumb_weight}")
        if not 0 < self.count_power <= 1:
            raise ValueError(f"count_power must be above 0 and at most 1, not {self.count_power}")
        if self.hidden_size % self.heads:
            raise ValueError("hidden_size must be a multiple of heads")


@dataclass(frozen=True)
class TextConfig:
    """Token limits while training. The served limits are in the manifest."""

    code_tokens: int = 128
    # This share of the code is cut to `short_code_tokens`: short texts teach as much per text and cost less.
    short_code_tokens: int = 64
    short_share: float = 0.0
    query_tokens: int = 40
    query_instruction: str = ""
    code_instruction: str = ""


@dataclass(frozen=True)
class LossConfig:
    """Weights of the loss terms, see `losses/hierarchical.py`. A weight of 0 leaves the term out."""

    # "uniform", or "depth" for the paper's i/L.
    exit_weights: str = "uniform"
    logit_scale: float = 20.0
    # Symmetric contrastive loss of each exit with itself.
    contrastive: float = 0.3
    # The same at the top only.
    top_contrastive: float = 0.5
    # 1 - cosine to the teacher's vector, for every exit below the top.
    distil_vectors: float = 2.0
    # KL of the in-batch score matrix against the teacher's, own queries and top-exit queries.
    distil_scores: float = 0.5
    # 1 - cosine of the top exit to the frozen start: what keeps the top from being damaged.
    anchor: float = 4.0
    # Contrastive loss of top-exit queries with documents of each lower exit.
    cross_exit: float = 0.3
    # "start": a frozen copy of the starting weights. "top": the detached top exit of the same step.
    teacher: str = "start"
    # Documents whose teacher cosine is above this are not negatives of each other.
    false_negative_cosine: float = 0.95

    def __post_init__(self) -> None:
        if self.exit_weights not in ("uniform", "depth"):
            raise ValueError(f"exit_weights must be uniform or depth, not {self.exit_weights}")
        if self.teacher not in ("start", "top"):
            raise ValueError(f"teacher must be start or top, not {self.teacher}")


@dataclass(frozen=True)
class TrainConfig:
    """The loop."""

    seed: int = 17
    batch_size: int = 64
    # Pairs of one source and folder that travel together, so that near negatives are present.
    group_size: int = 8
    # Gradient caching: encode at most this many texts at a time with gradient. 0 turns it off.
    chunk_size: int = 0
    # Turn all heads to the principal axes of the teacher's vectors first: full-width cosines stay exactly as they are
    # and prefixes keep the most.
    rotate: bool = True
    # Directions in which languages differ most: so many are left out of every exit at the start of a run. 0: none.
    language_directions: int = 0
    # Every n-th step is joint (all layers); the others are cheap (only up to the last exit below the top).
    # 0: all are cheap.
    joint_every: int = 2
    # In the last part of the run every step is joint.
    joint_tail: float = 0.25
    # Shared layers up to the last exit below the top, and those above it with the top's head. 0 freezes them.
    learning_rate: float = 1e-4
    upper_learning_rate: float = 5e-5
    # The word and position embeddings; 0 keeps them as they are.
    embedding_learning_rate: float = 0.0
    # Private layers of the exits in between.
    exit_learning_rate: float = 3e-4
    # Their blocks, gates and heads, and in its own phase the table's head.
    head_learning_rate: float = 5e-4
    # Passes over the cached vectors that train the top exit's head alone, before everything else; 0 leaves it out.
    top_head_epochs: int = 0
    top_head_learning_rate: float = 1e-3
    # Passes after those that turn the vectors so that their prefixes rank as the whole does; 0 leaves it out.
    prefix_epochs: int = 0
    prefix_learning_rate: float = 2e-3
    token_weight_learning_rate: float = 5e-3
    weight_decay: float = 0.01
    warmup_steps: int = 100
    steps: int = 4000
    # Pass over the table alone, against cached teacher vectors; 0 leaves it out.
    table_epochs: int = 0
    table_learning_rate: float = 2e-3
    table_batch_size: int = 2048
    # "bf16" where that pays (`device.py`), or "fp32" everywhere.
    precision: str = "bf16"
    log_every: int = 10
    checkpoint_minutes: float = 5.0
    evaluate_minutes: float = 10.0
    # Stop training the layers when the held-out figure has not risen for so many evaluations, and end with the weights
    # that were best; 0 never stops and ends with the last.
    patience: int = 0
    held_out_share: float = 0.01

    def __post_init__(self) -> None:
        if self.precision not in ("bf16", "fp32"):
            raise ValueError(f"precision must be bf16 or fp32, not {self.precision}")
        for name in ("batch_size", "group_size", "table_batch_size", "steps", "log_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be above zero, not {getattr(self, name)}")


@dataclass(frozen=True)
class DataConfig:
    """Which text variants are made of a pair; shares are probabilities."""

    drop_name_code: float = 0.34
    drop_name_query: float = 0.15
    code_to_code: float = 0.15
    rename: float = 0.5
    # Documentation kept in the code, and a breadcrumb before it, as the product indexes chunks.
    keep_doc: float = 0.2
    # The same where a pair carries written questions that do not repeat it.
    written_keep_doc: float = 0.5
    breadcrumb: float = 0.5
    max_per_language: int = 0


@dataclass(frozen=True)
class MentorConfig:
    """Training every exit behind a larger encoder, see `mentor.py`: weights of its loss terms and its own loop."""

    # How much the mentor's finding counts against the start's own. 0: there is none, the start's own is kept.
    mentor_share: float = 0.6
    # Directions in which the mentor's vectors of languages' code differ most, which are taken out of them.
    language_directions: int = 4
    scores: float = 1.0
    relations: float = 0.5
    contrastive: float = 0.3
    # In that term, and in the mentor's own, texts of a pair's own side are negatives too (`losses/contrastive.py`).
    own_side: bool = False
    cross_exit: float = 0.3
    vectors: float = 1.0
    batch_size: int = 2048
    # Padded tokens that go through the layers at once; all of a batch's are kept for the gradient.
    tokens_at_once: int = 32768
    learning_rate: float = 1e-4
    embedding_learning_rate: float = 2e-5
    head_learning_rate: float = 5e-4
    table_learning_rate: float = 1e-3
    table_block_learning_rate: float = 2e-4
    table_attention_learning_rate: float = 2e-3
    token_weight_learning_rate: float = 2e-3
    weight_decay: float = 0.01
    warmup_steps: int = 100
    # Train with products rounded as they will ship (`model.py:Product`), so that rounding costs little.
    rounding: bool = False
    # Let PyTorch compile the layers that follow, on a GPU: half a minute, and then faster steps.
    compiled: bool = False
    # Training the mentor itself (`tune_mentor.py`); how much its own finding counts in what it learns.
    tune_share: float = 0.6
    tune_batch_size: int = 512
    tune_learning_rate: float = 3e-5
    tune_warmup_steps: int = 40
    tune_contrastive: float = 1.0


@dataclass(frozen=True)
class HeadsConfig:
    """Training heads and all of exit 0 alone, see `heads.py`."""

    code: float = 1.0
    keep: float = 1.0
    contrastive: float = 0.5
    steps: int = 100
    code_pairs: int = 384
    question_pairs: int = 512
    head_learning_rate: float = 5e-4
    table_learning_rate: float = 1e-3
    table_block_learning_rate: float = 1e-4
    table_attention_learning_rate: float = 5e-3
    warmup_steps: int = 20


@dataclass(frozen=True)
class InstantConfig:
    """Training exit 0 alone, see `instant.py`."""

    code: float = 1.0
    contrastive: float = 0.5
    keep: float = 1.0
    follow: float = 4.0
    cross_exit: float = 0.5  # of the top's queries, beside the first three
    renamed: float = 0.2  # share of the code in pairs that has other names
    enclosed: float = 0.4  # share that stands in a class, a module or the like
    steps: int = 100
    code_pairs: int = 320
    question_pairs: int = 512
    texts: int = 512
    table_learning_rate: float = 1e-3
    table_block_learning_rate: float = 2e-4
    table_attention_learning_rate: float = 4e-3
    warmup_steps: int = 20


@dataclass(frozen=True)
class Config:
    """Everything a run needs besides its data."""

    name: str = "strata"
    model: ModelConfig = field(default_factory=ModelConfig)
    text: TextConfig = field(default_factory=TextConfig)
    data: DataConfig = field(default_factory=DataConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    mentor: MentorConfig = field(default_factory=MentorConfig)
    heads: HeadsConfig = field(default_factory=HeadsConfig)
    instant: InstantConfig = field(default_factory=InstantConfig)


T = TypeVar("T")


def _build(section: str, kind: type[T], values: dict[str, Any]) -> T:
    if not isinstance(values, dict):
        raise ValueError(f"{section} must be a section of settings, not {values!r}")
    known = {entry.name: entry for entry in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"unknown setting {', '.join(unknown)} in [{section}]")
    converted = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    for key, value in converted.items():
        wanted = type(known[key].default)
        if type(value) is not wanted and not (wanted is float and type(value) is int):
            raise ValueError(f"{key} in [{section}] must be of type {wanted.__name__}, not {value!r}")
    return kind(**converted)


def from_dict(values: dict[str, Any]) -> Config:
    sections = {entry.name: entry.default_factory for entry in dataclasses.fields(Config) if entry.name != "name"}
    unknown = sorted(set(values) - set(sections) - {"name"})
    if unknown:
        raise ValueError(f"unknown section {', '.join(unknown)}")
    return Config(**values | {key: _build(key, kind, values.get(key, {})) for key, kind in sections.items()})


def load(path: Path) -> Config:
    """Read a TOML file, or a run's `config.json`. Unknown settings are errors: a typo must not silently train
    something else.
    """
    try:
        content = path.read_text(encoding="utf-8")
        return from_dict(json.loads(content) if path.suffix == ".json" else tomllib.loads(content))
    except FileNotFoundError as error:
        raise UserError(
            "config-missing", f"There is no settings file {path}; `configs/` has some to begin with."
        ) from error
    except (OSError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise UserError("config-bad", f"The settings in {path} cannot be used: {reason(error)}.") from error


def to_dict(config: Any) -> dict[str, Any]:
    return dataclasses.asdict(config)
