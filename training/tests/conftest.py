"""Shared fixtures: a tiny encoder, tokenizer and corpus, all made on the spot. No network, no fixed paths."""

from __future__ import annotations

import io
import json
import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as `__main__.py` says

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from strata_train import cli, data, mentor
from strata_train.config import Config, ModelConfig
from strata_train.export import export_folder
from strata_train.model import MultiExitEncoder, with_table_parts
from strata_train.text import TextEncoder

REPOSITORY = Path(__file__).resolve().parents[2]
VERBS = ["read", "write", "parse", "sort", "merge", "close", "open", "send", "split", "count", "find", "copy", "hash"]
NOUNS = ["file", "list", "header", "token", "tree", "queue", "image", "packet", "matrix", "cache", "socket", "user"]
WORDS = [*VERBS, *NOUNS, "def", "return", "self", "for", "in", "the", "a", "of", "and", "to", "from", "value", "path"]


@pytest.fixture(autouse=True)
def _seed() -> Iterator[None]:
    torch.manual_seed(0)
    torch.set_num_threads(2)
    yield


@pytest.fixture(scope="session")
def tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WordPiece tokenizer that knows a few words and every ASCII character."""
    characters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters, *(f"##{c}" for c in characters if c.isalnum())]
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys([*pieces, *WORDS]))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    file = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(file))
    return file


@pytest.fixture
def text(tokenizer_file: Path) -> TextEncoder:
    return TextEncoder(tokenizer_file)


@pytest.fixture
def tiny_config(text: TextEncoder) -> ModelConfig:
    return ModelConfig(
        vocab_size=text.vocabulary_size,
        hidden_size=32,
        layers=3,
        heads=4,
        intermediate_size=64,
        max_positions=256,
        dims=32,
        exits=(0, 1, 3),
        matryoshka=(8, 16, 32),
        exit_block=16,
        exit_gate=True,
        exit_residual=0.5,
        top_residual=0.25,
        count_power=0.5,
    )


@pytest.fixture
def tiny_model(tiny_config: ModelConfig) -> MultiExitEncoder:
    torch.manual_seed(1)
    model = MultiExitEncoder(tiny_config)
    with torch.no_grad():  # away from the initial identity, so that every part is exercised
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model.eval()


@contextmanager
def killed_while_writing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The next text that is written to a file is cut off by the end of the process."""
    real = Path.write_text

    def torn(file: Path, content: str, **more: str) -> int:
        real(file, content[:20], **more)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "write_text", torn)
        yield


def stop_at(monkeypatch: pytest.MonkeyPatch, module: ModuleType, function: str, call: int) -> None:
    """SIGTERM at the n-th call of a module's function."""
    real, count = getattr(module, function), iter(range(1, 10_000))

    def stopping(*arguments: object, **named: object) -> object:
        if next(count) == call:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*arguments, **named)

    monkeypatch.setattr(module, function, stopping)


def with_speaking_parts(model: MultiExitEncoder, *, attention: int = 16) -> MultiExitEncoder:
    """The same encoder with an attention and a block at its table that say something, as the bundled one has."""
    model = with_table_parts(model, replace(model.config, table_block=32, table_attention=attention)).eval()
    assert model.table is not None and model.table.block is not None
    torch.nn.init.normal_(model.table.block[2].weight, std=0.2)
    if model.table.attention is not None:
        torch.nn.init.normal_(model.table.attention[0].weight)
        torch.nn.init.normal_(model.table.attention[1].weight, std=0.3)
    return model


@pytest.fixture
def folder(tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path) -> Path:
    """A model folder to go on from."""
    start = with_speaking_parts(tiny_model)
    export_folder(start, text, tmp_path / "start", id="start", description="for tests", shared_space=True)
    return tmp_path / "start"


def teach(cache: Path, width: int, owner: str = "") -> Path:
    """Gives the texts of a cache vectors of a mentor that finds texts alike by their words. `owner`: a `Mentor.id`."""
    table = F.normalize(torch.randn(4096, width), dim=-1).numpy()
    for shard in map(data.Shard.open, data.shard_folders(cache)):
        rows = np.stack([table[shard.text(index)].mean(axis=0) for index in range(len(shard))])
        np.save(shard.folder / mentor.VECTORS, (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16))
        if owner:
            (shard.folder / mentor.WHOSE).write_text(owner)
    return cache


def make_pairs(count: int, seed: int = 0) -> list[dict[str, str]]:
    """Documented functions whose code can be told from their documentation."""
    chance = random.Random(seed)
    pairs = []
    for index in range(count):
        verb, noun, other = chance.choice(VERBS), chance.choice(NOUNS), chance.choice(NOUNS)
        pairs.append(
            {
                "lang": "python",
                "source": f"repo-{index % 3}",
                "path": f"pkg{index % 7}/module_{index % 40}.py",
                "name": f"{verb}_{noun}_{index}",
                "doc": f"{verb} the {noun} and return a {other}. From the path to the value {index}.",
                "code": f"def {verb}_{noun}_{index}(self, {other}):\n    for value in {noun}:\n"
                f"        self.{verb}(value, {index})\n    return {other}",
            }
        )
    return pairs


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, list[dict]]:
    """Exit status and events of one command."""
    capsys.readouterr()
    status = 0
    try:
        cli.main([str(argument) for argument in arguments])
    except SystemExit as stop:
        status = int(stop.code or 0)
    return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def events_of(*arguments: object) -> list[dict]:
    """The events of one command, for tests without `capsys`."""
    said = io.StringIO()
    with redirect_stdout(said), suppress(SystemExit):
        cli.main([str(argument) for argument in arguments])
    return [json.loads(line) for line in said.getvalue().splitlines()]


@pytest.fixture
def pairs_file(tmp_path: Path) -> Path:
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(json.dumps(pair) + "\n" for pair in make_pairs(160)), encoding="utf-8")
    return file


@pytest.fixture
def cache(pairs_file: Path, tmp_path: Path, text: TextEncoder, tiny_model: MultiExitEncoder, settings: Config) -> Path:
    """Shards of `pairs_file` with the tiny encoder's vectors; the module's own `settings`."""
    folder = tmp_path / "cache"
    data.build_shards(
        [pairs_file],
        folder,
        text,
        settings.data,
        settings.text,
        held_out_share=0.1,
        seed=1,
        exclusions=None,
        teacher="tiny",
        shard_pairs=64,
    )
    for shard in data.shard_folders(folder):
        data.add_teacher(data.Shard.open(shard), tiny_model, device=torch.device("cpu"), autocast=False)
    return folder


def pairs_in_two_languages(count: int) -> list[dict]:
    """The same function in two languages, each with words of its own."""
    return [
        pair
        | {
            "lang_b": "go",
            "name_b": pair["name"],
            "code_b": " ".join(["and", "of", "the", *pair["code"].replace("self", "to").split()[1:], "and of the"]),
            "questions": [f"how to {pair['doc'].split('.')[0]}"],
        }
        for pair in make_pairs(count, seed=3)
    ]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    found = [tmp_path / "tasks.jsonl", tmp_path / "singles.jsonl"]
    for file, pairs in zip(found, (pairs_in_two_languages(40), make_pairs(60)), strict=True):
        file.write_text("".join(json.dumps(pair) + "\n" for pair in pairs), encoding="utf-8")
    return found
