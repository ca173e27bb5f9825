"""What learns when a model is adapted to one workspace: a map behind every head and all rows of exit 0.

The layers run once over every text, and what each exit says without the table's share is kept (`heads.py`). Then:

- The space is evened out (`evened`). All code of a workspace is alike in some directions, which therefore say little of
  which piece is meant; they count less from then on, and rare ones more. No question is needed for that.
- The hierarchical loss (`losses/hierarchical.py`) over all exits at once, with the evened start's top as teacher: every
  exit finds what a question means, follows the top, and is found by the top's questions.

Documentation asks for its code, and so does a telling name of a function that has none.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from strata_train import data, heads, train, turning, views
from strata_train.config import Config
from strata_train.device import Device
from strata_train.losses.contrastive import false_negatives
from strata_train.losses.hierarchical import HierarchicalLoss, Teacher
from strata_train.model import MultiExitEncoder, TableExit
from strata_train.text import TextEncoder

READINGS = 4  # of every documented definition: other questions, and its code in other views
EVENNESS = 0.35  # 0 leaves the space as it is, 1 makes every direction count the same
MOST_TO_EVEN = 8192  # vectors
TOLD_EVERY = 5  # steps


@dataclass(frozen=True)
class Lesson:
    """Token ids of two texts of one definition: a question or a piece of its code, and its code."""

    left: np.ndarray
    right: np.ndarray
    definition: int
    question: int  # equal for equal left sides


def lessons(
    documented: Sequence[data.Pair], named: Sequence[data.Pair], text: TextEncoder, config: Config
) -> list[Lesson]:
    """First each definition once, then the documented ones again and again: where time is short, the first are read."""
    query = lambda asked: text.encode_query(asked, config.text.query_tokens)  # noqa: E731
    code = lambda view: text.encode_code("", view, config.text.code_tokens)  # noqa: E731
    found: list[Lesson] = []

    def add(left: list[int], right: list[int], pair: data.Pair) -> None:
        found.append(Lesson(np.array(left), np.array(right), data.definition_of(pair), data.key_of_ids(left) >> 1))

    for reading in range(READINGS):
        for pair in documented:
            seed = data.stable_hash(str(config.train.seed), str(reading), pair["path"], pair["name"], pair["doc"])
            chance = random.Random(seed)
            view = code(views.code_view(pair, chance, config.data))
            for asked in views.queries(pair, chance, config.data):
                add(query(asked), view, pair)
            if chance.random() < config.data.code_to_code and (twins := views.code_pair(pair, chance, config.data)):
                add(code(twins[0]), code(twins[1]), pair)
        for pair in named if reading == 0 else ():
            chance = random.Random(data.stable_hash(str(config.train.seed), pair["path"], pair["name"], pair["code"]))
            body = views.without_name(pair["code"], pair["name"], chance.choice(views.NEUTRAL_NAMES))
            add(query(views.name_words(pair["name"])), code(body), pair)
    return found


def first_texts(found: Sequence[Lesson], limit: int) -> list[Lesson]:
    """As many lessons from the front as have no more than `limit` different texts in all."""
    seen: set[bytes] = set()
    for number, lesson in enumerate(found):
        seen |= {lesson.left.tobytes(), lesson.right.tobytes()}
        if len(seen) > limit:
            return list(found[:number])
    return list(found)


def evened(vectors: np.ndarray, strength: float = EVENNESS) -> Tensor:
    """A symmetric map (D, D): (C / c + 1)^(-strength / 2), C the second moments of the vectors (N, D), c their mean.

    Whitening would be C^(-1/2), which makes much of what is nearly noise: hence the one, and the lower power.
    """
    values, axes = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors / len(vectors))
    values = np.maximum(values, 0)
    return torch.from_numpy(((axes * (values / values.mean() + 1) ** (-strength / 2)) @ axes.T).astype(np.float32))


class Learner:
    """The encoder in training, over what its layers say. `tokens` (T,): all that its texts have, each once, in order.

    Of exit 0 only their rows are there to learn: a step through all of them would mostly move what no text has.
    """

    def __init__(self, model: MultiExitEncoder, tokens: np.ndarray, place: Device) -> None:
        assert model.table is not None
        self.place, self.tokens = place, tokens
        self.model = model.to(place.device).train()
        self.heads = heads.Heads(self.model, place).to(place.device)
        some, whole = TableExit(replace(model.config, vocab_size=len(tokens))).to(place.device), model.table
        some.head, some.attention, some.block = whole.head, whole.attention, whole.block
        with torch.no_grad():
            some.table.weight.copy_(whole.table.weight[tokens])
            some.weight.copy_(whole.weight[tokens])
        some.weight.requires_grad_(False)
        for part in (some.attention, some.block):
            if part is not None:  # they need more texts than a workspace has
                part.requires_grad_(False)
        self.heads.table = some

    def read(self, texts: heads.Said) -> heads.Said:
        """The texts with the numbers of their tokens among `tokens`: what the other functions take."""
        return heads.Said([np.searchsorted(self.tokens, ids) for ids in texts.ids], texts.layers)

    @torch.no_grad()
    def vectors(self, texts: heads.Said) -> dict[int, np.ndarray]:
        """Of every exit (N, D), unit."""
        parts = [texts.part(rows) for rows in np.array_split(np.arange(len(texts.ids)), len(texts.ids) // 1024 + 1)]
        found = [self.heads(part) for part in parts]
        return {exit: torch.cat([each[exit].cpu() for each in found]).numpy() for exit in found[0]}

    def even_out(self, code: heads.Said) -> None:
        """The space of every exit, by what it says of the workspace's code."""
        rows = np.linspace(0, len(code.ids) - 1, min(len(code.ids), MOST_TO_EVEN)).astype(int)
        by_exit = self.vectors(code.part(rows))
        with torch.no_grad():
            for name, weight in self.heads.maps.items():
                weight.copy_(evened(by_exit[int(name)]))
            turning.turn_table(self.heads.table, evened(by_exit[0]))

    def fit(
        self,
        sides: tuple[heads.Said, heads.Said],
        keys: tuple[Tensor, Tensor],
        config: Config,
        seconds: float,
        told: Callable[[int, float, float], None],
    ) -> int:
        """Steps taken until there were enough or the seconds were over.

        Args:
            sides: the left and the right texts of N lessons.
            keys: their definitions and their questions (N,).
            config: the loss and, in `heads`, the rates, the steps and the definitions in one (`question_pairs`).
            seconds: at most.
            told: now and then takes the steps done, the loss and the seconds that the rest will take.

        """
        c, exits = config.heads, config.model.exits
        loss = HierarchicalLoss(config.loss, exits, config.model.layers, config.model.matryoshka)
        maps, rows = list(self.heads.maps.values()), [self.heads.table.table.weight]
        optimizer = heads.optimizer_for([(maps, c.head_learning_rate), (rows, c.table_learning_rate)])
        start = [torch.from_numpy(self.vectors(side)[config.model.top]) for side in sides]
        order = np.argsort(keys[0].numpy(), kind="stable")
        of_definition = np.split(order, np.flatnonzero(np.diff(keys[0].numpy()[order])) + 1)  # rows of each
        chance = np.random.default_rng(config.train.seed)
        began = time.monotonic()
        for step in range(c.steps):
            done = max(step / c.steps, (time.monotonic() - began) / seconds)
            if done >= 1:
                return step
            train.set_rates(optimizer, step, done, c.warmup_steps)
            chosen = chance.choice(len(of_definition), min(c.question_pairs, len(of_definition)), replace=False)
            rows = np.array([chance.choice(of_definition[which]) for which in chosen])
            queries, documents = (self.heads(side.part(rows)) for side in sides)
            teacher = Teacher(*(part[rows].to(self.place.device) for part in start))
            own = [key[rows].to(self.place.device) for key in keys]
            apart = false_negatives(*own, teacher.documents, config.loss.false_negative_cosine)
            value, _ = loss(queries, documents, teacher, apart)
            if not bool(torch.isfinite(value)):
                raise train.diverged()
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            optimizer.step()
            if (step + 1) % TOLD_EVERY == 0:
                taken = time.monotonic() - began
                told(step + 1, float(value.detach()), min(taken / (step + 1) * (c.steps - step - 1), seconds - taken))
        return c.steps

    def folded(self) -> MultiExitEncoder:
        """The encoder with the maps in its heads, and with the rows."""
        self.heads.fold(self.model)
        with torch.no_grad():
            self.model.table.table.weight[self.tokens] = self.heads.table.table.weight
        return self.model.cpu().eval()
