"""Following a larger encoder: its vectors, the frozen states, what is trained and what stays."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from strata_train import data, mentor, train
from strata_train.config import Config, MentorConfig, ModelConfig, TrainConfig
from strata_train.device import Device
from strata_train.events import UserError
from strata_train.losses.relations import follow_relations, follow_scores
from strata_train.model import MultiExitEncoder

CPU = Device(torch.device("cpu"), bf16=False)


@pytest.fixture
def settings(tiny_config: ModelConfig) -> Config:
    return Config(
        model=tiny_config,
        train=TrainConfig(group_size=4, log_every=1),
        mentor=MentorConfig(from_layer=1, batch_size=16, learning_rate=2e-3, head_learning_rate=2e-3, warmup_steps=2),
    )


@pytest.fixture
def taught(cache: Path) -> Path:
    """The cache with vectors of a mentor that finds texts alike by their words, twice as wide as the tiny encoder."""
    table = F.normalize(torch.randn(4096, 64), dim=-1).numpy()
    for shard in map(data.Shard.open, data.shard_folders(cache)):
        rows = np.stack([table[shard.text(index)].mean(axis=0) for index in range(len(shard))])
        np.save(shard.folder / mentor.VECTORS, (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16))
    return cache


def begin(folder: Path, settings: Config, model: MultiExitEncoder) -> train.Run:
    return train.Run(folder, settings, model.exits["3"].head.weight.detach().clone())


def test_scores_are_followed_by_rows_and_columns() -> None:
    q, d = (F.normalize(torch.randn(5, 8), dim=-1) for _ in range(2))
    scores = torch.randn(5, 5)
    own = 20 * q @ d.T
    by_hand = 0.0
    for wanted, got in ((scores, own), (scores.T, own.T)):
        p, r = wanted.softmax(dim=-1), got.softmax(dim=-1)
        by_hand += float((p * (p.log() - r.log())).sum() / 5) / 2
    assert float(follow_scores(q, d, scores, 20)) == pytest.approx(by_hand, rel=1e-4)
    assert float(follow_scores(q, d, own, 20)) == pytest.approx(0, abs=1e-5)


def test_relations_leave_out_a_texts_score_with_itself() -> None:
    vectors = F.normalize(torch.randn(6, 8), dim=-1)
    assert float(follow_relations(vectors, vectors, 20)) == pytest.approx(0, abs=1e-5)
    wide = F.normalize(torch.randn(6, 32), dim=-1)
    off = ~torch.eye(6, dtype=torch.bool)
    rows = lambda part: (20 * part @ part.T)[off].view(6, 5)  # noqa: E731
    p, r = rows(wide).softmax(dim=-1), rows(vectors).softmax(dim=-1)
    by_hand = float((p * (p.log() - r.log())).sum() / 6)
    assert float(follow_relations(vectors, wide, 20)) == pytest.approx(by_hand, rel=1e-4)


def test_upper_layers_over_frozen_states_are_the_whole_encoder(
    cache: Path, tmp_path: Path, tiny_model: MultiExitEncoder
) -> None:
    shard = data.Shard.open(data.shard_folders(cache)[0])
    states = mentor.FrozenStates.compute(tiny_model, 1, shard, tmp_path / "states.npy", CPU)
    texts = np.array([3, 0, 7, len(shard) - 1])
    ids = [np.asarray(shard.text(text)) for text in texts]
    with torch.no_grad():
        words = train.bag(tiny_model.table, ids, CPU)
        upper = mentor.upper_embedding(tiny_model, *states.batch(texts, CPU), words, 1)
    whole = data.encode_texts(tiny_model, ids, (3,))[3]
    np.testing.assert_allclose(upper.numpy(), whole, atol=2e-3)


def test_following_brings_the_mentors_scores_nearer_and_touches_nothing_below(
    taught: Path, tmp_path: Path, settings: Config, tiny_model: MultiExitEncoder, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {name: weight.clone() for name, weight in tiny_model.state_dict().items()}
    run = begin(tmp_path / "run", settings, tiny_model)
    assert mentor.follow(tiny_model, run, taught, CPU, minutes=1 / 12)
    scores = [event["parts"]["scores"] for event in map(json.loads, capsys.readouterr().out.splitlines())]
    assert np.mean(scores[-5:]) < 0.8 * np.mean(scores[:5])
    trained = {name for name, weight in tiny_model.state_dict().items() if not torch.equal(weight, before[name])}
    assert trained and all(name.startswith(("layers.1.", "layers.2.", "exits.3.head")) for name in trained)
    saved = train.read_checkpoint(tmp_path / "run" / train.CHECKPOINT)["model"]
    assert all(torch.equal(saved[name], weight) for name, weight in tiny_model.state_dict().items())
    assert not list((tmp_path / "run" / "states").glob("*.npy")), "the states are as large as the cache itself"


def test_a_stopped_run_goes_on_with_its_weights_and_rates(
    taught: Path, tmp_path: Path, settings: Config, tiny_model: MultiExitEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(tmp_path / "run", settings, tiny_model)
    real, steps = mentor.follow_loss, iter(range(1000))

    def stop_at_third(*arguments: object) -> object:
        if next(steps) == 2:
            train.StopRequest.current.asked = True
        return real(*arguments)

    class Remembered(train.StopRequest):
        def __enter__(self) -> train.StopRequest:
            train.StopRequest.current = self
            return super().__enter__()

    monkeypatch.setattr(train.StopRequest, "current", None, raising=False)
    monkeypatch.setattr(train, "StopRequest", Remembered)
    monkeypatch.setattr(mentor, "follow_loss", stop_at_third)
    assert not mentor.follow(tiny_model, run, taught, CPU, minutes=5)
    assert list((tmp_path / "run" / "states").glob("*.npy")), "they are needed again"
    again = MultiExitEncoder(settings.model)
    resumed = train.Run(tmp_path / "run", settings)
    resumed.resume(again)
    assert resumed.progress.upper_step == 3 and "upper" in resumed.optimizers
    assert all(torch.equal(weight, tiny_model.state_dict()[name]) for name, weight in again.state_dict().items())
    monkeypatch.setattr(mentor, "follow_loss", real)
    assert mentor.follow(again, resumed, taught, CPU, minutes=resumed.progress.upper_seconds / 60 + 1 / 60)
    assert resumed.progress.upper_step > 3


def test_what_cannot_be_followed_is_named(
    cache: Path, tmp_path: Path, settings: Config, tiny_model: MultiExitEncoder
) -> None:
    with pytest.raises(UserError, match="mentor-vectors"):
        mentor.follow(tiny_model, begin(tmp_path / "a", settings, tiny_model), cache, CPU, minutes=1)
    low = replace(settings, mentor=replace(settings.mentor, from_layer=0))
    with pytest.raises(UserError, match="from_layer 0"):
        mentor.trained_parts(tiny_model, low.mentor)


def test_the_mentors_language_habit_is_taken_out(taught: Path) -> None:
    habit = np.eye(64, dtype=np.float16)[5]
    for folder in data.shard_folders(taught):
        languages = np.load(folder / "languages.npy")
        languages[(languages != "") & (np.arange(len(languages)) % 2 == 0)] = "go"
        np.save(folder / "languages.npy", languages)
        vectors = np.load(folder / mentor.VECTORS)
        vectors[languages == "go"] += habit
        np.save(folder / mentor.VECTORS, vectors)
    shards = [data.Shard.open(folder) for folder in data.shard_folders(taught)]
    languages = np.concatenate([shard.languages for shard in shards])
    between = {}
    for directions in (0, 1):
        vectors = np.concatenate(mentor.mentor_vectors(shards, directions))
        between[directions] = np.linalg.norm(
            vectors[languages == "go"].mean(axis=0) - vectors[languages == "python"].mean(axis=0)
        )
    assert between[0] > 0.5 and between[1] < 0.1


class Counting:
    """A mentor that counts what it is asked."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.asked, self.stop_after = 0, stop_after

    def encode(self, texts: list[np.ndarray]) -> np.ndarray:
        if self.asked >= self.stop_after:
            raise KeyboardInterrupt
        self.asked += len(texts)
        return np.stack([np.eye(16, dtype=np.float32)[len(text) % 16] for text in texts])


def test_vectors_that_were_interrupted_are_gone_on_with(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mentor, "BLOCK", 20)
    shard = data.Shard.open(data.shard_folders(cache)[0])
    with pytest.raises(KeyboardInterrupt):
        mentor.add_vectors(shard, Counting(stop_after=40))
    kept = int(np.load(shard.folder / mentor.VECTORS).any(axis=1).sum())
    assert 0 < kept < len(shard) and not mentor.has_vectors(shard)
    rest = Counting()
    mentor.add_vectors(shard, rest)
    assert rest.asked == len(shard) - kept and mentor.has_vectors(shard)
    vectors = np.load(shard.folder / mentor.VECTORS)
    assert all(vectors[i, len(shard.text(i)) % 16] == 1 for i in range(len(shard)))


def test_a_hugging_face_encoder_reads_our_tokens_as_its_own(
    tokenizer_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Tokenizer.from_file(str(tokenizer_file))
    names = {"[CLS]": "<s>", "[SEP]": "</s>", "[PAD]": "<pad>"}
    theirs = {names.get(token, token): 1000 + index for token, index in ours.get_vocab().items()}
    seen: list[np.ndarray] = []

    class Model(torch.nn.Module):
        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> SimpleNamespace:
            seen.append(input_ids.numpy())
            return SimpleNamespace(last_hidden_state=input_ids[:, :, None].float() * torch.tensor([1.0, -1.0]))

    special = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "[UNK]"}
    tokenizer = SimpleNamespace(**special, pad_token_id=theirs["<pad>"], get_vocab=lambda: theirs)
    stand_in = SimpleNamespace(
        AutoModel=SimpleNamespace(from_pretrained=lambda *_, **__: Model()),
        AutoTokenizer=SimpleNamespace(from_pretrained=lambda *_, **__: tokenizer),
    )
    monkeypatch.setitem(sys.modules, "transformers", stand_in)
    texts = [
        np.array([ours.token_to_id(token) for token in row]) for row in (["[CLS]", "read", "[SEP]"], ["[CLS]", "[SEP]"])
    ]
    vectors = mentor.Mentor(tmp_path, ours, CPU).encode(texts)
    assert seen[0].tolist() == [
        [theirs["<s>"], theirs["read"], theirs["</s>"]],
        [theirs["<s>"], theirs["</s>"], theirs["<pad>"]],
    ]
    np.testing.assert_allclose(vectors, [[2**-0.5, -(2**-0.5)]] * 2, atol=1e-6)
    theirs.clear()
    theirs |= {"<s>": 0, "</s>": 1, "<pad>": 2, "[UNK]": 3}
    with pytest.raises(UserError, match="other words"):
        mentor.Mentor(tmp_path, ours, CPU)
