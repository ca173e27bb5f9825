"""Exit 0 alone, after `heads`: it follows the top, on many more texts than there are pairs.

A table of words learns the pairs by heart that it is shown, and then says less of others. What keeps it from that is
other texts, of which the top knows what they say, and pairs that look another way each time: code whose names are
others, code in a class, pieces of code, questions, whole definitions. The layers run once, as they ship (int8), and
stay as they are. With x⁶ what the top said of a text at the start, x⁰ what exit 0 says now, and C = `cross_exit`:

    L = code · [ CE(a⁰, b⁰; own side) + C · CE(a⁶, b⁰) ]
        + contrastive · [ CE(q⁰, d⁰; own side) + C · CE(q⁶, d⁰) ]
        + keep · [ KL(q⁶·d⁶ ‖ q⁰·d⁰) + C · KL(q⁶·d⁶ ‖ q⁶·d⁰) + (1 - cos(q⁰, q⁶)) + (1 - cos(d⁰, d⁶)) ]
        + follow · [ KL(x⁶·x⁶ ‖ x⁰·x⁰) + (1 - cos(x⁰, x⁶)) ]

a and b are code of one task in two languages, q a question and d its code, x texts of one kind a step. CE at the
Matryoshka prefixes and by rows and columns, as everywhere.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from strata_train import data, heads, runs, train, views
from strata_train.config import Config
from strata_train.dedup import EvaluationHashes
from strata_train.device import Device
from strata_train.events import emit
from strata_train.heads import Drawn, Said
from strata_train.losses.contrastive import false_negatives, told_apart
from strata_train.losses.distillation import vector_distillation
from strata_train.losses.relations import follow_relations, follow_scores
from strata_train.model import MultiExitEncoder

# In how many pieces of code a name must stand, and may, to be given to other code: of fewer it says what that is
# about, of more it is a word of the language.
FEWEST_USES, MOST_USES = 3, 400
AT_ONCE = 1024  # texts


@dataclass
class Alone:
    """Texts that stand in no pair."""

    renamed: tuple[list[str], list[str]]  # both sides of the pairs of code with other names
    enclosed: tuple[list[str], list[str]]  # both in what their language makes code stand in, every second renamed too
    pieces: list[str]
    questions: list[str]
    documents: list[str]


def draw(files: list[Path], code: Drawn, config: Config, limit: int, exclusions: EvaluationHashes | None) -> Alone:
    """From the pairs of `code`, and from up to `limit` pairs in one language of each file."""
    chance = random.Random(config.train.seed)
    uses = Counter(name for text in (*code.left, *code.right) for name in views.identifiers(text))
    names = sorted(name for name, count in uses.items() if FEWEST_USES <= count <= MOST_USES)
    left, right = ([views.renamed(text, chance, words=names) for text in side] for side in (code.left, code.right))
    found = Alone((left, right), ([], []), [], [], [])
    whole = [*code.left, *code.right]
    for pair in zip(code.left, code.right, strict=True):
        parts = (views.piece(text, chance, 0.3, 0.8) for text in (chance.choice(pair), chance.choice(whole)))
        found.pieces.append("\n".join(parts))
    for file in files:
        singles = [(data.definition_of(pair), pair) for pair in data.read_pairs([file]) if "code_b" not in pair]
        for _, pair in sorted(singles, key=lambda single: single[0])[:limit]:
            questions = views.queries(pair, chance, config.data)
            if exclusions is not None and any(map(exclusions.contains, (pair["code"], pair["doc"], *questions))):
                continue
            found.questions += questions[-1:]
            nameless = views.without_name(pair["code"], pair["name"], chance.choice(views.NEUTRAL_NAMES))
            found.pieces.append(views.piece(nameless, chance, 0.3, 1.0))
            found.documents.append(views.code_view(pair, chance, config.data))
    for side, texts in enumerate(((code.left, left), (code.right, right))):
        for row, languages in enumerate(code.languages):
            found.enclosed[side].append(views.enclosed(texts[row % 2][row], languages[side], chance, names))
    return found


@dataclass(frozen=True)
class Known:
    """Texts with what the top said of each at the start (N, D)."""

    ids: list[np.ndarray]
    top: Tensor

    def __getitem__(self, rows: np.ndarray) -> Known:
        return Known([self.ids[row] for row in rows], self.top[torch.from_numpy(rows)])

    @staticmethod
    def of(model: heads.Heads, said: Said) -> Known:
        with torch.no_grad():
            parts = [
                model(said.part(np.arange(start, min(start + AT_ONCE, len(said.ids)))))[model.config.top].cpu()
                for start in range(0, len(said.ids), AT_ONCE)
            ]
        return Known(said.ids, torch.cat(parts))


@dataclass(frozen=True)
class Sides:
    """What exit 0 says of the left and the right texts of B pairs, and what the top said: (B, D) each, unit."""

    now: tuple[Tensor, Tensor]
    top: tuple[Tensor, Tensor]


def losses(
    code: Sides, asked: Sides, alone: tuple[Tensor, Tensor], not_negative: tuple[Tensor, Tensor], config: Config
) -> dict[str, Tensor]:
    """The parts of the formula above; `alone`: what exit 0 says of texts of one kind, and what the top said."""
    c, scale, widths = config.instant, config.loss.logit_scale, config.model.matryoshka

    def found(sides: Sides, apart: Tensor) -> Tensor:
        own = told_apart(sides.now, scale, apart, widths, own_side=True)
        return own + c.cross_exit * told_apart((sides.top[0], sides.now[1]), scale, apart, widths)

    (q, d), (q_top, d_top) = asked.now, asked.top
    scores = scale * q_top @ d_top.T
    kept = follow_scores(q, d, scores, scale) + c.cross_exit * follow_scores(q_top, d, scores, scale)
    return {
        "code": c.code * found(code, not_negative[0]),
        "contrastive": c.contrastive * found(asked, not_negative[1]),
        "keep": c.keep * (kept + vector_distillation(q, q_top) + vector_distillation(d, d_top)),
        "follow": c.follow * (follow_relations(*alone, scale) + vector_distillation(*alone)),
    }


def within(plain: Known, renamed: Known, enclosed: list[np.ndarray]) -> Known:
    """Enclosed texts with what the top said of what is in them: every second is a renamed one."""
    top = plain.top.clone()
    top[1::2] = renamed.top[1::2]
    return Known(enclosed, top)


def fit(
    model: MultiExitEncoder,
    code: tuple[Said, Said],
    renamed: tuple[Said, Said],
    enclosed: tuple[list[np.ndarray], list[np.ndarray]],
    asked: tuple[Said, Said],
    alone: list[Said],
    keys: tuple[Tensor, Tensor],
    config: Config,
    place: Device,
) -> None:
    """Train exit 0 of `model`, in place.

    `enclosed`: token ids of both sides in what code stands in, every second `renamed`. `keys` (N,) of the
    pairs of code and of the questions; `alone` by kind.
    """
    c = config.instant
    whole = heads.Heads(model.to(place.device).train(), place).to(place.device)
    optimizer = heads.optimizer_for(heads.table_rates(whole.table, c))
    (a, b), (a_, b_), (q, d) = (tuple(Known.of(whole, side) for side in sides) for sides in (code, renamed, asked))
    left, right = ((x, x_, within(x, x_, ids)) for x, x_, ids in ((a, a_, enclosed[0]), (b, b_, enclosed[1])))
    kinds = [Known.of(whole, said) for said in alone if said.ids]
    chance = np.random.default_rng(config.train.seed)
    chosen = lambda count, size: chance.choice(count, min(size, count), replace=False)  # noqa: E731
    say = lambda texts: train.bag(whole.table, texts.ids, place)  # noqa: E731
    waiting: list[dict[str, Tensor]] = []  # parts of steps since the last line

    def looks(sides: tuple[Known, Known, Known], rows: np.ndarray) -> Known:
        """Each text as it is, with other names, or in what code stands in."""
        turns = chance.choice(3, len(rows), p=(1 - c.renamed - c.enclosed, c.renamed, c.enclosed))
        ids = [sides[turn].ids[row] for turn, row in zip(turns, rows, strict=True)]
        return Known(ids, torch.stack([sides[turn].top[row] for turn, row in zip(turns, rows, strict=True)]))

    for step in range(c.steps):
        train.set_rates(optimizer, step, step / c.steps, c.warmup_steps)
        here, there = chosen(len(keys[0]), c.code_pairs), chosen(len(keys[1]), c.question_pairs)
        pair = looks(left, here), looks(right, here)
        # Which of the two is the query is drawn anew, so no side is the home of some languages.
        drawn = [pair if chance.random() < 0.5 else pair[::-1], (q[there], d[there])]
        kind = kinds[step % len(kinds)]
        texts = kind[chosen(len(kind.ids), c.texts)]
        sides, apart = [], []
        for (x, y), own in zip(drawn, (keys[0][here], keys[1][there]), strict=True):
            sides.append(Sides((say(x), say(y)), (x.top.to(place.device), y.top.to(place.device))))
            own = own.to(place.device)
            apart.append(false_negatives(own, own, sides[-1].top[1], config.loss.false_negative_cosine))
        parts = losses(*sides, (say(texts), texts.top.to(place.device)), tuple(apart), config)
        heads.take_step(optimizer, parts, waiting)
        if (step + 1) % config.train.log_every == 0 or step + 1 == c.steps:
            heads.tell_steps("instant", step + 1, c.steps, waiting)


def run_instant(folder: Path, texts: tuple[Drawn, Drawn, Alone], run: runs.Run, place: Device, threads: int) -> None:
    """From a model folder and texts to the run's checkpoint."""
    code, asked, more = texts
    kinds = [(more.pieces, False), (more.questions, True), (more.documents, False)]
    counts = {name: len(side) for name, (side, _) in zip(("pieces", "alone", "documents"), kinds, strict=True)}
    emit("progress", phase="texts", code=len(code.keys), questions=len(asked.keys), **counts)
    pairs = [(code.left, False), (code.right, False), *((side, False) for side in more.renamed)]
    pairs += [(asked.left, True), (asked.right, False)]
    model, encoder, (a, b, a_, b_, q, d, *alone) = heads.read_sides(folder, [*pairs, *kinds], run, place, threads)
    enclosed = (encoder.tokens(more.enclosed[0], is_query=False), encoder.tokens(more.enclosed[1], is_query=False))
    joined = heads.joined(a_, b_)
    keys = (torch.tensor(code.keys), torch.tensor(asked.keys))
    fit(model, (a, b), (a_, b_), enclosed, (q, d), [joined, *alone], keys, run.config, place)
    run.save(runs.CHECKPOINT, model.cpu())
