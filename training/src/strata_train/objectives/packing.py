"""Files into pieces, pieces into windows. What goes together is decided in `icc.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class SpecialTokens:
    """A tokenizer's marks; `cls_first` is BERT's order, the other face closes with `<cls>`."""

    pad: int
    sep: int
    cls: int
    mask: int
    cls_first: bool = False

    @property
    def ids(self) -> tuple[int, ...]:
        return (self.pad, self.sep, self.cls, self.mask)


@dataclass(frozen=True)
class Piece:
    """A run of tokens of one file."""

    tokens: tuple[int, ...]
    repository: str


@dataclass(frozen=True)
class Window:
    """Pieces that are encoded together, and whether they share a repository."""

    pieces: tuple[Piece, ...]
    same_repository: bool

    def __len__(self) -> int:
        """Tokens including the marks: one before or after each piece, and `<cls>`."""
        return sum(len(piece.tokens) + 1 for piece in self.pieces) + 1


def cut(files: Iterable[tuple[str, Sequence[int]]], longest: int) -> list[Piece]:
    """(repository, tokens) pairs into pieces of at most `longest` tokens, so that two fit in a window."""
    return [
        Piece(tuple(tokens[start : start + longest]), repository)
        for repository, tokens in files
        for start in range(0, len(tokens), longest)
    ]


def frame(window: Window, special: SpecialTokens) -> list[int]:
    """`<sep>a<sep>b<cls>`, or BERT's `[CLS]a[SEP]b[SEP]`."""
    ids: list[int] = [special.cls] if special.cls_first else []
    for piece in window.pieces:
        ids += [*piece.tokens, special.sep] if special.cls_first else [special.sep, *piece.tokens]
    return ids if special.cls_first else [*ids, special.cls]


def collate(windows: Sequence[Window], special: SpecialTokens) -> tuple[Tensor, Tensor, Tensor]:
    """-> input_ids and attention_mask, (B, T), and the labels "same repository", (B,). Padding is on the right."""
    rows = [frame(window, special) for window in windows]
    length = max(map(len, rows))
    ids = torch.full((len(rows), length), special.pad)
    mask = torch.zeros((len(rows), length), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
    return ids, mask, torch.tensor([float(window.same_repository) for window in windows])


def fill(lengths: Iterable[int], window: int) -> float:
    """Share of a window's positions that hold a token, on average."""
    lengths = list(lengths)
    return sum(min(length, window) for length in lengths) / (window * len(lengths)) if lengths else 0.0
