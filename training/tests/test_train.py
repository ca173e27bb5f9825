"""The loop: gradient caching, resuming, cheap and joint steps, the table, data parallelism."""

import itertools
import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from conftest import killed_while_writing, make_pairs, stop_at, with_speaking_parts
from strata_train import config as configuration
from strata_train import data, evaluate, runs, train, turning
from strata_train.config import Config, ModelConfig, TrainConfig
from strata_train.device import Device, bf16_pays, choose
from strata_train.events import UserError
from strata_train.losses.contrastive import contrastive_loss
from strata_train.model import MultiExitEncoder
from strata_train.text import TextEncoder

CPU = Device(torch.device("cpu"), bf16=False)


@pytest.fixture
def settings(tiny_config: ModelConfig) -> Config:
    return Config(
        model=tiny_config,
        train=TrainConfig(
            batch_size=16, group_size=4, steps=12, joint_every=3, warmup_steps=2, log_every=4, table_epochs=3
        ),
    )


def losses(log: str) -> list[float]:
    events = [json.loads(line) for line in log.splitlines()]
    return [event["loss"] for event in events if event.get("phase") == "layers"]


def fresh(settings: Config) -> MultiExitEncoder:
    torch.manual_seed(5)
    return MultiExitEncoder(settings.model)


def test_gradient_caching_gives_the_gradients_of_one_big_batch(tiny_model: MultiExitEncoder) -> None:
    sides = [[np.array([2, *range(9 + i, 12 + 2 * i), 3]) for i in range(7)] for _ in range(2)]
    sides[1] = sides[1][::-1]

    def loss(encoded: list[train.Embeddings]) -> tuple[torch.Tensor, dict[str, float]]:
        queries, documents = encoded
        return sum((contrastive_loss(queries[e], documents[e], 10.0) for e in queries), torch.zeros(())), {}

    gradients = []
    for chunk in (0, 3):
        tiny_model.zero_grad()
        value, _ = train.cached_backward(tiny_model, sides, (0, 1, 3), loss, chunk, CPU)
        gradients.append([p.grad.clone() for p in tiny_model.parameters() if p.grad is not None])
    assert len(gradients[0]) == len(gradients[1]) > 20
    for whole, pieces in zip(*gradients, strict=True):
        torch.testing.assert_close(whole, pieces, atol=1e-5, rtol=1e-4)


def test_texts_are_encoded_in_pieces_of_like_length_and_come_back_in_order(
    tiny_model: MultiExitEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = np.random.default_rng(0).integers(3, 60, size=2 * train.PIECE + 5)
    texts = [np.array([2, *([9 + length % 40] * (length - 2)), 3]) for length in lengths]
    seen: list[int] = []
    real = tiny_model.embeddings.forward
    monkeypatch.setattr(tiny_model.embeddings, "forward", lambda ids: (seen.append(ids.numel()), real(ids))[1])
    together = train.encode(tiny_model, texts, (0, 1, 3), CPU)
    padded_together = len(texts) * int(lengths.max())
    assert len(seen) == 3 and sum(seen) < 0.9 * padded_together
    for exit, vectors in together.items():
        alone = torch.cat([train.encode(tiny_model, [text], (exit,), CPU)[exit] for text in texts])
        torch.testing.assert_close(vectors, alone, atol=1e-5, rtol=1e-4)


def test_gradient_caching_draws_a_chunks_dropout_once() -> None:
    """The star encoder has dropout: its cached gradients are those of the same chunks kept in memory."""
    from strata_train.modular_starencoder import ModularStarEncoder, ModularStarEncoderConfig

    sizes = {"hidden_size": 16, "intermediate_size": 32, "dims": 16, "dropout": 0.3}
    model = ModularStarEncoder(ModularStarEncoderConfig.small(64, **sizes)).train()
    sides = [[np.array([9 + i, 12 + 2 * i, 3]) for i in range(5)] for _ in range(2)]
    loss = lambda encoded: (contrastive_loss(encoded[0][6], encoded[1][6], 10.0), {})  # noqa: E731
    torch.manual_seed(0)
    value, _ = train.cached_backward(model, sides, (6,), loss, 2, CPU)
    cached = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    torch.manual_seed(0)
    whole: list[train.Embeddings] = []
    for seeds, side in zip([torch.randint(2**62, (3,)).tolist() for _ in sides], sides, strict=True):
        chunks = [train._encode_seeded(seeds[i // 2], model, side[i : i + 2], (6,), CPU)[6] for i in (0, 2, 4)]
        whole.append({6: torch.cat(chunks)})
    expected, _ = loss(whole)
    expected.backward()
    torch.testing.assert_close(value, expected.detach())
    for kept, again in zip(cached, [p.grad for p in model.parameters() if p.grad is not None], strict=True):
        torch.testing.assert_close(kept, again, atol=1e-6, rtol=1e-4)


def test_resuming_in_the_middle_continues_the_losses(
    settings: Config, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_for(folder: str, until: int, resume: bool = False) -> list[float]:
        run = runs.Run(tmp_path / folder, settings)
        model = fresh(settings)
        if resume:
            run.resume(model)
        real = train._step
        count = iter(range(1000))

        def watched(*arguments: object) -> object:
            if next(count) == until - 1:
                os.kill(os.getpid(), 15)  # what VS Code sends on cancel
            return real(*arguments)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(train, "_step", watched)
            finished = train.train_layers(model, run, cache, CPU)
        assert finished == (until > settings.train.steps)
        return losses(capsys.readouterr().out)

    object.__setattr__(settings.train, "log_every", 1)
    whole = run_for("whole", 1000)
    parts = run_for("parts", 5) + run_for("parts", 1000, resume=True)
    assert len(whole) == settings.train.steps
    assert parts == pytest.approx(whole, abs=1e-5)


def test_training_lowers_the_loss_and_frozen_parts_stay(
    settings: Config, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frozen = replace(
        settings.train,
        steps=40,
        joint_every=0,
        joint_tail=0.0,
        learning_rate=0.0,
        upper_learning_rate=0.0,
        head_learning_rate=1e-2,
        log_every=10,
    )
    settings = replace(settings, train=frozen)
    model = fresh(settings)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    train.train_layers(model, runs.Run(tmp_path / "run", settings), cache, CPU)
    curve = losses(capsys.readouterr().out)
    assert curve[-1] < curve[0]
    for name, value in model.state_dict().items():
        if name.startswith("exits.1."):
            continue
        torch.testing.assert_close(value, before[name])


def test_the_table_learns_from_cached_vectors_alone(
    settings: Config, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = replace(settings.train, table_epochs=12, table_batch_size=32, table_learning_rate=1e-2)
    settings = replace(settings, train=table)
    model = fresh(settings)
    assert train.train_table(model, runs.Run(tmp_path / "run", settings), cache, CPU)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    curve = [event["loss"] for event in events if event.get("phase") == "table"]
    assert len(curve) == 12 and curve[-1] < 0.9 * curve[0]


def test_a_stopped_pass_over_the_table_is_done_again_with_what_was_learned(
    settings: Config, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(settings, train=replace(settings.train, table_batch_size=16))
    first = runs.Run(tmp_path / "run", settings)
    with monkeypatch.context() as patch:
        stop_at(patch, train, "_table_step", 5)
        assert not train.train_table(fresh(settings), first, cache, CPU)
    again, model = runs.Run(tmp_path / "run", settings), fresh(settings)
    again.resume(model)
    assert (again.progress.table_epoch, again.progress.table_step) == (0, 5) and again.progress.table_seconds > 0
    learned = model.table.weight.detach().clone()
    steps: list[int] = []
    real = train.set_rates

    def watched(optimizer: torch.optim.Optimizer, step: int, *more: float) -> None:
        if not steps:
            torch.testing.assert_close(model.table.weight.detach(), learned)
            assert all(state["step"] == 5 for state in optimizer.state.values()) and len(optimizer.state) == 3
        steps.append(step)
        real(optimizer, step, *more)

    monkeypatch.setattr(train, "set_rates", watched)
    assert train.train_table(model, again, cache, CPU)
    assert steps[0] == 5 and again.progress.table_epoch == settings.train.table_epochs and again.progress.table_done


def test_a_short_run_is_warm_after_a_fifth_of_it_and_a_long_one_after_its_steps() -> None:
    optimizer = torch.optim.SGD([{"params": [torch.zeros(1, requires_grad=True)], "base_lr": 1.0}], lr=1.0)

    def rate(step: int, steps: int) -> float:
        train.set_rates(optimizer, step, step / steps, 20)
        return optimizer.param_groups[0]["lr"]

    assert rate(2, 10) == pytest.approx(0.8) and rate(1, 10) == pytest.approx(0.45)
    assert [rate(step, 100) for step in (0, 10, 19)] == pytest.approx([0.05, 0.9 * 11 / 20, 0.81])


def test_a_run_that_ends_while_it_is_taken_up_can_still_be_read(
    settings: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.Run(tmp_path / "run", settings)
    with killed_while_writing(monkeypatch):
        runs.Run(tmp_path / "run", settings)
    assert configuration.load(tmp_path / "run" / "config.json") == settings


def test_training_never_passes_over_shards_without_a_teacher(settings: Config, cache: Path, tmp_path: Path) -> None:
    (data.shard_folders(cache)[-1] / "teacher.npy").unlink()
    run = runs.Run(tmp_path / "run", settings, torch.eye(32))
    for phase in (train.train_top_head, train.train_table, train.train_layers):
        with pytest.raises(UserError, match="no teacher vectors"):
            phase(fresh(settings), run, cache, CPU)


def test_shards_without_a_single_batch_end_with_a_sentence(settings: Config, cache: Path, tmp_path: Path) -> None:
    for folder in data.shard_folders(cache):
        np.save(folder / "pairs.npy", np.load(folder / "pairs.npy")[:1])
    settings = replace(settings, train=replace(settings.train, top_head_epochs=1))
    run = runs.Run(tmp_path / "run", settings, torch.eye(32))
    for phase in (train.train_top_head, train.train_table, train.train_layers):
        with pytest.raises(UserError, match="two definitions"):
            phase(fresh(settings), run, cache, CPU)


@pytest.mark.parametrize(("patience", "steps"), [(0, 4), (9, 3)])
def test_measuring_counts_in_the_minutes(
    patience: int, steps: int, settings: Config, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(train.time, "monotonic", lambda: now[0])
    real = train._step
    monkeypatch.setattr(train, "_step", lambda *given: now.__setitem__(0, now[0] + 1) or real(*given))

    def evaluate(_: MultiExitEncoder) -> dict[str, float]:
        now[0] += 100
        return {"score": 0.5}

    settings = replace(settings, train=replace(settings.train, evaluate_minutes=0.01, patience=patience))
    run = runs.Run(tmp_path / "run", settings)
    train.train_layers(fresh(settings), run, cache, CPU, minutes=4, evaluate=evaluate)
    assert run.progress.step == steps  # three measurements of 100 seconds are more than four minutes, the first too
    assert now[0] == steps + 400  # and the last weights are measured once


def patient(settings: Config, folder: Path, scores: list[float]) -> tuple[runs.Run, train.Evaluate, list[dict]]:
    """A run that measures after every step, what it then finds, and the weights it had each time."""
    settings = replace(settings, train=replace(settings.train, evaluate_minutes=0.0, patience=2))
    seen: list[dict] = []

    def evaluate(model: MultiExitEncoder) -> dict[str, float]:
        seen.append({name: weight.clone() for name, weight in model.state_dict().items()})
        return {"score": scores[len(seen) - 1]}

    return runs.Run(folder, settings), evaluate, seen


@pytest.mark.parametrize(
    ("scores", "best", "steps"),
    [
        ([0.2, 0.3, 0.4, 0.3, 0.4], 2, 4),  # no rise twice
        ([0.2, 0.1, 0.1], 0, 2),  # training did nothing but harm
        ([0.1 + step / 100 for step in range(13)], 12, 12),  # the last measurement is the best
    ],
)
def test_with_patience_a_run_stops_early_and_ends_with_the_best_weights(
    scores: list[float], best: int, steps: int, settings: Config, cache: Path, tmp_path: Path
) -> None:
    run, evaluate, seen = patient(settings, tmp_path / "run", scores)
    model = fresh(settings)
    assert train.train_layers(model, run, cache, CPU, evaluate=evaluate)
    assert run.progress.step == steps and len(seen) == len(scores)
    state = runs.read_checkpoint(tmp_path / "run" / "checkpoint.pt")
    for weights in (state["model"], model.state_dict()):
        assert all(torch.equal(weights[name], weight) for name, weight in seen[best].items())
    assert not state["optimizers"] and not (tmp_path / "run" / "best.pt").exists()


def test_a_patient_run_that_was_stopped_still_knows_its_best_weights(
    settings: Config, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, evaluate, seen = patient(settings, tmp_path / "run", [0.2, 0.5, 0.4, 0.3, 0.2])
    with monkeypatch.context() as patch:
        stop_at(patch, train, "_step", 2)
        assert not train.train_layers(fresh(settings), run, cache, CPU, evaluate=evaluate)
    assert len(seen) == 3  # a stop does not wait for another measurement
    again, _, _ = patient(settings, tmp_path / "run", [])
    model = fresh(settings)
    again.resume(model)
    assert train.train_layers(model, again, cache, CPU, evaluate=evaluate)
    assert again.progress.step == 3
    assert all(torch.equal(model.state_dict()[name], weight) for name, weight in seen[1].items())


def test_without_patience_the_last_weights_are_kept_and_no_second_file(
    settings: Config, cache: Path, tmp_path: Path
) -> None:
    run, model = runs.Run(tmp_path / "run", settings), fresh(settings)
    scores = iter([0.9, 0.1])
    assert train.train_layers(model, run, cache, CPU, evaluate=lambda _: {"score": next(scores)})
    state = runs.read_checkpoint(tmp_path / "run" / "checkpoint.pt")
    assert all(torch.equal(model.state_dict()[name], weight) for name, weight in state["model"].items())
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["checkpoint.pt", "config.json"]


@pytest.mark.parametrize("parts", [False, True])
def test_packed_table_encoding_equals_the_padded_one(tiny_model: MultiExitEncoder, parts: bool) -> None:
    from strata_train.text import pad

    if parts:
        tiny_model = with_speaking_parts(tiny_model)
    texts = [np.array([2, 9, 10, 3]), np.array([2, 30, 3]), np.array([2, 9, 9, 31, 32, 3])]
    assert tiny_model.table is not None
    padded = tiny_model(*pad(texts), exits=(0,))[0].embedding
    torch.testing.assert_close(train.bag(tiny_model.table, texts, CPU), padded, atol=1e-6, rtol=1e-5)


def test_a_pass_over_the_table_leaves_its_parts_as_they_are(
    settings: Config, cache: Path, tmp_path: Path, tiny_model: MultiExitEncoder
) -> None:
    model = with_speaking_parts(tiny_model)
    assert model.table is not None
    settings = replace(settings, model=model.config, train=replace(settings.train, table_epochs=1))
    before = {name: weight.clone() for name, weight in model.table.state_dict().items()}
    assert train.train_table(model, runs.Run(tmp_path / "run", settings), cache, CPU)
    same = {name for name, weight in model.table.state_dict().items() if torch.equal(weight, before[name])}
    assert same == {"block.0.weight", "block.2.weight", "attention.0.weight", "attention.1.weight"}


def test_the_teacher_of_the_layers_is_the_top_with_its_share_of_the_table(
    cache: Path, tiny_model: MultiExitEncoder, settings: Config
) -> None:
    shard = data.Shard.open(data.shard_folders(cache)[0])
    batch = next(data.batches(shard, 8, 4, np.random.default_rng(0)))
    whole, _ = train._teacher(batch, None, settings, CPU, tiny_model.table)
    layers_alone, _ = train._teacher(batch, None, settings, CPU)
    with torch.no_grad():
        top = train.encode(tiny_model, batch.document_ids, (3,), CPU)[3]
    torch.testing.assert_close(whole.documents, top, atol=2e-3, rtol=0)  # the cache is float16
    assert (layers_alone.documents - top).abs().max() > 0.01


def test_turning_the_heads_keeps_cosines_and_orders_directions(tiny_model: MultiExitEncoder) -> None:
    texts = [np.array([2, *range(9, 11 + i), 3]) for i in range(20)]
    before = data.encode_texts(tiny_model, texts, (1, 3))
    axes = torch.from_numpy(turning.principal_axes(before[3]))
    torch.testing.assert_close(axes @ axes.T, torch.eye(32), atol=1e-5, rtol=0)
    turning.turn_heads(tiny_model, axes)
    after = data.encode_texts(tiny_model, texts, (1, 3))
    for exit in (1, 3):
        np.testing.assert_allclose(before[exit] @ before[exit].T, after[exit] @ after[exit].T, atol=1e-5)
    energy = (after[3] ** 2).sum(axis=0)
    assert energy[:8].sum() > energy[8:16].sum() > energy[16:].sum()


def test_heads_without_languages_no_longer_tell_them_apart(tmp_path: Path, tiny_model: MultiExitEncoder) -> None:
    chance = np.random.default_rng(5)
    meaning = chance.normal(size=(100, 32))
    accents = chance.normal(size=(3, 32)) * 2
    spoken = np.concatenate([meaning + accent for accent in accents]).astype(np.float32)
    vectors = np.concatenate([spoken, meaning.astype(np.float32)])  # questions are in no language
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.save(tmp_path / "teacher.npy", vectors)
    nothing = np.zeros(0, np.int32)
    languages = np.array(["go"] * 100 + ["php"] * 100 + ["rust"] * 100 + [""] * 100)
    shard = data.Shard(tmp_path, nothing, np.zeros(401, np.int64), nothing.reshape(0, 4), languages)

    def twin_found(change: torch.Tensor) -> float:
        turned = torch.nn.functional.normalize(torch.from_numpy(vectors) @ change.T, dim=1).numpy()
        return evaluate.recall_at(turned[:100], turned[100:200], np.arange(100), 1)

    whole, change = torch.eye(32), turning.without_languages([shard], torch.eye(32), 2)
    assert int(torch.linalg.matrix_rank(change)) == 30
    assert twin_found(whole) < 0.8 < 0.95 < twin_found(change)
    energy = ((torch.from_numpy(vectors) @ change.T) ** 2).sum(dim=0)
    assert energy[:8].sum() > energy[8:16].sum() > energy[16:].sum()
    # Where all code is in one language there is nothing to leave out.
    alone = data.Shard(tmp_path, nothing, shard.offsets, shard.pairs, np.array(["go"] * 400))
    assert int(torch.linalg.matrix_rank(turning.without_languages([alone], whole, 2))) == 32


def test_prefixes_come_to_rank_as_whole_vectors_do(settings: Config, tmp_path: Path) -> None:
    """Questions differ most in how they are asked, which is in directions where code is all the same."""
    chance = np.random.default_rng(5)
    meaning = chance.normal(size=(128, 24))
    heard = meaning + 0.3 * chance.normal(size=(128, 24))
    questions = np.concatenate([3 * chance.normal(size=(128, 8)), heard], axis=1)
    documents = np.concatenate([0.3 * np.ones((128, 8)), meaning], axis=1)
    vectors = np.concatenate([questions, documents]).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.save(tmp_path / "teacher.npy", vectors)
    numbers = np.arange(128)
    pairs = np.stack([numbers, numbers + 128, numbers // 4, numbers], axis=1).astype(np.int32)
    ids, offsets = np.arange(256, dtype=np.int32), np.arange(257)
    shard = data.Shard(tmp_path, ids, offsets, pairs, np.array([""] * 256))

    settings = replace(settings, train=replace(settings.train, prefix_epochs=30, prefix_learning_rate=0.02))
    head = torch.from_numpy(turning.principal_axes(vectors))
    turn = train.prefix_axes([shard], head, runs.Run(tmp_path / "run", settings), tmp_path, CPU)
    torch.testing.assert_close(turn @ turn.T, torch.eye(32), atol=1e-4, rtol=0)

    def found(axes: torch.Tensor, width: int) -> float:
        turned = evaluate.shorten(vectors @ axes.numpy().T, width)
        return evaluate.recall_at(turned[:128], turned[128:], numbers, 1)

    assert found(turn @ head, 8) > found(head, 8) + 0.2
    assert found(turn @ head, 32) == found(head, 32)


def test_torchrun_processes_end_with_equal_weights(tmp_path: Path) -> None:
    """Two gloo processes, each with its own shards: averaged gradients keep the copies equal."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = Path(__file__).parent / "two_processes.py"
    workers = [
        subprocess.Popen(
            [sys.executable, str(script), str(tmp_path)],
            env={
                **os.environ,
                "RANK": str(rank),
                "WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            stdout=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    for worker in workers:
        output, _ = worker.communicate(timeout=120)
        assert worker.returncode == 0, output.decode()
    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2))
    assert first["seen"] != second["seen"]
    for name, value in first["model"].items():
        torch.testing.assert_close(value, second["model"][name])


def test_every_process_goes_on_with_its_own_batches(
    settings: Config, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint is the first process's, whose shards have other lengths than those of the rest."""

    def batches(rank: int, progress: runs.Progress, count: int) -> list[list[bytes]]:
        monkeypatch.setattr(train, "rank_and_world", lambda: (rank, 2))
        taken = itertools.islice(train.stream(cache, settings, progress), count)
        return [[text.tobytes() for text in batch.document_ids] for batch in taken]

    for steps in (3, 20):
        saved = runs.Progress()
        first = batches(0, saved, steps)
        saved.step = steps
        whole = [batches(rank, runs.Progress(), steps + 4) for rank in (0, 1)]
        assert first == whole[0][:steps] != whole[1][:steps]
        for rank in (0, 1):
            assert batches(rank, replace(saved), 4) == whole[rank][steps:]


def test_devices_that_are_not_there_are_refused() -> None:
    assert choose("cpu").device.type == "cpu"
    with pytest.raises(UserError, match="no device called"):
        choose("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="CUDA"):
            choose("cuda")


def test_emulated_bf16_does_not_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda _: True)  # as PyTorch finds on a T4
    for generation, pays in ((7, False), (8, True)):
        card = SimpleNamespace(major=generation)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _, card=card: card)
        assert bf16_pays("cuda") == pays


@pytest.mark.parametrize("content", ["[train]\nstepps = 3\n", "[trian]\nsteps = 3\n"])
def test_misspelt_settings_are_errors(tmp_path: Path, content: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(content)
    with pytest.raises(UserError, match="unknown"):
        configuration.load(file)


@pytest.mark.parametrize(
    "content", ["[train\n", "[train]\nsteps = true\n", '[train]\nprecision = "fp8"\n', "[model]\nexits = [0, 2]\n"]
)
def test_settings_that_make_no_sense_are_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(content)
    with pytest.raises(UserError, match="config.toml"):
        configuration.load(file)
    with pytest.raises(UserError, match="nowhere.toml"):
        configuration.load(tmp_path / "nowhere.toml")


def test_full_precision_is_measured_in_too(
    text: TextEncoder, tiny_config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "bf16_pays", lambda _: True)
    seen: list[bool] = []
    monkeypatch.setattr(
        evaluate.data,
        "encode_texts",
        lambda model, texts, exits, autocast: seen.append(autocast) or {e: np.eye(len(texts), 32) for e in exits},
    )
    for precision in ("bf16", "fp32"):
        held_out = evaluate.HeldOut.of(make_pairs(4), text, Config(train=TrainConfig(precision=precision)))
        held_out.figures(MultiExitEncoder(tiny_config))
    assert seen == [True, True, False, False]


@pytest.mark.parametrize("name", ["small", "tiny"])
def test_shipped_configurations_load(name: str) -> None:
    assert shipped(name).model.exits[-1] > 0


def test_each_step_of_the_recipe_goes_on_from_what_the_one_before_left() -> None:
    assert shipped("follow").model == shipped("heads").model == shipped("table").model


def shipped(name: str) -> Config:
    return configuration.load(Path(__file__).parents[1] / "configs" / f"{name}.toml")


def test_pairs_of_the_fixture_are_the_same_each_time() -> None:
    assert make_pairs(5) == make_pairs(5)
