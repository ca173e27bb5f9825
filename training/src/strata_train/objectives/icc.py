"""In-context classification: do the pieces of this window come from one repository? (section 3.2)

It takes the place of next-sentence prediction and packs the window at the same time: pieces of random files are
joined by `<sep>`, and with probability 1/2 they come from different repositories.
L_ICC,i = binary cross-entropy of exit i's answer.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat

import torch.nn.functional as F
from torch import Tensor, nn

from strata_train.events import UserError
from strata_train.objectives.heads import ExitConditioned
from strata_train.objectives.packing import Piece, Window

SHORTEST = 16  # a piece cut to fewer tokens says nothing about its repository
SMALLEST_WINDOW = 4 * SHORTEST  # two pieces and their marks, whatever is cut off them


class Shelf:
    """What is left of a repository's pieces, in random order."""

    def __init__(self, pieces: list[Piece], rng: random.Random) -> None:
        self.pieces = sorted(pieces, key=lambda piece: piece.tokens)
        rng.shuffle(self.pieces)
        self.room = sum(len(piece.tokens) + 1 for piece in pieces)  # that they take; counted on, as it is asked often

    def __len__(self) -> int:
        return len(self.pieces)

    def pop(self) -> Piece:
        piece = self.pieces.pop()
        self.room -= len(piece.tokens) + 1
        return piece

    def can_fill(self, size: int) -> bool:
        return len(self.pieces) > 1 and self.room >= size - SHORTEST


def context_windows(pieces: Iterable[Piece], size: int, rng: random.Random) -> Iterator[Window]:
    """Pack every piece at most once into windows of at most `size` tokens and at least two pieces.

    The length of a window must not give its label away, so both labels are filled alike: a repository is asked for a
    "same" window only while it can fill one; a "different" one goes round the repositories as often as it takes, and
    is dropped when they end before it is full, as are the pieces left over at the end.
    """
    if size < SMALLEST_WINDOW:
        raise UserError("window-size", f"A window of {size} tokens is too small; give it {SMALLEST_WINDOW} or more.")
    by_name: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        by_name[piece.repository].append(piece)
    # sorted: one seed packs the same in any order of files
    shelves = {name: Shelf(by_name[name], rng) for name in sorted(by_name)}
    while len(shelves) > 1 or any(shelf.can_fill(size) for shelf in shelves.values()):
        full = [name for name, shelf in shelves.items() if shelf.can_fill(size)]
        same = bool(full) and (len(shelves) < 2 or rng.random() < 0.5)
        if same:
            order: Iterator[str] = repeat(rng.choices(full, [len(shelves[name]) for name in full])[0])
        else:
            order = _in_rounds(shelves, rng)
        if (chosen := _take(shelves, size, order)) and len(chosen) > 1:
            yield Window(tuple(chosen), same)


def _take(shelves: dict[str, Shelf], size: int, order: Iterator[str]) -> list[Piece]:
    """Pieces of the repositories in `order` until the window is full; the last one is cut to the room left.

    Nothing when they end before that.
    """
    chosen: list[Piece] = []
    room = size - 1  # the <cls>
    while room > SHORTEST and (name := next(order, None)) in shelves:
        piece = shelves[name].pop()
        if not shelves[name]:
            del shelves[name]
        chosen.append(Piece(piece.tokens[: room - 1], name))
        room -= len(chosen[-1].tokens) + 1
    return chosen if room <= SHORTEST else []


def _in_rounds(shelves: dict[str, Shelf], rng: random.Random) -> Iterator[str]:
    """Every repository once, in random order, larger ones earlier more often; then again while there are two."""
    while len(shelves) > 1:
        unused = list(shelves)
        while unused:
            name = rng.choices(unused, [len(shelves[name]) for name in unused])[0]
            unused.remove(name)
            yield name


class ContextHead(nn.Module):
    """One logit for any exit; one set of weights, conditioned on the exit."""

    def __init__(self, hidden_size: int, exits: Sequence[int], conditional_size: int = 4) -> None:
        super().__init__()
        self.condition = ExitConditioned(hidden_size, exits, conditional_size)
        self.classifier = nn.Linear(hidden_size, 1)

    def forward(self, pooled: Tensor, layer: int) -> Tensor:
        """(B, H) -> (B,)"""
        return self.classifier(self.condition(pooled, layer)).squeeze(-1)


def context_loss(head: ContextHead, pooled: Tensor, same_repository: Tensor, layer: int) -> tuple[Tensor, Tensor]:
    """Binary cross-entropy, and the share of right answers."""
    logits = head(pooled, layer).float()
    accuracy = ((logits > 0) == same_repository.bool()).float().mean()
    return F.binary_cross_entropy_with_logits(logits, same_repository), accuracy
