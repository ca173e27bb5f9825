"""Training behind a larger encoder: its vectors, the targets, the loss, stopping and going on."""

import copy
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from conftest import teach
from strata_train import data, mentor, runs
from strata_train.config import Config, MentorConfig, ModelConfig, TrainConfig
from strata_train.device import Device
from strata_train.events import UserError
from strata_train.losses.contrastive import contrastive_loss
from strata_train.losses.distillation import score_distillation
from strata_train.losses.relations import follow_relations, follow_scores
from strata_train.model import MultiExitEncoder, Product, with_table_parts

CPU = Device(torch.device("cpu"), bf16=False)


@pytest.fixture
def settings(tiny_config: ModelConfig) -> Config:
    return Config(
        model=tiny_config,
        train=TrainConfig(group_size=4, log_every=1, steps=60),
        mentor=MentorConfig(batch_size=16, tokens_at_once=256, learning_rate=2e-3, warmup_steps=2),
    )


@pytest.fixture
def taught(cache: Path) -> Path:
    """The cache with vectors of a mentor that finds texts alike by their words, twice as wide as the tiny encoder."""
    return teach(cache, 64)


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


def follow(model: MultiExitEncoder, start: MultiExitEncoder, run: runs.Run, cache: Path) -> bool:
    return mentor.follow(model, copy.deepcopy(start), run, [cache], CPU, minutes=60)


def test_a_batch_on_the_device_is_the_texts_padded(cache: Path, tiny_model: MultiExitEncoder) -> None:
    shard = data.Shard.open(data.shard_folders(cache)[0])
    lesson = mentor.Lesson.of(shard, torch.zeros(len(shard), 4), CPU)
    texts = np.array([3, 0, len(shard) - 1])
    ids, mask = lesson.batch(texts)
    assert ids.shape[1] % 8 == 0
    for row, text in enumerate(texts):
        own = shard.text(text)
        assert ids[row].tolist() == [*own, *[0] * (ids.shape[1] - len(own))]
        assert mask[row].tolist() == [1] * len(own) + [0] * (ids.shape[1] - len(own))
    with torch.no_grad():
        ours = tiny_model(ids, mask)[3].embedding
    whole = data.encode_texts(tiny_model, [np.asarray(shard.text(text)) for text in texts], (3,))[3]
    np.testing.assert_allclose(ours.numpy(), whole, atol=1e-5)


def test_targets_score_as_the_weighted_mean_of_mentor_and_start(taught: Path, tiny_model: MultiExitEncoder) -> None:
    shards = [data.Shard.open(folder) for folder in data.shard_folders(taught)]
    c = MentorConfig(mentor_share=0.7, language_directions=0)
    lesson = mentor.lessons(tiny_model, shards, c, CPU)[0]
    texts = [np.asarray(shards[0].text(index)) for index in range(6)]
    own = data.encode_texts(tiny_model, texts, (3,))[3]
    theirs = mentor.mentor_vectors(shards, 0)[0][:6]
    wanted = 0.7 * theirs @ theirs.T + 0.3 * own @ own.T
    targets = lesson.targets[:6].float().numpy()
    np.testing.assert_allclose(targets @ targets.T, wanted, atol=2e-3)


@pytest.mark.parametrize("own_side", [False, True])
def test_the_loss_is_its_formula(own_side: bool, settings: Config) -> None:
    mentors = replace(settings.mentor, own_side=own_side)
    settings = replace(settings, model=replace(settings.model, matryoshka=(32,)), mentor=mentors)
    c, scale = settings.mentor, settings.loss.logit_scale
    unit = lambda *shape: F.normalize(torch.randn(*shape), dim=-1)  # noqa: E731
    q, d = ({exit: unit(6, 32) for exit in (0, 1, 3)} for _ in range(2))
    t, u = unit(6, 90), unit(6, 90)
    nothing = torch.zeros(6, 6, dtype=torch.bool)
    value, parts = mentor.follow_loss(q, d, (t, u), nothing, settings)
    scores = scale * t @ u.T
    cosine = lambda a, b: 1 - (a * b).sum(dim=-1).mean()  # noqa: E731
    wanted = {"3/relations": c.relations * (follow_relations(q[3], t, scale) + follow_relations(d[3], u, scale)) / 2}
    for exit in q:
        wanted[f"{exit}/scores"] = c.scores * follow_scores(q[exit], d[exit], scores, scale)
        wanted[f"{exit}/contrastive"] = c.contrastive * contrastive_loss(q[exit], d[exit], scale, own_side=own_side)
    for exit in (0, 1):
        across = score_distillation(scale * q[3] @ d[exit].T, scores) + contrastive_loss(q[3], d[exit], scale)
        wanted[f"{exit}/cross"] = c.cross_exit * across
        wanted[f"{exit}/vectors"] = c.vectors * (cosine(q[exit], q[3]) + cosine(d[exit], d[3]))
    assert parts.keys() == wanted.keys()
    for name, part in wanted.items():
        assert float(parts[name]) == pytest.approx(float(part), rel=1e-4), name
    assert float(value) == pytest.approx(float(sum(wanted.values())), rel=1e-5)


def test_a_step_in_pieces_is_the_step_as_a_whole(taught: Path, settings: Config, tiny_model: MultiExitEncoder) -> None:
    shards = [data.Shard.open(folder) for folder in data.shard_folders(taught)]
    lesson = mentor.lessons(tiny_model, shards, settings.mentor, CPU)[0]
    rows = next(data.rows_of_batches(shards[0], 16, 4, np.random.default_rng(0)))
    values = [
        float(mentor.step_loss(tiny_model, lesson, rows, replace(settings, mentor=c), CPU)[0].detach())
        for c in (settings.mentor, replace(settings.mentor, tokens_at_once=10**6))
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-4)


@pytest.mark.parametrize("rounding", [False, True])
def test_following_brings_every_exits_scores_nearer(
    rounding: bool,
    taught: Path,
    tmp_path: Path,
    settings: Config,
    tiny_model: MultiExitEncoder,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tiny_model = with_table_parts(tiny_model, replace(tiny_model.config, table_block=16, table_attention=16))
    settings = replace(settings, model=tiny_model.config, mentor=replace(settings.mentor, rounding=rounding))
    before = {name: weight.clone() for name, weight in tiny_model.state_dict().items()}
    run = runs.Run(tmp_path / "run", settings)
    assert follow(tiny_model, tiny_model, run, taught)
    events = [event for event in map(json.loads, capsys.readouterr().out.splitlines()) if event["phase"] == "mentor"]
    for exit in (0, 1, 3):
        scores = [event["parts"][f"{exit}/scores"] for event in events]
        assert np.mean(scores[-10:]) < 0.8 * np.mean(scores[:10]), exit
    still = {name for name, weight in tiny_model.state_dict().items() if torch.equal(weight, before[name])}
    assert still <= {"embeddings.segment"}, "everything is trained"
    products = [module for module in tiny_model.modules() if isinstance(module, Product)]
    assert products and not any(product.rounding for product in products), "only while it is trained"
    saved = runs.read_checkpoint(tmp_path / "run" / runs.CHECKPOINT)["model"]
    assert all(torch.equal(saved[name], weight) for name, weight in tiny_model.state_dict().items())


def test_caches_take_turns(
    taught: Path, tmp_path: Path, settings: Config, tiny_model: MultiExitEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    shutil.copytree(taught, other)
    seen: list[int] = []
    real = mentor.batches

    def remembered(every: list[mentor.Lesson], config: Config, round: int) -> Iterator[Any]:
        seen.append(id(every))
        return real(every, config, round)

    monkeypatch.setattr(mentor, "batches", remembered)
    run = runs.Run(tmp_path / "run", settings)
    start = copy.deepcopy(tiny_model)
    assert mentor.follow(tiny_model, start, run, [taught, other, taught], CPU, minutes=60)
    assert len(seen) >= 4 and seen[0] == seen[2] == seen[3] != seen[1], "a cache given twice is read once"


def test_a_stopped_run_goes_on_with_its_weights_and_rates(
    taught: Path, tmp_path: Path, settings: Config, tiny_model: MultiExitEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, start = runs.Run(tmp_path / "run", settings), copy.deepcopy(tiny_model)
    real, steps = mentor.follow_loss, iter(range(1000))

    def stop_at_third(*arguments: object) -> object:
        if next(steps) == 2:
            runs.StopRequest.current.asked = True
        return real(*arguments)

    class Remembered(runs.StopRequest):
        def __enter__(self) -> runs.StopRequest:
            runs.StopRequest.current = self
            return super().__enter__()

    monkeypatch.setattr(runs.StopRequest, "current", None, raising=False)
    monkeypatch.setattr(runs, "StopRequest", Remembered)
    monkeypatch.setattr(mentor, "follow_loss", stop_at_third)
    assert not follow(tiny_model, start, run, taught)
    again = MultiExitEncoder(settings.model)
    resumed = runs.Run(tmp_path / "run", settings)
    resumed.resume(again)
    assert resumed.progress.mentor_step == 3
    optimizer = mentor.optimizer_for(again, settings.mentor)
    resumed.restore("mentor", optimizer)
    moments = list(optimizer.state.values())
    assert len(moments) > 10 and all(each["step"] == 3 and each["exp_avg_sq"].any() for each in moments)
    assert all(torch.equal(weight, tiny_model.state_dict()[name]) for name, weight in again.state_dict().items())
    monkeypatch.setattr(mentor, "follow_loss", real)
    assert follow(again, start, resumed, taught)
    assert resumed.progress.mentor_step == settings.train.steps


def test_a_pass_without_a_batch_ends_the_run(
    taught: Path, tmp_path: Path, settings: Config, tiny_model: MultiExitEncoder
) -> None:
    for folder in data.shard_folders(taught):
        np.save(folder / "pairs.npy", np.load(folder / "pairs.npy")[:1])
    with pytest.raises(UserError, match="two definitions"):
        follow(tiny_model, tiny_model, runs.Run(tmp_path / "run", settings), taught)


def test_compiled_layers_give_the_same_and_are_traced_once_for_every_shape(
    tiny_model: MultiExitEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyTorch's tracing of the layers as the recipe has them, rounded; what it makes of a trace is its own affair."""
    real, traces = torch.nn.Module.compile, []
    run_it = lambda graph, _: (traces.append(graph), graph.forward)[1]  # noqa: E731
    monkeypatch.setattr(torch.nn.Module, "compile", lambda layer, **named: real(layer, backend=run_it, **named))
    mentor.set_rounding(tiny_model, True)
    compiled = copy.deepcopy(tiny_model)
    mentor.compile_layers(compiled, CPU)
    outputs = []
    for model in (tiny_model, compiled):
        if model is compiled:
            assert not traces  # on a CPU it does not pay
            mentor.compile_layers(model, Device(torch.device("cuda"), bf16=False))
        torch.manual_seed(2)
        found = []
        for shape in ((3, 16), (5, 24), (4, 40)):
            mask = torch.ones(shape, dtype=torch.long)
            mask[0, 9:] = 0
            found += [output.embedding for output in model(torch.randint(5, 90, shape), mask, exits=(0, 1, 3)).values()]
        torch.cat(found)[:, 0].sum().backward()
        outputs.append([*found, *(weight.grad for weight in model.parameters() if weight.grad is not None)])
    assert len(traces) == 1
    for one, other in zip(*outputs, strict=True):
        torch.testing.assert_close(one, other)


def test_what_is_no_number_is_not_saved(
    taught: Path, tmp_path: Path, settings: Config, tiny_model: MultiExitEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, steps = mentor.follow_loss, iter(range(1000))

    def diverging(*arguments: Any) -> Any:
        value, parts = real(*arguments)
        return (value * float("nan"), parts) if next(steps) == 3 else (value, parts)

    monkeypatch.setattr(mentor, "follow_loss", diverging)
    late = replace(settings, train=replace(settings.train, log_every=1000, steps=5))
    with pytest.raises(UserError, match="no longer a number"):
        follow(tiny_model, tiny_model, runs.Run(tmp_path / "run", late), taught)
    assert not (tmp_path / "run" / runs.CHECKPOINT).exists()


def test_only_the_tables_rows_go_without_decay_whatever_the_rates(tiny_model: MultiExitEncoder) -> None:
    c = MentorConfig(learning_rate=1e-3, head_learning_rate=1e-3, table_learning_rate=1e-3, weight_decay=0.1)
    still = {
        id(parameter)
        for group in mentor.optimizer_for(tiny_model, c).param_groups
        if group["weight_decay"] == 0
        for parameter in group["params"]
    }
    assert tiny_model.table is not None
    assert still == {id(tiny_model.table.table.weight), id(tiny_model.table.weight)}


def test_a_cache_without_the_mentors_vectors_is_named(
    cache: Path, tmp_path: Path, settings: Config, tiny_model: MultiExitEncoder
) -> None:
    with pytest.raises(UserError, match="mentor-vectors"):
        follow(tiny_model, tiny_model, runs.Run(tmp_path / "a", settings), cache)


def test_without_a_mentors_share_the_starts_own_finding_is_kept(
    cache: Path, tmp_path: Path, settings: Config, tiny_model: MultiExitEncoder
) -> None:
    alone = replace(settings, mentor=replace(settings.mentor, mentor_share=0.0, own_side=True))
    lesson = mentor.read_lessons([cache], tiny_model, alone.mentor, CPU)[cache][0]
    top = tiny_model.config.top
    wanted = data.encode_texts(tiny_model, [np.asarray(lesson.shard.text(0))], (top,))[top][0]
    np.testing.assert_allclose(lesson.targets[0].float().numpy(), wanted, atol=2e-3)
    assert follow(copy.deepcopy(tiny_model), tiny_model, runs.Run(tmp_path / "run", alone), cache)


def test_vectors_of_two_mentors_are_not_learned_from_together(
    taught: Path, tmp_path: Path, settings: Config, tiny_model: MultiExitEncoder
) -> None:
    other = tmp_path / "other"
    shutil.copytree(taught, other)
    read = lambda: mentor.read_lessons([taught, other, taught], tiny_model, settings.mentor, CPU)  # noqa: E731
    assert list(read()) == [taught, other]
    (data.shard_folders(other)[0] / mentor.WHOSE).write_text("another")
    with pytest.raises(UserError, match="more than one mentor"):
        read()


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

    def __init__(self, stop_after: int = 10**9, id: str = "first") -> None:
        self.asked, self.stop_after, self.place, self.id = 0, stop_after, CPU, id

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


def test_vectors_of_another_mentor_are_made_anew(cache: Path) -> None:
    shard = data.Shard.open(data.shard_folders(cache)[0])
    for mentor_id, asked in (("first", len(shard)), ("first", 0), ("tuned", len(shard)), ("tuned", 0)):
        teacher = Counting(id=mentor_id)
        mentor.add_vectors(shard, teacher)
        assert teacher.asked == asked, mentor_id


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
    with pytest.raises(UserError, match="no folder .*misspelt"):
        mentor.Mentor(tmp_path / "misspelt", ours, CPU)
