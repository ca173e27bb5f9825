"""Exit 0 alone: on which texts it follows the top, that nothing else moves, and that it finds and follows better."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from conftest import make_pairs, run
from strata_train import folder_weights, heads, instant, runs, views
from strata_train.config import Config, InstantConfig, ModelConfig, TrainConfig, to_dict
from strata_train.dedup import EvaluationHashes
from strata_train.losses.contrastive import told_apart
from strata_train.losses.distillation import vector_distillation
from strata_train.losses.relations import follow_relations
from strata_train.model import MultiExitEncoder
from strata_train.runtime import FolderEncoder
from test_heads import CPU, ranks


@pytest.fixture
def settings(tiny_config: ModelConfig) -> Config:
    return Config(
        model=replace(tiny_config, table_block=32, table_attention=16),
        train=TrainConfig(log_every=5),
        instant=InstantConfig(
            steps=40, code_pairs=24, question_pairs=24, texts=24, table_learning_rate=5e-3, warmup_steps=2
        ),
    )


def test_texts_of_every_kind_are_drawn_and_the_same_again(files: list[Path], settings: Config) -> None:
    code, _ = heads.draw(files, settings, 20, None)
    alone = instant.draw(files, code, settings, 30, None)
    assert alone == instant.draw(files, code, settings, 30, None)
    assert [len(side) for side in alone.renamed] == [40, 40]
    assert len(alone.pieces) == 40 + 30 and len(alone.questions) <= 30 == len(alone.documents)
    other = [now != then for now, then in zip(alone.renamed[0], code.left, strict=True)]
    assert sum(other) > 20
    for now, then in zip(alone.renamed[0], code.left, strict=True):
        assert views.identifiers(now).total() == views.identifiers(then).total(), (
            "no word of the language became a name"
        )
    for row, (outer, (language, _)) in enumerate(zip(alone.enclosed[0], code.languages, strict=True)):
        inner = (code.left, alone.renamed[0])[row % 2][row]
        assert inner in outer and (outer != inner) == (language in views.ENCLOSURES)


def test_what_is_evaluated_with_is_not_followed_either(files: list[Path], settings: Config) -> None:
    code, _ = heads.draw(files, settings, 20, None)
    listed = EvaluationHashes.build([("set", make_pairs(60)[7]["code"])])
    whole, left = (instant.draw(files, code, settings, 100, excluded) for excluded in (None, listed))
    assert len(left.documents) < len(whole.documents) == 60


def test_a_piece_is_lines_that_lie_together() -> None:
    code = "\n".join(f"line {number}" for number in range(20))
    for seed in range(50):
        piece = views.piece(code, random.Random(seed), 0.3, 0.8)
        assert piece in code and 6 <= len(piece.splitlines()) <= 16
    assert views.piece("one\ntwo\nthree", random.Random(1), 0, 0).count("\n") == 1
    assert views.piece("alone", random.Random(1), 0.3, 0.8) == "alone"


@pytest.mark.parametrize("language", [*views.ENCLOSURES, "bash"])
def test_code_stands_in_what_its_language_makes_it_stand_in(language: str) -> None:
    drawn = {views.enclosed("CODE", language, random.Random(seed), ["parseDate", "x_1"]) for seed in range(200)}
    assert all("CODE" in text and "NAME" not in text and text.strip() == text for text in drawn)
    assert drawn == {"CODE"} if language == "bash" else "CODE" not in drawn
    named = {text for text in drawn if re.search(r"\b(class|module|namespace|object|struct) ", text)}
    assert any("ParseDate" in text for text in named) == any("Main" in text for text in named) == bool(named)
    assert all(text.count("{") == text.count("}") and text.count("(") == text.count(")") for text in drawn)


def test_the_loss_is_the_sum_of_its_parts_as_written(settings: Config) -> None:
    torch.manual_seed(1)
    unit = lambda rows: F.normalize(torch.randn(rows, 32), dim=1).requires_grad_()  # noqa: E731
    code, asked = (instant.Sides((unit(rows), unit(rows)), (unit(rows), unit(rows))) for rows in (6, 7))
    alone, none = (unit(5), unit(5)), lambda rows: torch.zeros(rows, rows, dtype=torch.bool)
    config = replace(settings, instant=InstantConfig(code=2.0, contrastive=3.0, keep=5.0, follow=7.0, cross_exit=0.25))
    parts = instant.losses(code, asked, alone, (none(6), none(7)), config)

    scale, widths = config.loss.logit_scale, config.model.matryoshka
    found = [
        told_apart(sides.now, scale, none(rows), widths, own_side=True).item()
        + 0.25 * told_apart((sides.top[0], sides.now[1]), scale, none(rows), widths).item()
        for sides, rows in ((code, 6), (asked, 7))
    ]
    assert parts["code"].item() == pytest.approx(2 * found[0]) and parts["contrastive"].item() == pytest.approx(
        3 * found[1]
    )

    def divergence(wanted: torch.Tensor, own: torch.Tensor) -> float:
        """KL of the rows, in batch mean."""
        wanted, own = wanted.double().softmax(1), own.double().softmax(1)
        return (wanted * (wanted.log() - own.log())).sum(1).mean().item()

    (q, d), (q_top, d_top) = asked.now, asked.top
    both = lambda wanted, own: (divergence(wanted, own) + divergence(wanted.T, own.T)) / 2  # noqa: E731
    kept = both(scale * q_top @ d_top.T, scale * q @ d.T) + 0.25 * both(scale * q_top @ d_top.T, scale * q_top @ d.T)
    far = sum(1 - (now * then).sum(1).mean().item() for now, then in zip(asked.now, asked.top, strict=True))
    assert parts["keep"].item() == pytest.approx(5 * (kept + far), rel=1e-4)

    itself = torch.eye(5, dtype=torch.bool)
    own, wanted = ((scale * part @ part.T).masked_fill(itself, -1e4) for part in alone)
    followed = F.kl_div(own.log_softmax(1), wanted.log_softmax(1), log_target=True, reduction="batchmean").item()
    assert parts["follow"].item() == pytest.approx(
        7 * (followed + 1 - (alone[0] * alone[1]).sum(1).mean().item()), rel=1e-4
    )

    sum(parts.values()).backward()
    assert all(sides.now[side].grad is not None for sides in (code, asked) for side in (0, 1))
    assert asked.top[1].grad is None and alone[1].grad is None, "the top teaches and does not learn"


@pytest.mark.parametrize("wish", ["find", "follow"])
def test_the_command_trains_exit_0_alone(
    wish: str, folder: Path, settings: Config, files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.json"
    # An untrained top tells no code from other code, so a table cannot do both here.
    weights = {"follow": 0.5} if wish == "find" else {"code": 0.0, "contrastive": 0.0, "keep": 0.0}
    file.write_text(json.dumps(to_dict(replace(settings, instant=replace(settings.instant, **weights)))))
    status, events = run(
        capsys, "instant", "--config", file, "--pairs", *files, "--limit", 20, "--texts", 30,
        "--run", tmp_path / "run", "--start", folder, "--threads", 1,
    )  # fmt: skip
    assert status == 0 and events[-1]["command"] == "instant", events[-1]
    drawn = next(event for event in events if event.get("phase") == "texts")
    assert {"code": 40, "questions": 60, "pieces": 70, "documents": 30}.items() <= drawn.items()
    logged = [event["parts"] for event in events if event.get("phase") == "instant"]
    assert len(logged) == 8 and set(logged[0]) == {"code", "contrastive", "keep", "follow"}
    part = "code" if wish == "find" else "follow"
    assert sum(parts[part] for parts in logged[-4:]) < sum(parts[part] for parts in logged[:4])  # kinds take turns

    start, trained = folder_weights.read_model(folder), MultiExitEncoder(settings.model)
    trained.load_state_dict(runs.read_checkpoint(tmp_path / "run" / runs.CHECKPOINT)["model"])
    same = {name for name, weight in trained.state_dict().items() if torch.equal(weight, start.state_dict()[name])}
    moved = set(start.state_dict()) - same
    assert {"table.table.weight", "table.block.2.weight", "table.attention.1.weight"} <= moved
    assert all(name.startswith(("table.table", "table.block", "table.attention")) for name in moved)

    encoder = FolderEncoder(folder)
    code, asked = heads.draw(files, settings, 20, None)
    unseen = heads.draw(files, replace(settings, train=replace(settings.train, seed=8)), 20, None)[0]
    layers = heads.Layers(encoder, folder, CPU, rounded=True)
    sides = [(code.left, False), (code.right, False), (unseen.left, False), (asked.left, True)]
    texts = [encoder.tokens(side, is_query=is_query) for side, is_query in sides]
    read = [heads.layers_say(layers, side, tmp_path / "run" / "said.npz") for side in texts]
    with torch.no_grad():
        model = heads.Heads(start, CPU)
        top = [model(side)[3] for side in read]
        before = [model(side) for side in read]
        model.table = trained.table
        after = [model(side) for side in read]
    if wish == "find":
        assert ranks(after[0], after[1], 0) > ranks(before[0], before[1], 0)
        return
    far = lambda said, wanted: follow_relations(said[0], wanted, 20) + vector_distillation(said[0], wanted)  # noqa: E731
    for then, now, wanted in zip(before[2:], after[2:], top[2:], strict=True):  # code as it was not drawn, questions
        assert float(far(now, wanted)) < float(far(then, wanted))
