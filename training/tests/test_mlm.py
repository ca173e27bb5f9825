"""Masked tokens: 80/10/10, special tokens untouched, the loss is what its formula says, at every exit."""

import math

import pytest
import torch

from conftest import events_of
from strata_train.modular_starencoder import ModularStarEncoder, ModularStarEncoderConfig
from strata_train.objectives.heads import ExitConditioned
from strata_train.objectives.mlm import IGNORED, MaskedTokenHead, mask_tokens, masked_token_loss
from strata_train.objectives.packing import Piece, SpecialTokens, Window
from strata_train.objectives.pretrain import PretrainingHeads, depth_weights, pretraining_loss


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # at these sizes threads cost more than they bring


VOCAB = 100
SPECIAL = SpecialTokens(pad=96, sep=97, cls=98, mask=99)


def masked(seed: int = 0, rows: int = 400, length: int = 50):
    ids = torch.randint(0, 96, (rows, length), generator=torch.Generator().manual_seed(1))
    ids[:, 0], ids[:, -1] = SPECIAL.sep, SPECIAL.cls
    mask = torch.ones_like(ids)
    ids[:, -10:], mask[:, -10:] = 5, 0  # padding that looks like an ordinary token
    generator = torch.Generator().manual_seed(seed)
    changed, labels = mask_tokens(
        ids, mask, special_ids=SPECIAL.ids, mask_id=SPECIAL.mask, vocab_size=VOCAB, generator=generator
    )
    return ids, mask, changed, labels


def test_the_shares_are_15_and_80_10_10() -> None:
    ids, mask, changed, labels = masked()
    chosen = labels != IGNORED
    ordinary = mask.bool() & (ids < 96)
    assert chosen.sum() / ordinary.sum() == pytest.approx(0.15, abs=0.01)
    became_mask = (changed == SPECIAL.mask)[chosen].float().mean()
    stayed = (changed == ids)[chosen].float().mean()
    assert became_mask == pytest.approx(0.8, abs=0.02)
    assert stayed == pytest.approx(0.1 + 0.1 / 96, abs=0.015)  # a random token may be the same one


def test_labels_are_the_original_tokens_and_nothing_else_changes() -> None:
    ids, _, changed, labels = masked()
    chosen = labels != IGNORED
    assert torch.equal(labels[chosen], ids[chosen]) and torch.equal(changed[~chosen], ids[~chosen])


def test_special_tokens_and_padding_are_never_masked_and_never_drawn() -> None:
    ids, mask, changed, labels = masked()
    assert (labels[ids >= 96] == IGNORED).all() and (labels[mask == 0] == IGNORED).all()
    drawn = changed[(labels != IGNORED) & (changed != SPECIAL.mask)]
    assert (drawn < 96).all()


def test_a_seed_gives_the_same_masks_and_another_seed_others() -> None:
    assert torch.equal(masked(3)[2], masked(3)[2]) and not torch.equal(masked(3)[2], masked(4)[2])


def test_the_loss_is_the_mean_negative_log_probability_of_the_masked_tokens() -> None:
    torch.manual_seed(0)
    head = MaskedTokenHead(8, VOCAB, exits=(2, 4))
    hidden = torch.randn(2, 5, 8)
    labels = torch.full((2, 5), IGNORED)
    labels[0, 1], labels[1, 3] = 7, 42
    probabilities = head(hidden, 4).softmax(-1).detach()
    expected = -(math.log(probabilities[0, 1, 7]) + math.log(probabilities[1, 3, 42])) / 2
    assert masked_token_loss(head, hidden, labels, 4).item() == pytest.approx(expected, rel=1e-5)


def test_a_batch_without_masked_tokens_costs_nothing() -> None:
    head = MaskedTokenHead(8, VOCAB, exits=(2,))
    loss = masked_token_loss(head, torch.randn(1, 3, 8, requires_grad=True), torch.full((1, 3), IGNORED), 2)
    loss.backward()
    assert loss.item() == 0
    # processes average gradient by gradient: one that is missing somewhere would make the others wait for ever
    assert all(parameter.grad is not None and not parameter.grad.any() for parameter in head.parameters())


def test_the_head_is_shared_but_knows_its_exit() -> None:
    torch.manual_seed(0)
    head = ExitConditioned(8, exits=(2, 4))
    hidden = torch.randn(3, 8)
    assert not torch.allclose(head(hidden, 2), head(hidden, 4))
    with torch.no_grad():
        head.layer_index.weight[1] = head.layer_index.weight[0]
    assert torch.equal(head(hidden, 2), head(hidden, 4))


def test_depth_weights_are_the_papers() -> None:
    weights = depth_weights((4, 9, 18, 27, 36))
    assert [round(w, 3) for w in weights.values()] == [0.111, 0.25, 0.5, 0.75, 1.0]
    assert depth_weights((0, 2, 6)) == {2: 2 / 6, 6: 1.0}


def windows() -> list[Window]:
    pieces = [Piece(tuple(range(i, i + 20)), "a" if i < 30 else "b") for i in range(0, 70, 10)]
    return [Window((pieces[i], pieces[i + 1]), pieces[i].repository == pieces[i + 1].repository) for i in range(6)]


def star(**changes) -> ModularStarEncoder:
    torch.manual_seed(0)
    sizes = dict(hidden_size=16, intermediate_size=32, num_heads=2, num_kv_heads=1, dims=16) | changes
    return ModularStarEncoder(ModularStarEncoderConfig.small(VOCAB, **sizes))


def test_the_total_is_the_weighted_sum_over_exits() -> None:
    model = star()
    heads = PretrainingHeads(16, VOCAB, model.exits)
    total, parts = pretraining_loss(model, heads, windows(), SPECIAL, VOCAB, torch.Generator().manual_seed(0))
    expected = sum(w * (parts[f"mlm{i}"] + parts[f"icc{i}"]) for i, w in depth_weights(model.exits).items())
    assert total.item() == pytest.approx(expected, rel=1e-5)
    alone, parts = pretraining_loss(
        model, heads, windows(), SPECIAL, VOCAB, torch.Generator().manual_seed(0), context_weight=0.0
    )
    assert alone.item() == pytest.approx(sum(w * parts[f"mlm{i}"] for i, w in depth_weights(model.exits).items()))


def bert_shaped():
    from strata_train.config import ModelConfig
    from strata_train.model import MultiExitEncoder

    torch.manual_seed(0)
    sizes = dict(vocab_size=VOCAB, hidden_size=16, layers=2, heads=2, intermediate_size=32, max_positions=64, dims=16)
    return MultiExitEncoder(ModelConfig(**sizes, exits=(0, 1, 2), matryoshka=(16,)))


@pytest.mark.parametrize("face", [star, bert_shaped])
def test_steps_on_both_faces_lower_the_loss_of_every_exit(face) -> None:
    model = face()
    heads = PretrainingHeads(16, VOCAB, model.config.exits)
    special = SPECIAL if face is star else SpecialTokens(pad=96, sep=97, cls=98, mask=99, cls_first=True)
    optimizer = torch.optim.AdamW([*model.parameters(), *heads.parameters()], lr=1e-2)
    history = []
    for _ in range(20):
        loss, parts = pretraining_loss(model, heads, windows(), special, VOCAB, torch.Generator().manual_seed(0))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        history.append(parts)
    for exit in heads.exits:
        assert history[-1][f"mlm{exit}"] < 0.7 * history[0][f"mlm{exit}"]
        assert history[-1][f"icc{exit}"] < history[0][f"icc{exit}"]


# ---- the loop and the command ----


def tokenizer_file(folder):
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["<unk>", *"abcdefghij", "<pad>", "<sep>", "<cls>", "<mask>"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"


def corpus(folder, count: int = 60):
    import json
    import random

    rng = random.Random(0)
    lines = [
        json.dumps({"source": f"r{i % 4}", "code": " ".join(rng.choices("abcdefghij", k=rng.randrange(10, 60)))})
        for i in range(count)
    ]
    (folder / "files.jsonl").write_text("\n".join(lines))
    return folder / "files.jsonl"


def test_the_command_pretrains_saves_and_goes_on(tmp_path, capsys) -> None:
    import argparse
    import json

    from strata_train.modular_starencoder import load_published
    from strata_train.objectives.command import add_commands

    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    arguments = ["pretrain", str(corpus(tmp_path)), "--tokenizer", str(tokenizer_file(tmp_path)), "--device", "cpu"]
    arguments += ["--batch", "4", "--window", "64", "--steps", "3"]
    options = parser.parse_args([*arguments, "--out", str(tmp_path / "first")])
    options.run(options)
    first = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert first["event"] == "result" and {"mlm2", "icc6", "loss", "fill"} <= first.keys()
    options = parser.parse_args([*arguments, "--start", str(tmp_path / "first"), "--out", str(tmp_path / "second")])
    options.run(options)
    one, two = load_published(tmp_path / "first"), load_published(tmp_path / "second")
    assert one.config == two.config and one.config.mask_id == 14
    assert not torch.equal(one.model.embed_tokens.weight, two.model.embed_tokens.weight)


def test_windows_of_a_stream_come_buffer_by_buffer() -> None:
    from strata_train.objectives.pretrain import stream_windows

    drawn = []

    def files():
        for i in range(40):
            drawn.append(i)
            yield f"r{i % 3}", list(range(i, i + 30))

    windows = stream_windows(files(), 64, seed=0, buffer=10)
    next(windows)
    assert len(drawn) == 10
    assert len(list(windows)) > 3 and len(drawn) == 40


def test_a_tokenizer_without_marks_and_a_corpus_without_files_are_refused(tmp_path) -> None:
    from tokenizers import Tokenizer, models

    from strata_train.events import UserError
    from strata_train.objectives.pretrain import pretrain
    from strata_train.objectives.tokens import special_tokens

    with pytest.raises(UserError, match="neither <pad> nor"):
        special_tokens(Tokenizer(models.WordLevel({"a": 0}, unk_token="a")))
    model = star()
    with pytest.raises(UserError, match="fewer than one batch"):
        pretrain(model, PretrainingHeads(16, VOCAB, model.exits), lambda _: [], SPECIAL, VOCAB, steps=1)


def test_accumulated_batches_make_the_step_of_one_big_batch(capsys) -> None:
    from strata_train.objectives.pretrain import pretrain

    weights = []
    for batch, accumulate in ((2, 2), (4, 1)):
        model = star()
        torch.manual_seed(1)
        heads = PretrainingHeads(16, VOCAB, model.exits)
        # masks are drawn batch by batch, so only the repository question is the same question both times
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("strata_train.objectives.pretrain.masked_token_loss", lambda _, hidden, *__: hidden.sum() * 0)
            patch.setattr("strata_train.objectives.pretrain.mask_tokens", lambda ids, *_, **__: (ids, ids))
            pretrain(
                model, heads, lambda _: windows()[:4], SPECIAL, VOCAB, steps=2, batch=batch, accumulate=accumulate,
                rate=1e-3, warmup=1,
            )  # fmt: skip
        weights.append(torch.cat([p.detach().flatten() for p in (*model.parameters(), *heads.parameters())]))
    torch.testing.assert_close(*weights, atol=2e-5, rtol=1e-4)
    assert not torch.equal(weights[0], torch.cat([p.detach().flatten() for p in (*star().parameters(),)]))


def test_the_rate_rises_then_halves_at_every_milestone() -> None:
    from strata_train.objectives.loop import rate_at

    assert [rate_at(step, 8.0, 4) for step in (0, 1, 3, 4, 99)] == [2.0, 4.0, 8.0, 8.0, 8.0]
    assert [rate_at(step, 8.0, 0, (5, 9)) for step in (4, 5, 8, 9, 20)] == [8.0, 4.0, 4.0, 2.0, 2.0]


def test_a_gradient_that_is_no_number_ends_the_run() -> None:
    from strata_train.events import UserError
    from strata_train.objectives.loop import update

    layer = torch.nn.Linear(2, 1)
    layer(torch.full((1, 2), float("nan"))).sum().backward()
    before = layer.bias.clone()
    with pytest.raises(UserError, match="no longer a number"):
        update(layer, torch.optim.SGD(layer.parameters(), lr=1.0))
    assert torch.equal(layer.bias, before)


def test_records_of_all_files_are_mixed(tmp_path) -> None:
    import json
    import random

    from strata_train.objectives.command import mixed

    files = []
    for name in "abc":
        files.append(tmp_path / f"{name}.jsonl")
        files[-1].write_text("".join(json.dumps({"n": f"{name}{i}"}) + "\n" for i in range(20)))
    drawn = [record["n"] for record in mixed(files, random.Random(0), at_once=2)]
    assert sorted(drawn) == sorted(f"{name}{i}" for name in "abc" for i in range(20))
    assert len({name[0] for name in drawn[:10]}) == 2  # two files at a time
    assert drawn == [record["n"] for record in mixed(files, random.Random(0), at_once=2)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--window", 17], "A window of 17 tokens is too small; give it 64 or more."),
        (["--window", 512], "A window of 512 tokens exceeds the encoder's context of 256."),
        (["--accumulate", 0], "--steps, --batch, --rate, --accumulate and --evaluate-every must be above zero."),
        (["--start", "nowhere"], "There is no ModularStarEncoder in nowhere: "),
        (["--tokenizer", "nowhere"], "The tokenizer nowhere cannot be read: "),
    ],
)
def test_what_pretraining_cannot_do_is_said(arguments: list, sentence: str, tmp_path) -> None:
    command = ["pretrain", corpus(tmp_path), "--tokenizer", tokenizer_file(tmp_path), "--device", "cpu", "--batch", 2]
    assert events_of(*command, "--out", tmp_path / "out", *arguments)[-1]["message"].startswith(sentence)


def test_missing_and_bad_files_and_no_tokenizer_are_refused(tmp_path) -> None:
    tokenizer, out = tokenizer_file(tmp_path), tmp_path / "out"
    command = ["pretrain", "--tokenizer", tokenizer, "--device", "cpu", "--out", out]
    assert events_of(*command, tmp_path / "no.jsonl")[-1]["message"] == f"There is no file {tmp_path / 'no.jsonl'}."
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"source": "r"}\n')
    assert events_of(*command, bad)[-1]["message"] == "A file's record has no source or no code; both are needed."
    said = events_of("pretrain", bad, "--device", "cpu", "--out", out)[-1]
    assert said["message"] == "A new encoder needs --tokenizer; train-tokenizer makes one."


def test_the_published_size_is_a_choice_and_checkpointing_is_turned_on(tmp_path, monkeypatch) -> None:
    from strata_train import modular_starencoder
    from strata_train.objectives import pretrain as module

    seen = []
    small = ModularStarEncoderConfig.small(15, num_layers=4, exits=(2, 4))
    monkeypatch.setattr(modular_starencoder.ModularStarEncoderConfig, "full", classmethod(lambda _: small))
    monkeypatch.setattr(module, "pretrain", lambda model, *_, **options: (seen.append((model, options)) or {}, True))
    command = ["pretrain", corpus(tmp_path), "--tokenizer", tokenizer_file(tmp_path), "--device", "cpu"]
    command += ["--size", "full", "--checkpointing", "--milestones", "5,9", "--warmup", 3, "--accumulate", 4]
    assert events_of(*command, "--out", tmp_path / "out")[-1]["event"] == "result"
    model, options = seen[0]
    assert model.exits == (2, 4) and model.checkpointing and model.config.mask_id == 14
    assert options["milestones"] == (5, 9) and options["warmup"] == 3 and options["accumulate"] == 4


# ---- tokens ----


def test_code_is_read_raw_and_marks_come_from_the_model(tmp_path) -> None:
    from strata_train.events import UserError
    from strata_train.objectives.tokens import RawTokens, special_tokens, train_tokenizer

    size = train_tokenizer(["fooBar = foo_bar\n\tfooBar"] * 50, 275, tmp_path / "tokenizer.json")
    tokens = RawTokens(tmp_path / "tokenizer.json")
    own = special_tokens(tokens.tokenizer)
    assert [own.pad, own.sep, own.cls, own.mask] == list(range(size - 4, size))
    code = "fooBar =\tfoo_bar"
    assert tokens.tokenizer.decode(tokens.encode(code)) == code  # nothing is split, no white space is lost
    special = tokens.take_marks(ModularStarEncoderConfig.small(300, pad_id=0, mask_id=1))
    assert (special.pad, special.sep, special.mask) == (0, 297, 1)
    tokens.take_marks(ModularStarEncoderConfig.small(size))
    assert tokens.encode("a<sep>b") == [*tokens.encode("a"), *tokens.encode("b")]  # a mark in the text is none of ours
    with pytest.raises(UserError, match="take the tokenizer that the model was trained with"):
        tokens.take_marks(ModularStarEncoderConfig.small(200))
    with pytest.raises(UserError, match="every byte and the marks: 260 or more"):
        train_tokenizer([], 259, tmp_path / "tokenizer.json")


# ---- stop and resume ----


def loop(folder, steps: int = 8, capsys=None, **options):
    """Two steps a pass; the weights as they came out, the logged losses, and whether the loop finished."""
    import json

    from strata_train.objectives.loop import Checkpoint
    from strata_train.objectives.pretrain import pretrain

    model = star(dropout=0.2)
    torch.manual_seed(1)
    heads = PretrainingHeads(16, VOCAB, model.exits)
    order = windows()[:5]  # two batches of two; the fifth window is left over
    capsys.readouterr()
    _, finished = pretrain(
        model, heads, lambda number: order[number % 5 :] + order[: number % 5], SPECIAL, VOCAB, steps=steps, batch=2,
        log_every=1, checkpoint=Checkpoint(folder / "checkpoint.pt", {"batch": 2}, minutes=0.0), **options,
    )  # fmt: skip
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {**model.state_dict(), **heads.state_dict()}, [event["loss"] for event in events], finished


@pytest.mark.parametrize("killed", [False, True])
def test_an_interrupted_pretraining_goes_on_to_the_same_losses(killed: bool, tmp_path, capsys, monkeypatch) -> None:
    import os
    import signal

    from strata_train.objectives import pretrain as module

    whole, losses, finished = loop(tmp_path, capsys=capsys)
    assert finished and len(losses) == 8
    real, calls = module.update, []

    def interrupted(*arguments: object) -> None:
        calls.append(1)
        if len(calls) == 4:  # in the middle of the second pass
            if killed:
                raise MemoryError
            os.kill(os.getpid(), signal.SIGTERM)
        real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(module, "update", interrupted)
        if killed:
            with pytest.raises(MemoryError):
                loop(tmp_path, capsys=capsys)
            before = losses[:3]
        else:
            _, before, finished = loop(tmp_path, capsys=capsys)
            assert not finished and before == losses[:4]
    capsys.readouterr()
    resumed, after, finished = loop(tmp_path, capsys=capsys, resume=True)
    assert finished and [*before, *after] == losses
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())


def test_a_resumed_pretraining_has_the_rest_of_the_minutes(tmp_path, capsys) -> None:
    _, losses, finished = loop(tmp_path, capsys=capsys, steps=3)
    _, more, finished = loop(tmp_path, capsys=capsys, steps=99, minutes=0.0, resume=True)
    assert len(losses) == 3 and more == [] and finished


def test_a_checkpoint_of_other_settings_or_none_is_refused(tmp_path, capsys) -> None:
    from strata_train.events import UserError
    from strata_train.objectives.loop import Checkpoint

    with pytest.raises(UserError, match="no checkpoint.pt"):
        loop(tmp_path, capsys=capsys, resume=True)
    loop(tmp_path, capsys=capsys, steps=1)
    model = star()
    heads = PretrainingHeads(16, VOCAB, model.exits)
    both = torch.nn.ModuleDict({"model": model, "heads": heads})
    before = model.model.embed_tokens.weight.clone()
    with pytest.raises(UserError, match="another batch and seed"):
        other = Checkpoint(tmp_path / "checkpoint.pt", {"batch": 4, "seed": 1})
        other.load(both, torch.optim.AdamW(both.parameters()))
    assert torch.equal(model.model.embed_tokens.weight, before)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", "cut off", {"model": {}}])
def test_what_is_no_checkpoint_is_named(content: object, tmp_path, capsys) -> None:
    from strata_train.events import UserError

    loop(tmp_path, capsys=capsys, steps=1)
    file = tmp_path / "checkpoint.pt"
    if isinstance(content, dict):  # as `train` leaves one
        torch.save(content, file)
    else:
        file.write_bytes(content if isinstance(content, bytes) else file.read_bytes()[:1000])
    with pytest.raises(UserError, match="checkpoint.pt is ") as end:
        loop(tmp_path, capsys=capsys, resume=True)
    assert end.value.code == "checkpoint-unreadable"


def test_the_command_saves_when_told_to_stop_and_resumes(tmp_path, capsys, monkeypatch) -> None:
    import json
    import os
    import signal

    from strata_train import cli
    from strata_train.objectives import pretrain as module

    command = ["pretrain", str(corpus(tmp_path)), "--tokenizer", str(tokenizer_file(tmp_path)), "--device", "cpu"]
    command += ["--batch", "4", "--window", "64", "--steps", "3", "--out", str(tmp_path / "out")]
    real = module.update

    def stopping(*arguments: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(module, "update", stopping)
        with pytest.raises(SystemExit) as end:
            cli.main(command)
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert end.value.code == 130 and said["code"] == "interrupted" and "--resume" in said["message"]
    assert not (tmp_path / "out" / "heads.safetensors").exists()
    kept = (tmp_path / "out" / "checkpoint.pt").read_bytes()
    with pytest.raises(SystemExit):
        cli.main(command)  # without --resume it would begin anew, over what is saved
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["code"] == "run-exists"
    assert (tmp_path / "out" / "checkpoint.pt").read_bytes() == kept
    cli.main([*command, "--resume"])
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["event"] == "result"
    assert (tmp_path / "out" / "heads.safetensors").exists()
    with pytest.raises(SystemExit):
        cli.main([*command, "--resume", "--seed", "5"])
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["code"] == "other-settings"
