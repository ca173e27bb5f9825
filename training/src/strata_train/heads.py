"""The recipe's last step, for any CPU: heads and exit 0 alone, over what the layers say already.

The layers run once, as they ship (int8), and what each exit says without the table's share is kept. A linear map behind
every head and all of exit 0 are then a few minutes' work. Two things are learned together, of B pairs each:

- code of one task in two languages (a, b) is one thing, and what must not be found is the other code of both sides;
- what questions found (q, d) stays found: every exit keeps the scores and the vectors q°, d° it had at the start.

Means over the exits, the first and the last term also over the top's queries (detached) with every lower exit's code:

    L = code · CE(a, b; own side) + keep · [ KL(q°·d° ‖ q·d) + (1 - cos(q, q°)) + (1 - cos(d, d°)) ]
        + contrastive · CE(q, d; own side)

The top's queries with lower exits have no own side. CE at the Matryoshka prefixes and by rows and columns, as
everywhere; KL by rows and columns at full width.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn as nn
from torch import Tensor

from strata_train import data, folder_weights, runs, train, views
from strata_train.config import Config, HeadsConfig, InstantConfig
from strata_train.data import stable_hash
from strata_train.dedup import EvaluationHashes
from strata_train.device import Device
from strata_train.events import UserError, emit
from strata_train.losses.contrastive import false_negatives, told_apart
from strata_train.losses.distillation import vector_distillation
from strata_train.losses.relations import follow_scores
from strata_train.mentor import taken_means
from strata_train.model import MultiExitEncoder, TableExit, unit, with_table_parts
from strata_train.runtime import FolderEncoder

BLOCK = 512  # texts that the layers read between two events, and at least between two saves


# --- the texts --------------------------------------------------------------------------------------------------------


@dataclass
class Drawn:
    """Texts of pairs that lie side by side: row i of both lists is one pair."""

    left: list[str]
    right: list[str]
    keys: list[int]  # of the definition a pair was made from
    languages: list[tuple[str, str]] = field(default_factory=list)  # of both sides, where both are code

    def add(self, left: str, right: str, key: int) -> None:
        self.left.append(left)
        self.right.append(right)
        self.keys.append(key)


def draw(files: list[Path], config: Config, limit: int, exclusions: EvaluationHashes | None) -> tuple[Drawn, Drawn]:
    """Code in two languages where a pair has it, in half of the cases without its name; and questions with code.

    Of each file's pairs in one language, `limit` are taken. What `exclusions` has is left out.
    """
    chance = random.Random(config.train.seed)
    code, asked = Drawn([], [], []), Drawn([], [], [])
    listed = lambda *texts: exclusions is not None and any(map(exclusions.contains, texts))  # noqa: E731
    for file in files:
        singles: list[tuple[int, data.Pair]] = []
        for pair in data.read_pairs([file]):
            key = data.definition_of(pair)
            if "code_b" not in pair:
                singles.append((key, pair))
                continue
            a, b = pair["code"], pair["code_b"]
            if chance.random() < 0.5:
                a = views.without_name(a, pair["name"], chance.choice(views.NEUTRAL_NAMES))
                b = views.without_name(b, pair.get("name_b", ""), chance.choice(views.NEUTRAL_NAMES))
            question = chance.choice([pair["doc"], *pair.get("questions", ())])
            if not listed(pair["code"], pair["code_b"], question):
                code.add(a, b, key)
                code.languages.append((pair["lang"], pair.get("lang_b", "")))
                asked.add(question, a if key % 2 else b, key)
        taken = 0
        for key, pair in sorted(singles, key=lambda single: single[0]):  # an order that owes nothing to the file's
            if taken == limit:
                break
            questions = views.queries(pair, chance, config.data)
            if questions and not listed(pair["code"], pair["doc"], *questions):
                taken += 1
                asked.add(chance.choice(questions), views.code_view(pair, chance, config.data), key)
    if len(code.keys) < 2:
        raise UserError("pairs-missing", "The pairs files need pairs with `code_b`, such as `translate` writes.")
    return code, asked


# --- what the layers say ----------------------------------------------------------------------------------------------


@dataclass
class Said:
    """Texts with what the layers say of each."""

    ids: list[np.ndarray]
    layers: dict[int, Tensor]  # by exit above 0: (N, D), unit

    def part(self, rows: np.ndarray) -> Said:
        chosen = torch.from_numpy(rows)
        return Said([self.ids[row] for row in rows], {exit: said[chosen] for exit, said in self.layers.items()})


class Layers:
    """What the layers of a folder say of a text, without the table's share, by exit above 0.

    `rounded`: as the folder ships, on the CPU. Otherwise in floats on the device, which onnxruntime's build for CPUs
    knows nothing of.
    """

    def __init__(self, encoder: FolderEncoder, folder: Path, place: Device, *, rounded: bool) -> None:
        self.exits = [exit for exit in encoder.exits if exit > 0]
        self.dims: int = encoder.manifest["dims"]
        # Not exit 0: layers that stay as they are while it learns need not read anything again.
        told = {name: file for name, file in encoder.manifest["files"].items() if name.endswith(".onnx")}
        self.whose = np.uint64(stable_hash(json.dumps(told, sort_keys=True), str(rounded)))
        self.encoder, self.model, self.place = copy.copy(encoder), None, place
        self.encoder.residual, self.encoder.kept_dims = dict.fromkeys(self.exits, 0.0), self.dims
        if not rounded:
            self.model = folder_weights.read_model(folder).to(place.device).eval()
            self.model.config = replace(self.model.config, exit_residual=0.0, top_residual=0.0)

    def __call__(self, texts: list[np.ndarray]) -> dict[int, np.ndarray]:
        """Token ids of N texts → (N, D) of every exit."""
        if self.model is None:
            return self.encoder.encode_all(texts)
        return data.encode_texts(self.model, texts, tuple(self.exits), autocast=self.place.bf16)


def layers_say(layers: Layers, texts: list[np.ndarray], store: Path, told: Callable[..., Any] = emit) -> Said:
    """Run the layers on the token ids of N texts, or read what they said before from `store` (`.npz`), which grows.

    What another model said there, or this one unless it was rounded likewise, is made anew. `told` takes the events.
    """
    exits = layers.exits
    keys = np.array([data.key_of_ids(ids) for ids in texts], np.uint64)
    known_keys, known = np.zeros(0, np.uint64), np.zeros((0, len(exits), layers.dims), np.float16)
    if store.exists():
        with np.load(store) as found:
            if found["whose"] == layers.whose:
                known_keys, known = found["keys"], found["said"]
    first = {int(key): row for row, key in reversed(list(enumerate(keys)))}
    for key in known_keys.tolist():
        first.pop(key, None)
    missing, saved = list(first.values()), len(known_keys)
    for start in range(0, len(missing), BLOCK):
        rows = missing[start : start + BLOCK]
        vectors = layers([texts[row] for row in rows])
        known_keys = np.concatenate([known_keys, keys[rows]])
        known = np.concatenate([known, np.stack([vectors[exit] for exit in exits], axis=1).astype(np.float16)])
        if start + BLOCK >= len(missing) or len(known_keys) > 1.25 * saved:  # seldomer as there is more to write
            with data.written_whole(store) as work:
                np.savez(work, whose=layers.whose, keys=known_keys, said=known)
            saved = len(known_keys)
        told("progress", phase="encoding", done=start + len(rows), total=len(missing))
    at = {int(key): row for row, key in enumerate(known_keys)}
    rows = np.array([at[int(key)] for key in keys], int)
    return Said(texts, {exit: torch.from_numpy(known[rows, i].astype(np.float32)) for i, exit in enumerate(exits)})


def joined(*parts: Said) -> Said:
    ids = [text for part in parts for text in part.ids]
    return Said(ids, {exit: torch.cat([part.layers[exit] for part in parts]) for exit in parts[0].layers})


def sides_of(said: Said, count: int) -> tuple[Said, Said]:
    """The first `count` texts, and the others."""
    return said.part(np.arange(count)), said.part(np.arange(count, len(said.ids)))


# --- training ---------------------------------------------------------------------------------------------------------


class Heads(nn.Module):
    """The parts of an encoder that are trained: all of exit 0, and a map (D, D) behind every other head."""

    def __init__(self, model: MultiExitEncoder, place: Device) -> None:
        super().__init__()
        assert model.table is not None
        self.table, self.config, self.place = model.table, model.config, place
        self.maps = nn.ParameterDict({name: torch.eye(model.config.dims) for name in model.exits})
        self.table.weight.requires_grad_(False)
        self.table.head.weight.requires_grad_(False)

    def forward(self, texts: Said) -> dict[int, Tensor]:
        """The vectors (B, D) of every exit, unit."""
        words = train.bag(self.table, texts.ids, self.place)
        found = {0: words}
        for exit, said in texts.layers.items():
            own = unit(said.to(self.place.device) @ self.maps[str(exit)].T)
            found[exit] = unit(own + self.config.residual(exit) * words)
        return found

    def fold(self, model: MultiExitEncoder) -> None:
        """The maps into the heads of the encoder that this was made of."""
        with torch.no_grad():
            for name, exit in model.exits.items():
                exit.head.weight.copy_(self.maps[name] @ exit.head.weight)


def table_rates(table: TableExit, c: HeadsConfig | InstantConfig) -> list[tuple[list[nn.Parameter], float]]:
    """What learns of exit 0, and how fast."""
    of = lambda part: [] if part is None else list(part.parameters())  # noqa: E731
    return [
        ([table.table.weight], c.table_learning_rate),
        (of(table.block), c.table_block_learning_rate),
        (of(table.attention), c.table_attention_learning_rate),
    ]


def optimizer_for(rates: list[tuple[list[nn.Parameter], float]]) -> torch.optim.Adam:
    groups = [{"params": parameters, "base_lr": rate} for parameters, rate in rates if parameters]
    return torch.optim.Adam(groups, lr=1e-3, betas=(0.9, 0.98))


def take_step(optimizer: torch.optim.Optimizer, parts: dict[str, Tensor], waiting: list[dict[str, Tensor]]) -> None:
    """Down the sum of the parts of a loss, which wait to be told with it."""
    loss = torch.stack(list(parts.values())).sum()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    waiting.append({name: part.detach() for name, part in {"loss": loss, **parts}.items()})


def tell_steps(phase: str, done: int, steps: int, waiting: list[dict[str, Tensor]]) -> None:
    """The means of what waits, which is emptied."""
    means = taken_means(waiting)
    emit("progress", phase=phase, step=done, steps_left=steps - done, loss=means.pop("loss"), parts=means)


def losses(
    code: tuple[dict[int, Tensor], dict[int, Tensor]],
    asked: tuple[dict[int, Tensor], dict[int, Tensor]],
    before: tuple[dict[int, Tensor], dict[int, Tensor]],
    not_negative: tuple[Tensor, Tensor],
    config: Config,
) -> dict[str, Tensor]:
    """The parts of the formula above: both sides by exit for code, for questions, and for these at the start."""
    c, scale, widths, top = config.heads, config.loss.logit_scale, config.model.matryoshka, config.model.top

    def found(sides: tuple[dict[int, Tensor], dict[int, Tensor]], apart: Tensor) -> Tensor:
        left, right = sides
        terms = [told_apart((left[exit], right[exit]), scale, apart, widths, own_side=True) for exit in left]
        terms += [told_apart((left[top].detach(), right[exit]), scale, apart, widths) for exit in left if exit < top]
        return torch.stack(terms).mean()

    kept = [
        follow_scores(asked[0][exit], asked[1][exit], scale * before[0][exit] @ before[1][exit].T, scale)
        + sum(vector_distillation(now[exit], then[exit]) for now, then in zip(asked, before, strict=True))
        for exit in asked[0]
    ]
    return {
        "code": c.code * found(code, not_negative[0]),
        "keep": c.keep * torch.stack(kept).mean(),
        "contrastive": c.contrastive * found(asked, not_negative[1]),
    }


def fit(
    model: MultiExitEncoder,
    code: tuple[Said, Said],
    asked: tuple[Said, Said],
    keys: tuple[Tensor, Tensor],
    config: Config,
    place: Device,
) -> None:
    """Train exit 0 and the heads of `model`, in place. `keys` (N,) of the pairs of code and of the questions."""
    c = config.heads
    heads = Heads(model.to(place.device).train(), place).to(place.device)
    optimizer = optimizer_for([(list(heads.maps.values()), c.head_learning_rate), *table_rates(heads.table, c)])
    with torch.no_grad():
        start = [{exit: part.cpu() for exit, part in heads(side).items()} for side in asked]
    chance = np.random.default_rng(config.train.seed)
    chosen = lambda count, size: chance.choice(count, min(size, count), replace=False)  # noqa: E731
    waiting: list[dict[str, Tensor]] = []  # parts of steps since the last line
    for step in range(c.steps):
        train.set_rates(optimizer, step, step / c.steps, c.warmup_steps)
        here, there = chosen(len(keys[0]), c.code_pairs), chosen(len(keys[1]), c.question_pairs)
        # Which of the two is the query is drawn anew, so no side is the home of some languages.
        turn = torch.from_numpy(chance.random(len(here)) < 0.5).to(place.device)[:, None]
        a, b = (heads(side.part(here)) for side in code)
        sides = tuple({e: torch.where(turn, x[e], y[e]) for e in x} for x, y in ((a, b), (b, a)))
        now = tuple(heads(side.part(there)) for side in asked)
        then = tuple({exit: part[there].to(place.device) for exit, part in side.items()} for side in start)
        apart = []
        for key, rows, documents in ((keys[0], here, sides[1]), (keys[1], there, then[1])):
            own = key[rows].to(place.device)
            top = documents[config.model.top].detach()
            apart.append(false_negatives(own, own, top, config.loss.false_negative_cosine))
        parts = losses(sides, now, then, (apart[0], apart[1]), config)
        take_step(optimizer, parts, waiting)
        if (step + 1) % config.train.log_every == 0 or step + 1 == c.steps:
            tell_steps("heads", step + 1, c.steps, waiting)
    heads.fold(model)


def read_sides(
    folder: Path, sides: list[tuple[list[str], bool]], run: runs.Run, place: Device, threads: int
) -> tuple[MultiExitEncoder, FolderEncoder, list[Said]]:
    """The encoder of a model folder, to learn and as it ships, and what its layers say of lists of texts.

    A list comes with whether it holds queries. What was said of them is kept in the run's folder.
    """
    config = run.config
    model = with_table_parts(folder_weights.read_model(folder), config.model)
    if model.config != config.model:
        raise UserError("shape-mismatch", f"{folder} has another shape than the [model] settings ask for.")
    if model.table is None:
        raise UserError("table-missing", f"{folder} has no exit 0, which this trains.")
    encoder = FolderEncoder(folder, threads or 2)
    encoder.max_code_tokens, encoder.max_query_tokens = config.text.code_tokens, config.text.query_tokens
    ids = [encoder.tokens(texts, is_query=is_query) for texts, is_query in sides]
    layers = Layers(encoder, folder, place, rounded=True)
    whole = layers_say(layers, [text for side in ids for text in side], run.folder / "said.npz")
    ends = np.cumsum([0, *map(len, ids)])
    return model, encoder, [whole.part(np.arange(start, end)) for start, end in zip(ends, ends[1:], strict=False)]


def run_heads(folder: Path, texts: tuple[Drawn, Drawn], run: runs.Run, place: Device, threads: int) -> None:
    """From a model folder and texts to the run's checkpoint."""
    code, asked = texts
    emit("progress", phase="texts", code=len(code.keys), questions=len(asked.keys))
    sides = [(code.left, False), (code.right, False), (asked.left, True), (asked.right, False)]
    model, _, (a, b, q, d) = read_sides(folder, sides, run, place, threads)
    fit(model, (a, b), (q, d), (torch.tensor(code.keys), torch.tensor(asked.keys)), run.config, place)
    run.save(runs.CHECKPOINT, model.cpu())
