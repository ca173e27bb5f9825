"""The path VS Code takes: pairs and a model folder in, a model folder and a verdict out; every failure is one event."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import make_pairs
from strata_train import cli, finetune, folder_weights
from strata_train.config import Config
from strata_train.export import export_folder, read_manifest
from strata_train.model import MultiExitEncoder
from strata_train.runtime import FolderEncoder
from strata_train.text import TextEncoder, pad


@pytest.fixture
def folder(tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path) -> Path:
    export_folder(tiny_model, text, tmp_path / "start", id="start", description="for tests", shared_space=True)
    return tmp_path / "start"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    real = finetune.settings_for

    def settings_for(model: MultiExitEncoder, pairs: int) -> Config:
        config = real(model, pairs)
        return replace(config, train=replace(config.train, steps=6, table_epochs=2, top_head_epochs=2, batch_size=16))

    monkeypatch.setattr(finetune, "settings_for", settings_for)


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, list[dict]]:
    """Exit status and events of one command."""
    capsys.readouterr()
    status = 0
    try:
        cli.main([str(argument) for argument in arguments])
    except SystemExit as stop:
        status = int(stop.code or 0)
    return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_weights_read_from_a_folder_compute_what_its_files_compute(folder: Path) -> None:
    model = folder_weights.read_model(folder).eval()
    encoder = FolderEncoder(folder)
    ids, mask = pad([[2, 9, 10, 11, 12, 3], [2, 30, 31, 3]])
    with torch.no_grad():
        outputs = model(ids, mask)
    vectors = encoder.encode(ids.numpy(), mask.numpy(), 3)
    for exit, output in outputs.items():
        cosines = (output.embedding.numpy() * vectors[exit]).sum(axis=1)
        assert cosines.min() > (0.99999 if exit == 0 else 0.99)


def test_writing_an_untrained_folder_again_changes_no_integer(folder: Path, text: TextEncoder, tmp_path: Path) -> None:
    model = folder_weights.read_model(folder)
    export_folder(model, text, tmp_path / "again", id="start", description="for tests", shared_space=True)
    first, second = (read_manifest(path)["files"] for path in (folder, tmp_path / "again"))
    assert first["exit0.bin"] == second["exit0.bin"]
    again = folder_weights.read_model(tmp_path / "again").state_dict()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(again[name], value, atol=1e-6, rtol=1e-5)


def test_finetuning_writes_a_folder_and_a_verdict(
    folder: Path, pairs_file: Path, tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    status, events = run(
        capsys,
        "finetune",
        "--pairs",
        pairs_file,
        "--start",
        folder,
        "--out",
        tmp_path / "tuned",
        "--minutes",
        "1",
        "--device",
        "cpu",
    )
    result = events[-1]
    assert status == 0 and result["event"] == "result", events[-1]
    assert isinstance(result["adopt"], bool) and result["reason"].endswith(".")
    assert set(result["before"]) == set(result["after"]) >= {"0", "1", "3", "3>0", "3>1"}
    assert read_manifest(tmp_path / "tuned")["id"] == "tuned"
    assert not (tmp_path / "tuned.work").exists()


def test_a_stopped_run_is_continued(
    folder: Path,
    pairs_file: Path,
    tmp_path: Path,
    quick: None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = ["finetune", "--pairs", pairs_file, "--start", folder, "--out", tmp_path / "tuned", "--device", "cpu"]
    real = finetune.train._step

    def stopping(*arguments: object) -> object:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGTERM)
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(finetune.train, "_step", stopping)
        status, events = run(capsys, *command)
    assert status == 130 and events[-1]["code"] == "interrupted"
    assert (tmp_path / "tuned.work" / "run" / "checkpoint.pt").exists() and not (tmp_path / "tuned").exists()
    status, events = run(capsys, *command, "--resume")
    assert status == 0 and events[-1]["event"] == "result"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "too-few-pairs"),
        ("".join(json.dumps(pair) + "\n" for pair in make_pairs(49)), "too-few-pairs"),
        ("{}\n", "pairs-bad"),
        ("".join(json.dumps({**pair, "path": "one.py"}) + "\n" for pair in make_pairs(80)), "too-few-files"),
    ],
)
def test_what_cannot_be_trained_on_ends_with_a_sentence(
    content: str, code: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(content, encoding="utf-8")
    status, events = run(capsys, "finetune", "--pairs", file, "--start", folder, "--out", tmp_path / "tuned")
    assert status != 0
    assert events[-1]["event"] == "error" and events[-1]["code"] == code
    assert events[-1]["message"].endswith(".") and not (tmp_path / "tuned").exists()


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (MemoryError(), "out-of-memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "out-of-memory"),
        (OSError(28, "No space left on device"), "disk-full"),
        (ZeroDivisionError("surprise"), "internal"),
    ],
)
def test_unforeseen_failures_are_events_too(
    failure: Exception,
    code: str,
    folder: Path,
    pairs_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(finetune.data, "add_teacher", fail)
    status, events = run(capsys, "finetune", "--pairs", pairs_file, "--start", folder, "--out", tmp_path / "tuned")
    assert status == 1 and events[-1]["code"] == code, events[-1]


def test_missing_pairs_and_models_are_named(
    folder: Path, pairs_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = tmp_path / "nowhere"
    _, events = run(capsys, "finetune", "--pairs", nowhere, "--start", folder, "--out", tmp_path / "tuned")
    assert events[-1]["code"] == "pairs-missing"
    _, events = run(capsys, "finetune", "--pairs", pairs_file, "--start", nowhere, "--out", tmp_path / "tuned")
    assert events[-1]["code"] == "model-unreadable"


@pytest.mark.parametrize(
    ("after", "adopt", "said"),
    [
        ({"score": 0.6, "0": 0.5, "6": 0.7}, True, "better"),
        ({"score": 0.5, "0": 0.4, "6": 0.6}, False, "not found better"),
        ({"score": 0.6, "0": 0.3, "6": 0.9}, False, "exit 0"),
    ],
)
def test_only_a_better_model_is_adopted(after: dict[str, float], adopt: bool, said: str) -> None:
    verdict, reason = finetune.verdict({"score": 0.5, "0": 0.4, "6": 0.6}, after, 100)
    assert verdict is adopt and said in reason and reason.endswith(".")


def test_held_out_questions_are_searched_among_all_code(text: TextEncoder, tiny_model: MultiExitEncoder) -> None:
    pairs = make_pairs(120)
    held_out = [pair for pair in pairs if finetune.data.is_held_out(pair, 0.2)]
    check = finetune.Check.of(pairs, held_out, text, finetune.settings_for(tiny_model, 120))
    assert len(check.queries) == len(held_out) and len(check.documents) == len(pairs)
    assert np.array_equal(check.relevant, np.arange(len(held_out)))
