"""Training the mentor itself: its loss, that its scores come nearer to the target and the pairs, and its folder."""

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from conftest import run, teach
from strata_train import cli, data, mentor, tune_mentor
from strata_train.config import Config, MentorConfig, ModelConfig, TrainConfig
from strata_train.device import Device
from strata_train.events import UserError
from strata_train.losses.contrastive import contrastive_loss
from strata_train.losses.relations import follow_relations, follow_scores
from strata_train.model import MultiExitEncoder

CPU = Device(torch.device("cpu"), bf16=False)
TEXTS = [np.array([7, 9, 11]), np.array([8, 10])]


@pytest.fixture
def settings(tiny_config: ModelConfig) -> Config:
    small = MentorConfig(
        tune_batch_size=16, tokens_at_once=256, tune_learning_rate=2e-3, tune_warmup_steps=2, language_directions=0
    )
    return Config(model=tiny_config, train=TrainConfig(group_size=4, log_every=1), mentor=small)


class Words(torch.nn.Module):
    """An encoder as `transformers` gives it: its state of a token is the token's row, turned."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.rows, self.turn = torch.nn.Embedding(words, 48), torch.nn.Linear(48, 48)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(last_hidden_state=self.turn(self.rows(input_ids)))

    def save_pretrained(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        torch.save(self.state_dict(), folder / "pytorch_model.bin")


@pytest.fixture
def teacher(tokenizer_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> mentor.Mentor:
    """A tiny mentor that has the start's words, read through a stand-in for `transformers`."""
    ours = Tokenizer.from_file(str(tokenizer_file))
    words = ours.get_vocab()
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("cls", "sep", "pad", "unk")}
    theirs = SimpleNamespace(
        **special,
        pad_token_id=words["[PAD]"],
        get_vocab=lambda: words,
        save_pretrained=lambda folder: (folder / "tokenizer.json").write_text("{}"),
    )

    def read(folder: Path, **_: object) -> Words:
        model = Words(max(words.values()) + 1)
        model.load_state_dict(torch.load(folder / "pytorch_model.bin"))
        return model

    stand_in = SimpleNamespace(
        AutoModel=SimpleNamespace(from_pretrained=read),
        AutoTokenizer=SimpleNamespace(from_pretrained=lambda *_, **__: theirs),
    )
    monkeypatch.setitem(sys.modules, "transformers", stand_in)
    Words(max(words.values()) + 1).save_pretrained(tmp_path / "mentor")
    return mentor.Mentor(tmp_path / "mentor", ours, CPU, half=False)


@pytest.fixture
def taught(cache: Path, teacher: mentor.Mentor) -> Path:
    """The cache with vectors that find texts alike by their words, as if they were the teacher's."""
    return teach(cache, 48, teacher.id)


@pytest.fixture
def tune(
    taught: Path, settings: Config, teacher: mentor.Mentor, tiny_model: MultiExitEncoder, tmp_path: Path
) -> Callable[..., bool]:
    """Tunes the teacher for a minute."""
    out = tmp_path / "tuned"
    return lambda settings=settings: tune_mentor.tune(teacher, tiny_model, [taught], out, settings, CPU, minutes=1)


@pytest.mark.parametrize("own_side", [False, True])
def test_the_loss_is_its_formula(own_side: bool, settings: Config) -> None:
    settings = replace(settings, mentor=replace(settings.mentor, own_side=own_side))
    q, d, t, u = (F.normalize(torch.randn(6, width), dim=-1) for width in (48, 48, 80, 80))
    c, scale = settings.mentor, settings.loss.logit_scale
    parts = tune_mentor.tune_loss(q, d, (t, u), torch.zeros(6, 6, dtype=torch.bool), settings)
    assert {name: float(part) for name, part in parts.items()} == pytest.approx(
        {
            "scores": float(follow_scores(q, d, scale * t @ u.T, scale)),
            "relations": float(c.relations * (follow_relations(q, t, scale) + follow_relations(d, u, scale)) / 2),
            "contrastive": float(c.tune_contrastive * contrastive_loss(q, d, scale, own_side=own_side)),
        },
        rel=1e-5,
    )


def test_texts_in_pieces_have_the_vectors_that_the_mentor_gives_them(
    cache: Path, settings: Config, teacher: mentor.Mentor
) -> None:
    shard = data.Shard.open(data.shard_folders(cache)[0])
    lesson = mentor.Lesson.of(shard, torch.zeros(len(shard), 4), CPU)
    texts = np.array([5, 0, len(shard) - 1, 3])
    small = replace(settings, mentor=replace(settings.mentor, tokens_at_once=40))
    with torch.no_grad():
        vectors = tune_mentor.encode(teacher, torch.from_numpy(teacher.ids), lesson, texts, small)
    alone = np.concatenate([teacher.encode([np.asarray(shard.text(text))]) for text in texts])
    np.testing.assert_allclose(vectors.numpy(), alone, atol=1e-5)


def test_a_tuned_mentor_scores_nearer_to_its_target_and_finds_more_of_the_pairs(
    tune: Callable[..., bool],
    tmp_path: Path,
    tokenizer_file: Path,
    settings: Config,
    teacher: mentor.Mentor,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, untuned = teacher.id, teacher.encode(TEXTS)
    clock = iter(range(10**6))  # a step and its line take a second
    monkeypatch.setattr(tune_mentor.time, "monotonic", lambda: next(clock) / 2)
    shares: list[float] = []
    read_lessons = mentor.read_lessons
    monkeypatch.setattr(
        tune_mentor, "read_lessons", lambda *a, **k: (shares.append(a[2].mentor_share), read_lessons(*a, **k))[1]
    )
    assert tune()
    assert shares == [settings.mentor.tune_share]
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    parts = [event["parts"] for event in events if event.get("phase") == "tune"]
    assert len(parts) == 60
    for name in ("scores", "contrastive"):
        assert np.mean([each[name] for each in parts[-8:]]) < 0.9 * np.mean([each[name] for each in parts[:8]]), name
    again = mentor.Mentor(tmp_path / "tuned", Tokenizer.from_file(str(tokenizer_file)), CPU)
    np.testing.assert_allclose(again.encode(TEXTS), teacher.encode(TEXTS), atol=1e-5)
    assert again.id != before and not np.allclose(again.encode(TEXTS), untuned, atol=0.01)


def test_it_learns_only_from_its_own_vectors(taught: Path, tune: Callable[..., bool]) -> None:
    (data.shard_folders(taught)[-1] / mentor.WHOSE).write_text("another")
    with pytest.raises(UserError, match="another mentor's"):
        tune()


def test_what_is_no_number_ends_the_run(
    tune: Callable[..., bool], settings: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(10**6))
    monkeypatch.setattr(tune_mentor.time, "monotonic", lambda: 10.0 * next(clock))  # over before the first line is due
    monkeypatch.setattr(tune_mentor, "tune_loss", lambda q, *_: {"scores": q.sum() * float("nan")})
    seldom = replace(settings, train=replace(settings.train, log_every=100))
    with pytest.raises(UserError, match="no longer a number"):
        tune(seldom)


def test_the_command_says_whether_it_finished_and_writes_over_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "_mentor", lambda *_, **__: "the mentor")
    monkeypatch.setattr(cli, "_model", lambda _: "the start")
    (tmp_path / "c.toml").write_text("")
    shared = ("--mentor", "m", "--cache", "c", "--start", "s", "--minutes", 1, "--device", "cpu")
    command = ("tune-mentor", "--config", tmp_path / "c.toml", "--out", tmp_path / "tuned", *shared)
    given: list[Path] = []
    for finished in (True, False):
        monkeypatch.setattr(tune_mentor, "tune", lambda *a, finished=finished, **_: (given.append(a[3]), finished)[1])
        _, events = run(capsys, *command)
        assert (events[-1]["finished"], events[-1]["out"]) == (finished, str(tmp_path / "tuned"))
    assert given == [tmp_path / "tuned"] * 2
    (tmp_path / "tuned").mkdir()
    status, events = run(capsys, *command)
    assert status == 1 and events[-1]["code"] == "out-exists"


def test_asked_to_stop_it_leaves_what_it_has_learned(
    tune: Callable[..., bool],
    tmp_path: Path,
    tokenizer_file: Path,
    teacher: mentor.Mentor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, steps = tune_mentor.tune_loss, iter(range(1, 1000))

    def stopped_in_the_third(*given: object) -> dict[str, torch.Tensor]:
        if next(steps) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*given)

    monkeypatch.setattr(tune_mentor, "tune_loss", stopped_in_the_third)
    assert not tune()
    assert next(steps) == 4
    again = mentor.Mentor(tmp_path / "tuned", Tokenizer.from_file(str(tokenizer_file)), CPU)
    assert again.id != teacher.id
    np.testing.assert_allclose(again.encode(TEXTS), teacher.encode(TEXTS), atol=1e-6)


def test_killed_it_leaves_what_it_last_saved(
    tune: Callable[..., bool],
    tmp_path: Path,
    tokenizer_file: Path,
    settings: Config,
    teacher: mentor.Mentor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole, also where the end comes while a later one is being written."""
    now, saved = [0.0], []
    monkeypatch.setattr(tune_mentor.time, "monotonic", lambda: now[0])
    real_loss, real_save = tune_mentor.tune_loss, Words.save_pretrained

    def second(*given: object) -> dict[str, torch.Tensor]:
        now[0] += 1
        return real_loss(*given)

    def killed_in_the_third(model: Words, folder: Path) -> None:
        if len(saved) == 2:
            folder.mkdir(exist_ok=True)
            (folder / "pytorch_model.bin").write_bytes(b"torn")
            raise KeyboardInterrupt
        real_save(model, folder)
        saved.append((now[0], teacher.encode(TEXTS)))

    monkeypatch.setattr(tune_mentor, "tune_loss", second)
    monkeypatch.setattr(Words, "save_pretrained", killed_in_the_third)
    with pytest.raises(KeyboardInterrupt):
        tune(replace(settings, train=replace(settings.train, checkpoint_minutes=0.1)))
    assert [when for when, _ in saved] == [7, 14]
    again = mentor.Mentor(tmp_path / "tuned", Tokenizer.from_file(str(tokenizer_file)), CPU)
    np.testing.assert_allclose(again.encode(TEXTS), saved[-1][1], atol=1e-6)
