"""What learns in a fine-tuning: which texts, how the space is evened out, and that it finds what it was shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import make_pairs
from strata_train import adapt, finetune, folder_weights, heads, views
from strata_train.config import Config
from strata_train.device import choose
from strata_train.evaluate import ranks_of
from strata_train.events import UserError
from strata_train.model import MultiExitEncoder
from strata_train.runtime import FolderEncoder
from strata_train.text import TextEncoder


@pytest.fixture
def config(tiny_model: MultiExitEncoder) -> Config:
    """Of an encoder that knows nothing, whose teacher has nothing to say."""
    found = finetune.settings_for(tiny_model)
    rates = {"head_learning_rate": 1e-2, "table_learning_rate": 1e-2}
    return replace(
        found,
        heads=replace(found.heads, steps=40, question_pairs=32, **rates),
        loss=replace(found.loss, distil_vectors=0.0, distil_scores=0.0, anchor=0.0),
    )


def learning(folder: Path, config: Config, store: Path) -> tuple[adapt.Learner, tuple, tuple]:
    encoder = FolderEncoder(folder)
    lessons = adapt.lessons(make_pairs(60), [], encoder.text, config)
    texts = [lesson.left for lesson in lessons] + [lesson.right for lesson in lessons]
    said = heads.layers_say(heads.Layers(encoder, folder, choose("cpu"), rounded=True), texts, store)
    keys = tuple(torch.tensor([getattr(each, key) for each in lessons]) for key in ("definition", "question"))
    learner = adapt.Learner(folder_weights.read_model(folder), np.unique(np.concatenate(texts)), choose("cpu"))
    return learner, tuple(map(learner.read, heads.sides_of(said, len(lessons)))), keys


def test_every_definition_comes_once_before_any_comes_again(text: TextEncoder, config: Config) -> None:
    documented = make_pairs(20)
    named = [pair | {"doc": "", "name": "readTheHeader", "code": f"{pair['code']}\n#"} for pair in documented[:5]]
    lessons = adapt.lessons(documented, named, text, config)
    assert [lesson.definition for lesson in lessons] == [
        lesson.definition for lesson in adapt.lessons(documented, named, text, config)
    ]
    definitions = list(dict.fromkeys(lesson.definition for lesson in lessons))
    assert len(definitions) == 25
    first = lessons[: next(i for i, each in enumerate(lessons) if each.definition == definitions[-1]) + 1]
    assert {lesson.definition for lesson in first} == set(definitions)
    assert len(lessons) > 3 * len(first) - 30, "documented ones are read again and again"
    asked = [lesson for lesson in lessons if lesson.definition in definitions[20:]]
    assert len(asked) == 5 and len({lesson.question for lesson in asked}) == 1, "the same name is the same question"
    assert asked[0].left.tolist() == text.encode_query("read the header", config.text.query_tokens)


def test_lessons_are_cut_by_the_different_texts_that_they_have(text: TextEncoder, config: Config) -> None:
    lessons = adapt.lessons(make_pairs(20), [], text, config)
    cut = adapt.first_texts(lessons, 30)
    assert cut == lessons[: len(cut)]
    texts = lambda some: {each.tobytes() for lesson in some for each in (lesson.left, lesson.right)}  # noqa: E731
    assert len(texts(cut)) <= 30 < len(texts(lessons[: len(cut) + 1]))
    assert adapt.first_texts(lessons, 10**6) == lessons


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("readHeader", "read header"),
        ("read_header", "read header"),
        ("HTTPServer", "http server"),
        ("Store.open", "store open"),
        ("читатьФайл", "читать файл"),
        ("x", "x"),
    ],
)
def test_names_are_read_as_words(name: str, said: str) -> None:
    assert views.name_words(name) == said


def test_evening_out_makes_shared_directions_count_less() -> None:
    chance = np.random.default_rng(0)
    vectors = chance.normal(size=(500, 8)).astype(np.float32) * np.array([9, 1, 1, 1, 1, 1, 1, 0.1], np.float32)
    even = adapt.evened(vectors).numpy()
    moments = vectors.T.astype(np.float64) @ vectors / len(vectors)
    values, axes = np.linalg.eigh(moments / (np.trace(moments) / 8) + np.eye(8))
    np.testing.assert_allclose(even, axes @ np.diag(values ** (-adapt.EVENNESS / 2)) @ axes.T, atol=1e-5)
    assert even[0, 0] < 0.75 * even[1, 1] and even[7, 7] == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(adapt.evened(vectors, 0).numpy(), np.eye(8), atol=1e-6)


def test_evening_out_is_the_same_map_for_the_exit_whatever_part_computes_it(
    folder: Path, config: Config, tmp_path: Path
) -> None:
    learner, (_, code), _ = learning(folder, config, tmp_path / "said.npz")
    before = learner.vectors(code)
    learner.even_out(code)
    after = learner.vectors(code)
    for exit, old in before.items():
        spread = [np.linalg.eigvalsh(side.T.astype(np.float64) @ side)[-1] for side in (old, after[exit])]
        assert spread[1] < spread[0], f"what all code of exit {exit} shares counts less"
        assert np.allclose(np.linalg.norm(after[exit], axis=1), 1, atol=1e-4)


def test_it_learns_at_every_exit_and_writes_it_into_the_encoder(folder: Path, config: Config, tmp_path: Path) -> None:
    learner, sides, keys = learning(folder, config, tmp_path / "said.npz")

    def found(exit: int) -> float:
        left, right = (learner.vectors(side)[exit] for side in sides)
        return float((1 / ranks_of(left, right, np.arange(len(left)))).mean())

    learner.even_out(sides[1])
    before = {exit: found(exit) for exit in (0, 1, 3)}
    told: list[tuple[int, float, float]] = []
    assert learner.fit(sides, keys, config, 60, lambda *event: told.append(event)) == 40
    assert all(found(exit) > before[exit] + 0.02 for exit in before), (before, {exit: found(exit) for exit in before})
    assert [step for step, _, _ in told] == list(range(5, 41, 5)) and told[-1][1] < told[0][1] and told[-1][2] == 0
    learned = learner.vectors(sides[1])
    start, unread = folder_weights.read_model(folder).table, np.setdiff1d(np.arange(100), learner.tokens)
    model = learner.folded()
    again = heads.Heads(model, choose("cpu"))  # with maps that do nothing: they are in the heads
    texts = [learner.tokens[sides[1].ids[row]] for row in range(8)]
    for exit, vectors in _encode(model, texts).items():
        np.testing.assert_allclose(vectors, learned[exit][:8], atol=0.03 if exit else 1e-3)
    assert len(unread) > 5 and torch.equal(model.table.table.weight[unread], start.table.weight[unread])
    assert not torch.equal(model.table.table.weight[learner.tokens], start.table.weight[learner.tokens])
    assert all(torch.equal(weight, torch.eye(model.config.dims)) for weight in again.maps.values())


def _encode(model: MultiExitEncoder, texts: list[np.ndarray]) -> dict[int, np.ndarray]:
    return finetune.data.encode_texts(model, texts, model.config.exits)


def test_it_ends_when_the_time_is_over_and_when_the_loss_is_no_number(
    folder: Path, config: Config, tmp_path: Path
) -> None:
    learner, sides, keys = learning(folder, config, tmp_path / "said.npz")
    assert learner.fit(sides, keys, config, 1e-9, lambda *_: None) == 0
    with torch.no_grad():
        learner.heads.table.table.weight.fill_(float("nan"))
    with pytest.raises(UserError, match="no longer a number"):
        learner.fit(sides, keys, config, 60, lambda *_: None)
