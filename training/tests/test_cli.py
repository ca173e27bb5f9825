"""`train` and its neighbours as they are called: stops, resuming, starts, and failures that are named."""

import errno
import gzip
import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from conftest import run, stop_at
from strata_train import cli, data, mentor, model, runs, train
from strata_train import config as configuration
from strata_train.config import ModelConfig
from strata_train.export import export_folder, read_manifest
from strata_train.model import MultiExitEncoder
from strata_train.text import TextEncoder

CONFIG = """
[model]
vocab_size = {vocabulary}
hidden_size = 32
layers = 3
heads = 4
intermediate_size = 64
max_positions = 256
dims = 32
exits = [0, 1, 3]
matryoshka = [8, 16, 32]
exit_block = 16
exit_gate = true
exit_residual = 0.5
top_residual = 0.25

[train]
batch_size = 16
group_size = 4
steps = 6
joint_every = 0
learning_rate = 0.0
upper_learning_rate = 0.0
table_epochs = 2
table_batch_size = 32
top_head_epochs = 1
held_out_share = 0.1
precision = "fp32"
"""
Command = Callable[..., tuple[int, list[dict]]]


@pytest.fixture
def command(
    tiny_config: ModelConfig,
    tokenizer_file: Path,
    text: TextEncoder,
    pairs_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """`train` and `prepare` on tiny data, a tiny model in the place of all-MiniLM-L6-v2."""

    def start(config: ModelConfig | None = None) -> MultiExitEncoder:
        torch.manual_seed(1)
        return MultiExitEncoder(config or tiny_config)

    monkeypatch.setattr(model, "from_minilm", start)
    monkeypatch.setattr(model, "start_folder", lambda: tokenizer_file.parent)
    (tmp_path / "c.toml").write_text(CONFIG.format(vocabulary=text.vocabulary_size))

    def call(name: str, *more: str | Path) -> tuple[int, list[dict]]:
        shared = ("--config", tmp_path / "c.toml", "--pairs", pairs_file, "--cache", tmp_path / "cache")
        own = ("--run", tmp_path / "run") if name == "train" else ()
        return run(capsys, name, *shared, "--device", "cpu", *own, *more)

    return call


@pytest.mark.parametrize(("function", "call"), [("turn_heads", 1), ("_table_step", 3), ("_step", 3)])
def test_a_stop_in_any_phase_is_continued(
    function: str, call: int, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_at(patch, train, function, call)
        status, events = command("train")
    assert (tmp_path / "run" / "checkpoint.pt").exists()
    assert "--resume" in events[-1]["message"] if status else events[-1]["finished"] is False
    status, events = command("train", "--resume")
    assert status == 0 and events[-1]["finished"] and events[-1]["step"] == 6, events[-1]
    assert all((shard / "teacher.npy").exists() for shard in data.shard_folders(tmp_path / "cache"))


def test_layers_go_on_after_a_phase_without_an_optimizer(command: Command) -> None:
    assert command("train")[0] == 0
    for phase in ("table", "layers"):
        status, events = command("train", "--resume", "--phase", phase)
        assert status == 0, events[-1]


def test_a_trained_table_keeps_its_token_weights(
    command: Command, tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = train.token_weights
    monkeypatch.setattr(train, "token_weights", lambda *given: asked.append(1) or real(*given))
    folder = tmp_path / "start"
    export_folder(tiny_model, text, folder, id="start", description="for tests", shared_space=True)
    _, events = command("train", "--start", folder, "--phase", "head")
    assert events[-1]["code"] == "trunk-other" and "--teacher" in events[-1]["message"]
    export_folder(model.from_minilm(), text, folder, id="start", description="for tests", shared_space=True)
    status, events = command("train", "--start", folder, "--phase", "head")
    assert status == 0, events[-1]
    assert command("train", "--resume", "--phase", "table")[0] == 0
    assert not asked
    assert command("train", "--run", tmp_path / "fresh")[0] == 0
    assert len(asked) == 1


def test_without_held_out_files_nothing_is_measured(command: Command, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(config.read_text().replace("held_out_share = 0.1", "held_out_share = 0.0"))
    status, events = command("train")
    assert status == 0 and not [event for event in events if event.get("phase") == "held-out"], events[-1]


def test_a_run_is_not_begun_over_another(command: Command) -> None:
    assert command("train", "--phase", "head")[0] == 0
    assert command("train")[1][-1]["code"] == "run-exists"


def test_prepare_computes_all_vectors_of_the_teacher(command: Command, tmp_path: Path) -> None:
    assert command("prepare")[0] == 0
    for folder in data.shard_folders(tmp_path / "cache"):
        shard = data.Shard.open(folder)
        assert len(shard.teacher()) == len(shard) and np.isfinite(shard.teacher()).all()


@pytest.mark.parametrize("from_folder", [False, True])
def test_a_checkpoint_takes_the_starts_place(
    from_folder: bool, command: Command, tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path
) -> None:
    settings = configuration.load(tmp_path / "c.toml")
    runs.Run(tmp_path / "other", settings).save("best.pt", tiny_model)
    teacher = ("--teacher", tmp_path / "other" / "best.pt")
    more: tuple[str | Path, ...] = ()
    folder = MultiExitEncoder(settings.model)
    if from_folder:
        export_folder(folder, text, tmp_path / "start", id="start", description="for tests", shared_space=True)
        more = ("--start", tmp_path / "start")
    assert command("prepare", *teacher)[0] == 0
    status, events = command("train", *teacher, *more, "--phase", "head")
    assert status == 0, events[-1]

    state = runs.read_checkpoint(tmp_path / "run" / "checkpoint.pt")
    student = MultiExitEncoder(settings.model)
    student.load_state_dict(state["model"])
    assert all(
        torch.equal(value, tiny_model.state_dict()[name])
        for name, value in student.state_dict().items()
        if name.startswith(("embeddings.", "layers."))
    )
    shard = data.Shard.open(data.shard_folders(tmp_path / "cache")[0])
    texts = [np.array(shard.text(row)) for row in range(20)]
    layers = MultiExitEncoder(replace(settings.model, top_residual=0.0, exit_residual=0.0))
    layers.load_state_dict(tiny_model.state_dict())
    vectors = data.encode_texts(layers, texts, (3,))[3]
    np.testing.assert_allclose(shard.teacher()[:20], vectors, atol=2e-3)
    layers.load_state_dict(student.state_dict())  # its cached vectors through the run's head are the student's own
    through = torch.nn.functional.normalize(torch.from_numpy(vectors) @ state["teacher_head"].T, dim=-1)
    torch.testing.assert_close(through.numpy(), data.encode_texts(layers, texts, (3,))[3], atol=1e-4, rtol=0)
    turned = state["teacher_head"]  # every head begins in the top's space and follows it from there
    first = folder.table.head.weight if from_folder else tiny_model.exits["3"].head.weight
    torch.testing.assert_close(student.table.head.weight, turned @ first, atol=1e-4, rtol=1e-3)

    assert command("train", "--resume")[1][-1]["code"] == "cache-mismatch"  # the cache is not the untouched start's
    _, events = command("train", "--resume", "--cache", tmp_path / "untouched")
    assert events[-1]["code"] == "teacher-mismatch"
    status, events = command("train", *teacher, "--resume")
    assert status == 0 and events[-1]["finished"], events[-1]


@pytest.mark.parametrize("source", ["other/checkpoint.pt", "folder"])
def test_the_table_alone_learns_from_a_finished_model(
    source: str, command: Command, tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path
) -> None:
    settings = configuration.load(tmp_path / "c.toml")
    runs.Run(tmp_path / "other", settings).save("checkpoint.pt", tiny_model)
    export_folder(tiny_model, text, tmp_path / "folder", id="folder", description="for tests", shared_space=True)
    whole = ("--start", tmp_path / source, "--teacher", tmp_path / source)
    status, events = command("train", *whole, "--phase", "table")
    assert status == 0, events[-1]
    begun = cli._model(tmp_path / source).state_dict()
    ended = runs.read_checkpoint(tmp_path / "run" / "checkpoint.pt")["model"]
    changed = {name for name in ended if not torch.equal(ended[name], begun[name])}
    assert changed == {"table.table.weight", "table.weight", "table.head.weight"}


def test_a_mentor_is_followed_from_texts_alone(
    command: Command, tiny_model: MultiExitEncoder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = configuration.load(tmp_path / "c.toml")
    runs.Run(tmp_path / "first", settings).save("checkpoint.pt", tiny_model)
    assert command("prepare", "--texts-only")[0] == 0
    assert command("prepare", "--texts-only", "--draw", "1", "--cache", tmp_path / "other")[0] == 0
    caches = [tmp_path / "cache", tmp_path / "other"]
    shards = [data.Shard.open(folder) for cache in caches for folder in data.shard_folders(cache)]
    assert not any(shard.has_teacher for shard in shards)
    chance = np.random.default_rng(0)
    for shard in shards:
        np.save(shard.folder / mentor.VECTORS, chance.normal(size=(len(shard), 8)).astype(np.float16))
    own = ("--config", tmp_path / "c.toml", "--cache", *caches, "--run", tmp_path / "followed", "--device", "cpu")
    begun = ("--start", tmp_path / "first" / "checkpoint.pt", "--minutes", "10")
    status, events = run(capsys, "follow", *own, *begun)
    assert status == 0 and events[-1]["finished"] and events[-1]["step"] == 6, events[-1]
    assert [event for event in events if event.get("phase") == "held-out"]
    assert run(capsys, "follow", *own, *begun)[1][-1]["code"] == "run-exists"
    longer = (*own, "--resume", "--minutes", "20")
    _, events = run(capsys, "follow", *longer, "--start", tmp_path / "followed" / "checkpoint.pt")
    assert events[-1]["code"] == "teacher-mismatch"
    status, events = run(capsys, "follow", *longer, "--start", tmp_path / "first" / "checkpoint.pt")
    assert status == 0 and events[-1]["step"] == 6, events[-1]
    wider = tmp_path / "c.toml"
    wider.write_text(wider.read_text().replace("intermediate_size = 64", "intermediate_size = 48"))
    _, events = run(capsys, "follow", *own[:-4], "--run", tmp_path / "third", "--device", "cpu", *begun)
    assert events[-1]["code"] == "shape-mismatch"


def test_a_teacher_of_another_shape_is_refused(command: Command, tiny_config: ModelConfig, tmp_path: Path) -> None:
    settings = configuration.load(tmp_path / "c.toml")
    other = replace(settings, model=replace(settings.model, intermediate_size=48))
    runs.Run(tmp_path / "other", other).save("best.pt", MultiExitEncoder(other.model))
    _, events = command("train", "--teacher", tmp_path / "other" / "best.pt")
    assert events[-1]["code"] == "shape-mismatch" and "intermediate_size" in events[-1]["message"]


def test_a_run_keeps_its_instructions(command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c.toml"
    config.write_text(config.read_text() + '[text]\nquery_instruction = "find "\ncode_instruction = "hash "\n')
    assert command("train", "--phase", "head")[0] == 0
    status, events = run(capsys, "export", "--run", tmp_path / "run", "--out", tmp_path / "made")
    assert status == 0, events[-1]
    assert read_manifest(tmp_path / "made")["instructions"] == {"query": "find ", "code": "hash "}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("evaluate", "--model", "no.pt", "--sets", "sets"), "checkpoint-missing"),
        (("evaluate", "--model", "bad.pt", "--sets", "sets"), "checkpoint-unreadable"),
        (("export", "--run", "no", "--out", "made"), "checkpoint-missing"),
        (("export", "--run", ".", "--out", "made", "--quality", "bad.pt"), "json-unreadable"),
        (("plot", "--log", "no.jsonl", "--out", "made.png"), "log-unreadable"),
        (("dedup", "a/x.jsonl", "b/x.jsonl", "--out", "made"), "same-name"),
        (("dedup", "a/x.jsonl", "--out", "a"), "out-is-input"),
        (("dedup", "list.jsonl", "--out", "made"), "bad-json"),
        (("dedup", "nameless.jsonl", "--out", "made"), "record-bad"),
        (("dedup", "torn.jsonl.gz", "--out", "made"), "file-unreadable"),
        (("dedup", "damaged.jsonl.gz", "--out", "made"), "file-unreadable"),
        (("dedup", "a/x.jsonl", "--out", "made", "--evaluation", "torn.jsonl.gz"), "hashes-unreadable"),
        (("dedup", "a/x.jsonl", "--out", "made", "--evaluation", "damaged.jsonl.gz"), "hashes-unreadable"),
        (("dedup", "a/x.jsonl", "--out", "made", "--evaluation", "listed.json.gz"), "hashes-unreadable"),
        (("add-written", "--pairs", "a", "--written", "torn.jsonl.gz", "--out", "made"), "written-unreadable"),
        (("add-written", "--pairs", "a", "--written", "damaged.jsonl.gz", "--out", "made"), "written-unreadable"),
        (("plot", "--log", "list.jsonl", "--out", "made.png"), "log-empty"),
        (("train-tokenizer", "list.jsonl", "--out", "made"), "bad-json"),
        (("evaluate", "--model", "other", "--sets", "sets"), "model-unreadable"),
        (("evaluate", "--model", "listed", "--sets", "sets"), "model-unreadable"),
        (("evaluate", "--model", "segments", "--sets", "sets"), "model-other"),
        (("renew", "--model", "other", "--out", "made", "--version", "1"), "model-unreadable"),
        (("export-segments", "--start", "other", "--out", "made"), "start-unreadable"),
        (("prepare", "--config", "no.toml", "--pairs", "a", "--cache", "made"), "config-missing"),
    ],
)
def test_files_that_are_missing_or_wrong_are_named(
    arguments: tuple[str, ...],
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.pt").write_text("this is no checkpoint")
    Path("list.jsonl").write_text("[1]\n")
    Path("nameless.jsonl").write_text('{"code": "int x;"}\n')
    packed = gzip.compress(b"".join(b'{"code": "%d", "doc": "x"}\n' % number for number in range(5000)))
    Path("torn.jsonl.gz").write_bytes(packed[:500])
    Path("damaged.jsonl.gz").write_bytes(packed[:500] + b"\xff" * 20 + packed[520:])
    Path("listed.json.gz").write_bytes(gzip.compress(b"[]"))
    whole = {"format": "segments-1", "exits": [], "tokenizer": {}, "instructions": {}, "dims": 4, "files": {}}
    for name, content in (("other", {"files": {}}), ("listed", []), ("segments", whole)):
        Path(name).mkdir()
        Path(name, "manifest.json").write_text(json.dumps(content))
    for name in ("a", "b"):
        Path(name).mkdir()
        Path(name, "x.jsonl").write_text('{"code": "int x;", "doc": "y"}\n')
    status, events = run(capsys, *arguments)
    assert status == 1 and events[-1]["code"] == code, events[-1]
    assert "Errno" not in events[-1]["message"]
    assert not list(tmp_path.glob("*/*.partial"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("fly",), "fly"),
        ((), "command"),
        (("prepare",), "--config"),
        (("train", "--minutes", "0"), "--minutes: 0"),
        (("plot", "--log", "l", "--out", "p", "--more"), "--more"),
    ],
)
def test_a_wrong_command_line_is_told_by_an_event(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, events = run(capsys, *arguments)
    assert status == 2 and events[-1]["code"] == "usage" and said in events[-1]["message"], events


def test_a_command_that_is_terminated_says_so(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(data, "build_shards", lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    status, events = command("prepare", "--texts-only")
    assert status == 130 and events[-1]["code"] == "interrupted"
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_told_whoever_writes(
    error: Exception, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(train.torch, "save", fails)
    monkeypatch.setattr(data.shutil, "disk_usage", lambda _: SimpleNamespace(free=4096))
    assert command("train")[1][-1]["code"] == "disk-full"


@pytest.mark.parametrize("name", ["teacher.npy", "ids.npy", "pairs.npy"])
def test_a_damaged_cache_is_named(name: str, command: Command, tmp_path: Path) -> None:
    assert command("prepare")[0] == 0
    file = data.shard_folders(tmp_path / "cache")[0] / name
    file.write_bytes(file.read_bytes()[:200])
    _, events = command("train")
    assert events[-1]["code"] == "cache-damaged" and name in events[-1]["message"], events[-1]


def test_what_cannot_be_continued_or_begun_with_is_named(
    command: Command, tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path
) -> None:
    assert command("train", "--resume")[1][-1]["code"] == "checkpoint-missing"
    export_folder(tiny_model, text, tmp_path / "start", id="start", description="for tests", shared_space=True)
    config = tmp_path / "c.toml"
    config.write_text(config.read_text().replace("exit_block = 16", "exit_block = 8"))
    assert command("train", "--start", tmp_path / "start")[1][-1]["code"] == "shape-mismatch"
