"""In-context classification: honest labels, full windows, no give-away; the loss is binary cross-entropy."""

import math
import random
from collections import Counter

import pytest
import torch

from strata_train.events import UserError
from strata_train.objectives.icc import ContextHead, context_loss, context_windows
from strata_train.objectives.packing import Piece, SpecialTokens, Window, collate, cut, fill, frame

SPECIAL = SpecialTokens(pad=0, sep=1, cls=2, mask=3)
SIZE = 128


def files(repositories: int = 20, each: int = 40, seed: int = 0) -> list[tuple[str, list[int]]]:
    rng = random.Random(seed)
    return [
        (f"repo{r}", [rng.randrange(10, 1000) for _ in range(rng.randrange(15, 140))])
        for r in range(repositories)
        for _ in range(each)
    ]


def pack(seed: int = 0, **sizes: int) -> list[Window]:
    return list(context_windows(cut(files(**sizes), SIZE // 2), SIZE, random.Random(seed)))


def test_labels_say_whether_the_pieces_share_a_repository() -> None:
    windows = pack()
    assert len(windows) > 100
    for window in windows:
        repositories = [piece.repository for piece in window.pieces]
        assert len(repositories) > 1
        counts = Counter(repositories)
        assert (len(counts) == 1) == window.same_repository
        if not window.same_repository:  # they take turns
            assert max(counts.values()) - min(counts.values()) <= 1


def test_labels_are_balanced_and_length_does_not_tell_them() -> None:
    windows = pack()
    assert sum(w.same_repository for w in windows) / len(windows) == pytest.approx(0.5, abs=0.1)
    for feature in (len, lambda w: len(w.pieces)):
        mean = [sum(map(feature, part)) / len(part) for part in split(windows)]
        assert mean[0] == pytest.approx(mean[1], rel=0.06)


def test_few_repositories_fill_both_labels_windows_alike() -> None:
    pieces = [Piece(tuple(range(i, i + 200)), f"repo{i % 4}") for i in range(400)]
    windows = list(context_windows(pieces, 2048, random.Random(0)))
    same, different = split(windows)
    assert len(same) > 10 and len(different) > 10
    assert {len(w) for w in windows} == {2048}
    assert {len(w.pieces) for w in same} == {len(w.pieces) for w in different}


@pytest.mark.parametrize("size", [1, 17, 63])
def test_a_window_too_small_for_two_pieces_is_refused(size: int) -> None:
    with pytest.raises(UserError, match=f"A window of {size} tokens is too small; give it 64 or more."):
        list(context_windows(cut(files(), 32), size, random.Random(0)))


def split(windows: list[Window]) -> tuple[list[Window], list[Window]]:
    return [w for w in windows if w.same_repository], [w for w in windows if not w.same_repository]


def test_windows_keep_to_the_size_and_no_piece_is_used_twice() -> None:
    windows = pack()
    assert max(map(len, windows)) <= SIZE
    assert all(len(frame(window, SPECIAL)) == len(window) for window in windows)
    starts = [piece.tokens[:15] for window in windows for piece in window.pieces]
    assert len(starts) == len(set(starts))


def test_packing_fills_the_window() -> None:
    unpacked = fill((len(tokens) + 2 for _, tokens in files()), SIZE)
    packed = fill(map(len, pack()), SIZE)
    assert unpacked < 0.65 and packed > 0.9


def test_a_seed_packs_the_same_whatever_the_order_of_the_files() -> None:
    pieces = cut(files(), 64)
    again = list(context_windows(reversed(pieces), SIZE, random.Random(0)))
    assert sorted(w.pieces[0].tokens for w in again) == sorted(w.pieces[0].tokens for w in pack())
    assert pack(1) != pack(2)


def test_one_repository_alone_makes_only_same_windows_and_tiny_ones_only_different() -> None:
    assert all(window.same_repository for window in pack(repositories=1))
    single = [Piece(tuple(tokens), name) for name, tokens in files(repositories=30, each=1)]
    assert not any(window.same_repository for window in context_windows(single, SIZE, random.Random(0)))
    assert list(context_windows([], SIZE, random.Random(0))) == []


def test_cutting_loses_no_token() -> None:
    assert cut([("r", [1, 2, 3, 4, 5])], 2) == [Piece((1, 2), "r"), Piece((3, 4), "r"), Piece((5,), "r")]


def test_frames_of_both_faces() -> None:
    window = Window((Piece((7, 8), "a"), Piece((9,), "b")), False)
    assert frame(window, SPECIAL) == [1, 7, 8, 1, 9, 2]
    assert frame(window, SpecialTokens(0, 1, 2, 3, cls_first=True)) == [2, 7, 8, 1, 9, 1]
    ids, mask, same = collate([window, Window((Piece((7,), "a"), Piece((9,), "a")), True)], SPECIAL)
    assert ids.tolist() == [[1, 7, 8, 1, 9, 2], [1, 7, 1, 9, 2, 0]]
    assert mask.tolist() == [[1] * 6, [1] * 5 + [0]] and same.tolist() == [0.0, 1.0]


def test_the_loss_is_binary_cross_entropy_and_accuracy_counts_right_answers() -> None:
    torch.manual_seed(0)
    head = ContextHead(8, exits=(2, 4))
    pooled = torch.randn(4, 8)
    same = torch.tensor([1.0, 0.0, 1.0, 0.0])
    p = torch.sigmoid(head(pooled, 2)).tolist()
    expected = -sum(math.log(p[i] if same[i] else 1 - p[i]) for i in range(4)) / 4
    loss, accuracy = context_loss(head, pooled, same, 2)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert accuracy.item() == sum((p[i] > 0.5) == bool(same[i]) for i in range(4)) / 4
