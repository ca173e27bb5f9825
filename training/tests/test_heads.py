"""The last step over what the layers say: which texts, what is kept of them, the formula, and that it learns."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from conftest import make_pairs, pairs_in_two_languages, run
from strata_train import folder_weights, heads, runs
from strata_train.config import Config, HeadsConfig, ModelConfig, TrainConfig, to_dict
from strata_train.data import stable_hash
from strata_train.dedup import EvaluationHashes
from strata_train.device import Device
from strata_train.events import UserError
from strata_train.export import export_folder
from strata_train.losses.contrastive import contrastive_loss
from strata_train.losses.relations import follow_scores
from strata_train.model import MultiExitEncoder, truncate
from strata_train.runtime import FolderEncoder

CPU = Device(torch.device("cpu"), bf16=False)


@pytest.fixture
def settings(tiny_config: ModelConfig) -> Config:
    return Config(
        model=replace(tiny_config, table_block=32, table_attention=16),
        train=TrainConfig(log_every=5),
        heads=HeadsConfig(steps=30, code_pairs=24, question_pairs=24, head_learning_rate=5e-3, warmup_steps=2),
    )


def said(folder: Path, settings: Config, files: list[Path], store: Path) -> tuple[list[heads.Said], FolderEncoder]:
    encoder = FolderEncoder(folder)
    code, asked = heads.draw(files, settings, 20, None)
    sides = [encoder.tokens(s, is_query=s is asked.left) for s in (code.left, code.right, asked.left, asked.right)]
    layers = heads.Layers(encoder, folder, CPU, rounded=True)
    return [heads.layers_say(layers, side, store) for side in sides], encoder


def test_code_in_two_languages_and_questions_are_drawn(files: list[Path], settings: Config) -> None:
    code, asked = heads.draw(files, settings, 20, None)
    assert len(code.keys) == 40 and len(asked.keys) == 40 + 20
    named = [pair["name"] in left for pair, left in zip(pairs_in_two_languages(40), code.left, strict=True)]
    assert 5 < sum(named) < 35
    assert all((pair["name"] in code.right[row]) == named[row] for row, pair in enumerate(pairs_in_two_languages(40)))
    assert heads.draw(files, settings, 20, None) == (code, asked)
    assert set(asked.right[:40]) & set(code.left) and set(asked.right[:40]) & set(code.right)


def test_what_is_evaluated_with_is_not_drawn(files: list[Path], settings: Config) -> None:
    pairs = pairs_in_two_languages(40)
    listed = EvaluationHashes.build([("set", pairs[4]["code_b"]), ("set", make_pairs(60)[7]["code"])])
    code, asked = heads.draw(files, settings, 1000, listed)
    whole = heads.draw(files, settings, 1000, None)
    # Near copies are left out as well, and what is left is what it was.
    assert len(code.keys) < 40 and set(code.left) < set(whole[0].left)
    key_of = lambda pair: stable_hash(*(pair[name] for name in ("source", "path", "name", "code"))) >> 1  # noqa: E731
    for pair, found in ((pairs[4], code), (pairs[4], asked), (make_pairs(60)[7], asked)):
        assert key_of(pair) in whole[0].keys + whole[1].keys and key_of(pair) not in found.keys


def test_pairs_in_one_language_alone_are_refused(files: list[Path], settings: Config) -> None:
    with pytest.raises(UserError, match="code_b"):
        heads.draw(files[1:], settings, 20, None)


def test_what_layers_say_is_kept_and_gives_the_folders_vectors(
    folder: Path, settings: Config, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "said.npz"
    sides, encoder = said(folder, settings, files, store)
    model = folder_weights.read_model(folder).eval()
    with torch.no_grad():
        found = heads.Heads(model, CPU)(sides[0])
    for exit, vectors in encoder.encode_all(sides[0].ids).items():
        np.testing.assert_allclose(found[exit].numpy(), vectors, atol=2e-3)
    monkeypatch.setattr(FolderEncoder, "encode_all", None)  # all is known
    again, encoder = said(folder, settings, files, store)
    assert all(torch.equal(again[3].layers[exit], sides[3].layers[exit]) for exit in (1, 3))
    encoder.manifest["files"]["exit0.bin"] = {}  # it has learned since
    heads.layers_say(heads.Layers(encoder, folder, CPU, rounded=True), sides[0].ids, store)
    encoder.manifest["files"] = {}  # another model's
    with pytest.raises(TypeError):
        heads.layers_say(heads.Layers(encoder, folder, CPU, rounded=True), sides[0].ids, store)


def test_layers_say_nearly_the_same_in_floats_and_each_kind_is_kept_apart(folder: Path, tmp_path: Path) -> None:
    folder_weights.renew(folder, tmp_path / "kept", "1.0.1", 8)
    folder = tmp_path / "kept"  # what is kept of vectors is no matter to what learns from them
    encoder, store = FolderEncoder(folder), tmp_path / "said.npz"
    texts = encoder.tokens([pair["code"] for pair in make_pairs(12)], is_query=False)
    kinds = [heads.Layers(encoder, folder, CPU, rounded=rounded) for rounded in (True, False)]
    rounded, floats = (heads.layers_say(layers, texts, store).layers for layers in kinds)
    for exit, said in rounded.items():
        assert 0.98 < float((said * floats[exit]).sum(dim=1).min()) and not torch.equal(said, floats[exit])


def test_maps_become_part_of_the_heads(folder: Path, settings: Config, files: list[Path], tmp_path: Path) -> None:
    sides, encoder = said(folder, settings, files, tmp_path / "said.npz")
    model = folder_weights.read_model(folder).eval()
    wrapped = heads.Heads(model, CPU)
    for weight in wrapped.maps.values():
        torch.nn.init.normal_(weight, std=0.2)
    with torch.no_grad():
        wanted = wrapped(sides[0])
    wrapped.fold(model)
    export_folder(model, encoder.text, tmp_path / "out", id="out", description="for tests", shared_space=True)
    for exit, vectors in FolderEncoder(tmp_path / "out").encode_all(sides[0].ids).items():
        np.testing.assert_allclose(vectors, wanted[exit].numpy(), atol=0.03)  # layers in batches of other sizes


def test_the_loss_is_the_sum_of_its_parts_as_written(settings: Config) -> None:
    unit = lambda rows: F.normalize(torch.randn(rows, 32), dim=1)  # noqa: E731
    side = lambda rows: {exit: unit(rows) for exit in (0, 1, 3)}  # noqa: E731
    code, asked, before = ((side(rows), side(rows)) for rows in (6, 7, 7))
    apart = torch.zeros(6, 6, dtype=torch.bool), torch.zeros(7, 7, dtype=torch.bool)
    parts = heads.losses(code, asked, before, apart, settings)
    for name, weight, (left, right) in (("code", 1.0, code), ("contrastive", 0.5, asked)):
        terms = []
        for x, y, own in [(left[e], right[e], True) for e in (0, 1, 3)] + [(left[3], right[e], False) for e in (0, 1)]:
            widths = [contrastive_loss(truncate(x, w), truncate(y, w), 20, own_side=own) for w in (8, 16, 32)]
            terms.append(sum(float(value) for value in widths) / 3)
        assert float(parts[name]) == pytest.approx(weight * sum(terms) / 5, rel=1e-5)
    kept = 0.0
    for exit in (0, 1, 3):
        q, d, q0, d0 = asked[0][exit], asked[1][exit], before[0][exit], before[1][exit]
        kept += float(follow_scores(q, d, 20 * q0 @ d0.T, 20))
        kept += float((1 - (q * q0).sum(1)).mean() + (1 - (d * d0).sum(1)).mean())
    assert float(parts["keep"]) == pytest.approx(kept / 3, rel=1e-5)


def ranks(found: dict[int, torch.Tensor], other: dict[int, torch.Tensor], exit: int) -> float:
    """Mean reciprocal rank of each text's other language among the code of both."""
    scores = found[exit] @ torch.cat([other[exit], found[exit]]).T
    scores[torch.arange(len(scores)), len(scores) + torch.arange(len(scores))] = -2
    place = (scores > scores.diagonal()[:, None]).sum(dim=1)
    return float((1 / (1 + place)).mean())


def test_the_command_finds_code_across_languages_better_and_keeps_questions(
    folder: Path, settings: Config, files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(to_dict(settings)))
    status, events = run(
        capsys, "heads", "--config", file, "--pairs", *files, "--limit", 20, "--run", tmp_path / "run",
        "--start", folder, "--threads", 1,
    )  # fmt: skip
    assert status == 0 and events[-1]["command"] == "heads", events[-1]
    logged = [event for event in events if event.get("phase") == "heads"]
    assert [event["step"] for event in logged] == [5, 10, 15, 20, 25, 30]
    assert logged[-1]["parts"]["code"] < logged[0]["parts"]["code"]
    (a, b, q, d), _ = said(folder, settings, files, tmp_path / "run" / "said.npz")
    start, trained = folder_weights.read_model(folder), MultiExitEncoder(settings.model)
    trained.load_state_dict(runs.read_checkpoint(tmp_path / "run" / runs.CHECKPOINT)["model"])
    same = {name for name, weight in trained.state_dict().items() if torch.equal(weight, start.state_dict()[name])}
    assert {name for name in same if "layers." in name} == {name for name in start.state_dict() if "layers." in name}
    parts = {"table.table.weight", "table.block.2.weight", "table.attention.1.weight"}
    assert (parts | {"exits.1.head.weight", "exits.3.head.weight"}).isdisjoint(same)
    with torch.no_grad():
        before = [heads.Heads(start, CPU)(side) for side in (a, b, q, d)]
        now = heads.Heads(start, CPU)
        now.table = trained.table
        for exit in ("1", "3"):
            now.maps[exit] = trained.exits[exit].head.weight @ torch.linalg.pinv(start.exits[exit].head.weight)
        after = [now(side) for side in (a, b, q, d)]
    status, events = run(
        capsys, "heads", "--config", file, "--pairs", *files, "--run", tmp_path / "run", "--start", folder
    )  # fmt: skip
    assert status != 0 and events[-1]["code"] == "run-exists"
    for exit in (0, 1, 3):
        assert ranks(after[0], after[1], exit) > ranks(before[0], before[1], exit)
        assert float((after[2][exit] * before[2][exit]).sum(1).mean()) > 0.8


def test_a_folder_of_another_shape_is_refused(
    folder: Path, settings: Config, files: list[Path], tmp_path: Path
) -> None:
    other = replace(settings, model=replace(settings.model, table_block=0))
    with pytest.raises(UserError, match="another shape"):
        heads.run_heads(folder, heads.draw(files, other, 5, None), runs.Run(tmp_path / "run", other), CPU, 1)
