"""Fine-tuning for retrieval: its inputs, what a step sees, its loss against the formula, and the command."""

import json
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import events_of
from strata_train import cli
from strata_train.device import Device
from strata_train.events import UserError
from strata_train.losses.contrastive import contrastive_loss
from strata_train.losses.hierarchical import HierarchicalLoss
from strata_train.modular_starencoder import (
    ModularStarEncoder,
    ModularStarEncoderConfig,
    collate,
    load_published,
    save_published,
)
from strata_train.objectives import retrieval
from strata_train.objectives.retrieval import (
    Pair,
    Rows,
    backward,
    draw,
    figures_of,
    finetune,
    not_negatives,
    paper_loss,
    places,
    read_examples,
    replace_frequent_words,
    split_held_out,
)
from strata_train.objectives.tokens import RawTokens, train_tokenizer

CPU = Device(torch.device("cpu"), bf16=False)
NOUNS = ["file", "list", "token", "tree", "queue", "image", "packet", "matrix", "cache", "socket", "user", "path"]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # at these sizes threads cost more than they bring


def examples(count: int = 24, triplets: bool = True) -> list[dict]:
    """Pairs, of which every second has a translation."""
    rows = []
    for i in range(count):
        noun, other = NOUNS[i % 12], NOUNS[(i // 12 + i + 1) % 12]
        row = {"lang": "python", "source": "r", "path": f"{i // 2}.py", "name": noun, "doc": f"find {noun} by {other}"}
        row["code"] = f"def {noun}({other}):\n    return {noun}.{other}"
        if triplets and i % 2:
            row |= {"lang_b": "cpp", "code_b": f"auto {noun}(auto {other}) {{ return {noun}.{other}; }}"}
        rows.append(row)
    return rows


@pytest.fixture(scope="module")
def tokens_file(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("tokens") / "tokenizer.json"
    instructions = [retrieval.TEXT_INSTRUCTION, retrieval.CODE_INSTRUCTION] * 20
    train_tokenizer([*instructions, *(row["code"] for row in examples())], 400, file)
    return file


def small(tokens_file: Path, **changes: object) -> ModularStarEncoder:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_heads": 2, "num_kv_heads": 1, "dims": 16} | changes
    vocabulary = RawTokens(tokens_file).tokenizer.get_vocab_size()
    return ModularStarEncoder(ModularStarEncoderConfig.small(vocabulary, **sizes))


def rows_of(tokens_file: Path, model: ModularStarEncoder) -> Rows:
    return Rows(RawTokens(tokens_file), model)


# ---- inputs ----


def test_inputs_have_the_published_form(tokens_file: Path) -> None:
    model = small(tokens_file)
    rows, config = rows_of(tokens_file, model), model.config
    decode = rows.tokens.tokenizer.decode
    for row, instruction, text in (
        (rows.text("find a file"), "Represent this code description for retrieving supporting snippets of code:",
         "find a file"),
        (rows.code("cpp", "int a;"), "Represent this C++ code snippet for retrieval:", "int a;"),
    ):  # fmt: skip
        second = row[1:].tolist().index(config.sep_id) + 1
        assert row[0] == config.sep_id and row[-1] == config.cls_id
        assert decode(row[1:second].tolist()) == instruction and decode(row[second + 1 : -1].tolist()) == text


def test_frequent_words_and_nothing_else_are_replaced() -> None:
    code = "def total(rows):\n    total = 0\n    for row in rows:\n        total = total + row\n    return x return"
    changed = replace_frequent_words(code, random.Random(0))
    assert changed == replace_frequent_words(code, random.Random(0)) != replace_frequent_words(code, random.Random(1))
    name = changed.split("(")[0].removeprefix("def ")
    assert changed == code.replace("total", name) and name != "total"  # `row`, `rows`: twice; `return`: a keyword
    assert replace_frequent_words("a + a + a", random.Random(0)) == "a + a + a"


# ---- what a step sees ----


def test_places_go_through_everything_before_they_repeat() -> None:
    walk = places(10, 0, 35, (7,))
    assert all(sorted(walk[start : start + 10]) == list(range(10)) for start in (0, 10, 20))
    assert walk[:10] != walk[10:20]
    assert places(10, 13, 9, (7,)) == walk[13:22] and places(10, 5, 0, (7,)) == []


def test_text_code_and_code_code_are_drawn_evenly() -> None:
    every = examples()
    triplets = [row for row in every if "code_b" in row]
    pairs = draw(every, triplets, step=3, batch=12, seed=1, replaced=0)
    assert Counter(pair.query_language for pair in pairs) == {None: 6, "python": 6}
    by_text, by_code = {row["doc"]: row for row in every}, {row["code"]: row for row in triplets}
    for pair in pairs:
        if pair.query_language:
            assert pair.document == by_code[pair.query]["code_b"] and pair.language == "cpp"
        else:
            row = by_text[pair.query]
            assert (pair.language, pair.document) in (("python", row["code"]), ("cpp", row.get("code_b")))
    assert pairs == draw(every, triplets, 3, 12, 1, 0) != draw(every, triplets, 4, 12, 1, 0)
    assert all(pair.query_language is None for pair in draw(every, [], 0, 12, 1))


def test_three_in_ten_codes_are_augmented_and_no_text() -> None:
    every = [row | {"doc": "word word word", "code": f"value{i} " * 4} for i, row in enumerate(examples(200, False))]
    pairs = draw(every, [], 0, 200, seed=0)
    assert {pair.query for pair in pairs} == {"word word word"}
    assert sum(not pair.document.startswith("value") for pair in pairs) / 200 == pytest.approx(0.3, abs=0.08)
    assert all(pair.seed.startswith("value") for pair in pairs)


def test_rows_of_one_origin_are_not_each_others_negatives() -> None:
    pairs = [Pair("q", None, "d", "go", "a"), Pair("q", None, "e", "go", "b"), Pair("r", None, "e", "go", "c"),
             Pair("s", "go", "f", "go", "a")]  # fmt: skip
    assert not_negatives(pairs).int().tolist() == [[1, 1, 0, 1], [1, 1, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1]]


def test_whole_files_are_held_out() -> None:
    training, held_out = split_held_out(examples(400), 0.3)
    assert 0.15 < len(held_out) / 400 < 0.45
    assert not {row["path"] for row in training} & {row["path"] for row in held_out}
    assert split_held_out([{"code": "a"}, {"code": "b"}], 0.0)[0] == [{"code": "a"}, {"code": "b"}]


def test_bad_examples_are_named(tmp_path: Path) -> None:
    file = tmp_path / "examples.jsonl"
    file.write_text(json.dumps(examples(1)[0]) + "\n" + json.dumps({"lang": "go", "code": "x", "code_b": "y"}) + "\n")
    with pytest.raises(UserError, match="Example 2 of .* has no doc and no lang_b."):
        read_examples([file])
    with pytest.raises(UserError, match="There is no file nowhere."):
        read_examples([Path("nowhere")])


# ---- the loss ----


@pytest.mark.parametrize("chunk", [0, 3])
def test_the_loss_is_the_papers_and_gradient_caching_changes_nothing(chunk: int, tokens_file: Path) -> None:
    model = small(tokens_file).train()
    rows = rows_of(tokens_file, model)
    every = examples()
    pairs = sorted(draw(every, every[1::2], 0, 8, seed=0), key=lambda pair: len(pair.document))
    combine = HierarchicalLoss(paper_loss(), model.exits, model.config.num_layers, (16,))
    value, parts = backward(model, pairs, rows, combine, chunk, CPU)
    gradient = model.model.layers[0].mlp.c_fc.weight.grad.clone()
    model.zero_grad()
    queries = [rows.code(p.query_language, p.query) if p.query_language else rows.text(p.query) for p in pairs]
    q = model(*collate(queries, model.config))
    d = model(*collate([rows.code(p.language, p.document) for p in pairs], model.config))
    same = not_negatives(pairs)
    expected = sum(i / 6 * contrastive_loss(q[i].embedding, d[i].embedding, 10.0, same) for i in (2, 4, 6))
    expected.backward()
    assert value.item() == pytest.approx(expected.item(), rel=1e-4)
    assert set(parts) == {"2/contrastive", "4/contrastive", "6/contrastive"}
    torch.testing.assert_close(gradient, model.model.layers[0].mlp.c_fc.weight.grad, atol=1e-5, rtol=1e-3)


def test_bf16_and_checkpointing_change_the_loss_by_rounding_only(tokens_file: Path) -> None:
    model = small(tokens_file, dropout=0.1).train()
    rows, pairs = rows_of(tokens_file, model), draw(examples(), [], 0, 8, seed=0)
    combine = HierarchicalLoss(paper_loss(), model.exits, 6, (16,))
    values, gradients = [], []
    for bf16, model.checkpointing in ((False, False), (False, True), (True, True)):
        torch.manual_seed(0)
        model.zero_grad()
        values.append(backward(model, pairs, rows, combine, 3, Device(torch.device("cpu"), bf16))[0].item())
        gradients.append(model.projections[0].weight.grad.clone())
    assert values[0] == pytest.approx(values[1], rel=1e-5) and values[0] != values[2] == pytest.approx(values[0], 0.01)
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(gradients[0], gradients[2], atol=0.1 * float(gradients[0].abs().max()), rtol=0)


def test_self_distillation_is_a_choice(tokens_file: Path) -> None:
    model = small(tokens_file).train()
    config = paper_loss(scale=5.0, distil_vectors=1.0, distil_scores=0.5, cross_exit=0.2)
    combine = HierarchicalLoss(config, model.exits, 6, (16,))
    _, parts = backward(model, draw(examples(), [], 0, 6, 0), rows_of(tokens_file, model), combine, 2, CPU)
    lower = {f"{exit}/{term}" for exit in (2, 4) for term in ("contrastive", "vectors", "scores", "cross")}
    assert set(parts) == {*lower, "6/contrastive"}


def test_figures_are_reciprocal_ranks_of_both_tasks(tokens_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small(tokens_file)
    every = [*examples(6), examples(1)[0] | {"doc": "another text of the same code"}]
    seen = []

    def vectors(_: object, texts: list, exits: tuple, **__: object) -> dict:
        """Queries point at their own document but the last, whose nearest is another one."""
        seen.append(len(texts))
        towards = [*range(6), 1] if len(texts) == 7 else range(len(texts))
        return {exit: np.eye(6, dtype=np.float32)[list(towards)] for exit in exits}

    monkeypatch.setattr(retrieval.data, "encode_texts", vectors)
    figures = figures_of(model, every, rows_of(tokens_file, model), CPU)
    assert seen == [7, 6, 3, 3]  # the code of two texts is one document
    assert figures["2"] == figures["score"] == pytest.approx((6 + 1 / 6) / 7) and figures["code 6"] == 1.0


# ---- the loop ----


def test_those_held_out_of_every_file_are_measured(tokens_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Triplets and the languages of later files too, however many pairs come before them."""
    pairs, triplets = examples(2000, triplets=False), examples(2000)[1::2]
    chosen = retrieval.measured_on([*pairs, *triplets], 300)
    assert len(chosen) == 300 and chosen == retrieval.measured_on([*pairs, *triplets], 300)
    assert sum("code_b" in example for example in chosen) == pytest.approx(100, abs=30)
    assert sorted(map(str, retrieval.measured_on(pairs[:9]))) == sorted(map(str, pairs[:9]))


def loop(tokens_file: Path, folder: Path, capsys, steps: int = 6, **options: object):
    from strata_train.objectives.loop import Checkpoint

    model = small(tokens_file, dropout=0.2)
    capsys.readouterr()
    _, finished = finetune(
        model, rows_of(tokens_file, model), examples(), examples(4), loss=paper_loss(), steps=steps, batch=8, chunk=3,
        rate=1e-3, warmup=2, log_every=1, evaluate_every=4,
        checkpoint=Checkpoint(folder / "checkpoint.pt", {"batch": 8}), **options,
    )  # fmt: skip
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    measured = [event["step"] for event in events if event["phase"] == "held-out"]
    return model.state_dict(), [e["loss"] for e in events if e["phase"] == "retrieval"], measured, finished


def test_an_interrupted_run_goes_on_to_the_same_losses(tokens_file, tmp_path, capsys, monkeypatch) -> None:
    whole, losses, measured, finished = loop(tokens_file, tmp_path, capsys)
    assert finished and len(losses) == 6 and measured == [0, 4, 6]
    real, calls = retrieval.update, []

    def interrupted(*arguments: object) -> None:
        calls.append(1)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(retrieval, "update", interrupted)
        _, before, _, finished = loop(tokens_file, tmp_path, capsys)
    assert not finished and before == losses[:3]
    resumed, after, measured, finished = loop(tokens_file, tmp_path, capsys, resume=True)
    assert finished and [*before, *after] == losses and measured == [4, 6]
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())
    _, more, _, finished = loop(tokens_file, tmp_path, capsys, steps=99, minutes=0.0, resume=True)
    assert more == [] and finished


def test_every_exit_learns_to_find_code(tokens_file: Path, capsys) -> None:
    model = small(tokens_file)
    rows = rows_of(tokens_file, model)
    before = figures_of(model, examples(), rows, CPU)
    finetune(
        model, rows, examples(), [], loss=paper_loss(), steps=60, batch=24, chunk=0, rate=1e-2, warmup=10,
    )  # fmt: skip
    after = figures_of(model, examples(), rows, CPU)
    for figure in ("2", "4", "6", "code 2", "code 4", "code 6"):
        assert after[figure] > before[figure] + 0.2


def test_no_examples_and_a_batch_without_negatives_are_refused(tokens_file: Path) -> None:
    model = small(tokens_file)
    rows = rows_of(tokens_file, model)
    with pytest.raises(UserError, match="no examples to train on"):
        finetune(model, rows, [], [], loss=paper_loss())
    with pytest.raises(UserError, match="A batch of 1 cannot be dealt to 1 processes"):
        finetune(model, rows, examples(), [], loss=paper_loss(), batch=1)
    with pytest.raises(UserError, match="Texts of 10 tokens do not work: the instructions need"):
        Rows(RawTokens(tokens_file), model, 10)


# ---- torchrun ----


def test_two_processes_take_the_step_of_one(tokens_file: Path, tmp_path: Path) -> None:
    """Half of the batch each, negatives of all of it: the same weights as one process that sees the whole batch."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    shared |= {"PYTHONPATH": os.pathsep.join(sys.path)}
    save_published(small(tokens_file), tmp_path / "start")
    (tmp_path / "start" / "tokenizer.json").write_bytes(tokens_file.read_bytes())
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("".join(json.dumps(row) + "\n" for row in examples()))
    command = ["finetune-retrieval", str(pairs), "--start", str(tmp_path / "start"), "--steps", "2", "--batch", "8"]
    command += ["--chunk", "2", "--rate", "1e-3", "--warmup", "1", "--device", "cpu", "--threads", "1"]
    command += ["--precision", "fp32"]  # or rounding, on processors with bf16, is larger than what is looked for
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "strata_train", *command, "--out", str(tmp_path / "two")],
            env={**os.environ, **shared, "RANK": str(rank)},
            stdout=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    said = [worker.communicate(timeout=120)[0].decode() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    assert said[1] == "" and json.loads(said[0].splitlines()[-1])["event"] == "result"
    events_of(*command, "--out", tmp_path / "one")
    one, two = (load_published(tmp_path / name).state_dict() for name in ("one", "two"))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, atol=2e-5, rtol=1e-3)


# ---- the commands, from nothing to a folder of segments ----


def test_an_export_without_its_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    said = events_of("export-segments", "--start", "x", "--out", "y")[-1]
    assert said["message"] == "This export needs onnxscript: run `pip install onnxscript`."


def test_the_commands_in_the_readme_are_understood() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    blocks = "\n".join(readme.split("```")[1::2]).replace("\\\n", " ").replace("$k", "0")
    commands = re.findall(r"-m strata_train (?:-- )?(?!--help)([^;\n]+)", blocks)
    for command in commands:
        options = cli._parser().parse_args(shlex.split(command))
        if config := getattr(options, "config", None):
            assert (Path(__file__).parents[1] / config).exists(), command
    assert len(commands) == 30
    assert "\nstrata " not in blocks and "; strata " not in blocks  # nothing puts it on the PATH; npx finds it


def test_from_nothing_to_an_exported_folder(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    from strata_train.export import read_manifest

    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("".join(json.dumps(row) + "\n" for row in examples(80)))
    tokenizer = tmp_path / "tokenizer.json"
    assert events_of("train-tokenizer", pairs, "--out", tokenizer, "--vocabulary", 400)[-1]["tokens"] <= 400
    short = ("--steps", 2, "--batch", 4, "--device", "cpu", "--threads", 1)
    pretrained, tuned, out = tmp_path / "pretrained", tmp_path / "tuned", tmp_path / "segments"
    command = ("pretrain", pairs, "--tokenizer", tokenizer, "--out", pretrained, *short, "--window", 64)
    assert events_of(*command)[-1]["loss"] > 0
    events = events_of("finetune-retrieval", pairs, "--start", pretrained, "--out", tuned, *short, "--held-out", 0.2)
    assert {"2", "4", "6", "code 6", "score", "loss"} <= events[-1].keys() and events[-1]["event"] == "result"
    again = events_of("finetune-retrieval", pairs, "--start", pretrained, "--out", tuned, *short)
    assert again[-1]["code"] == "run-exists"
    assert events_of("export-segments", "--start", tuned, "--out", out)[-1]["event"] == "result"

    manifest = read_manifest(out)
    assert [exit["from"] for exit in manifest["exits"]] == [0, 2, 4]
    model = load_published(tuned).eval()
    ids, mask = collate([Rows(RawTokens(tuned / "tokenizer.json"), model).text("find a file")], model.config)
    marks = manifest["marks"]
    pooling = (np.arange(ids.shape[1]) >= np.flatnonzero(ids[0] == marks["sep"])[-1]).astype(np.int64)[None]
    feed = {"input_ids": ids.numpy()}
    for exit in manifest["exits"]:
        session = onnxruntime.InferenceSession(out / exit["file"])
        vectors, *hidden = session.run(None, feed | {"attention_mask": mask.numpy(), "pooling_mask": pooling})
        expected = model(ids, mask)[exit["layer"]].embedding.detach().numpy()
        np.testing.assert_allclose(vectors, expected, atol=1e-4)
        feed = {"hidden": hidden[0]} if hidden else {}
    assert events_of("export-segments", "--start", tuned, "--out", out, "--exits", "2")[-1]["event"] == "result"
    assert {path.name for path in out.iterdir()} == {"manifest.json", "tokenizer.json", "segment-0-2.onnx"}
    assert read_manifest(out)["files"].keys() == {"tokenizer.json", "segment-0-2.onnx"}
    for other, code in ((tuned, "out-is-start"), (tmp_path, "out-is-start"), (pretrained, "out-foreign")):
        assert events_of("export-segments", "--start", tuned, "--out", other)[-1]["code"] == code
    said = events_of("export-segments", "--start", tuned, "--out", out, "--exits", "3")[-1]
    assert said["message"] == "There is no exit 3; this model has 2, 4, 6."
