import json
import random
from pathlib import Path

import numpy as np
import pytest

from conftest import make_pairs
from strata_train import data, views
from strata_train.config import DataConfig, TextConfig
from strata_train.dedup import EvaluationHashes
from strata_train.events import UserError
from strata_train.text import TextEncoder

PAIR = {
    "lang": "go",
    "source": "repo",
    "path": "net/http/server.go",
    "name": "readAll",
    "doc": "readAll reads from r until EOF. It returns the data.",
    "code": "func readAll(r io.Reader) []byte {\n\tbuf := newBuffer()\n\tfor {\n\t\tn := r.Read(buf)\n\t\tif n == 0 {\n"
    "\t\t\treturn buf\n\t\t}\n\t\tbuf = grow(buf)\n\t}\n}",
}


def build(files: list[Path], cache: Path, text: TextEncoder, exclusions: EvaluationHashes | None = None) -> None:
    data.build_shards(
        files,
        cache,
        text,
        DataConfig(),
        TextConfig(),
        held_out_share=0.1,
        seed=1,
        exclusions=exclusions,
        shard_pairs=64,
    )


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Returns the index.", "return the index"),
        ("Copies a file", "copy a file"),
        ("Flushes the buffer", "flush the buffer"),
        ("Parse a header", "parse a header"),
        ("HTTP status of a reply", "HTTP status of a reply"),
        ("This is a test", "this is a test"),
    ],
)
def test_questions_begin_with_the_imperative(sentence: str, expected: str) -> None:
    assert views.imperative(sentence) == expected


def test_queries_are_made_of_the_documentation_without_a_leading_name() -> None:
    for seed in range(20):
        for query in views.queries(PAIR, random.Random(seed), DataConfig()):
            assert not query.startswith("readAll")
            assert "read" in query


def test_names_can_be_removed_from_code() -> None:
    hidden = views.code_view(PAIR, random.Random(0), DataConfig(drop_name_code=1.0, breadcrumb=1.0))
    assert "readAll" not in hidden and "http/server.go" in hidden
    shown = views.code_view(PAIR, random.Random(0), DataConfig(drop_name_code=0.0, breadcrumb=1.0, keep_doc=1.0))
    assert shown.startswith("http/server.go > readAll\n/** readAll reads")


def test_code_pairs_are_halves_or_renamed() -> None:
    left, right = views.code_pair(PAIR, random.Random(3), DataConfig(rename=0.0))
    assert len(left.splitlines()) + len(right.splitlines()) == len(PAIR["code"].splitlines())
    renamed, original = views.code_pair(PAIR, random.Random(1), DataConfig(rename=1.0))
    assert original == PAIR["code"] and renamed != original and "return" in renamed


def test_shards_hold_every_pair_once_and_held_out_files_not_at_all(
    pairs_file: Path, tmp_path: Path, text: TextEncoder
) -> None:
    build([pairs_file], tmp_path / "cache", text)
    shards = [data.Shard.open(folder) for folder in data.shard_folders(tmp_path / "cache")]
    held_out = list(data.read_pairs([tmp_path / "cache" / "held-out.jsonl"]))
    pairs = list(data.read_pairs([pairs_file]))
    documents = sum(len(np.unique(shard.pairs[:, 1])) for shard in shards)
    assert len(shards) > 1 and held_out
    assert documents >= len(pairs) - len(held_out)
    files = {pair["path"] for pair in held_out}
    assert all(data.is_held_out(pair, 0.1, 1) == (pair["path"] in files) or pair["path"] not in files for pair in pairs)


def test_the_same_corpus_gives_the_same_shards(pairs_file: Path, tmp_path: Path, text: TextEncoder) -> None:
    for name in ("a", "b"):
        build([pairs_file], tmp_path / name, text)
    for a, b in zip(data.shard_folders(tmp_path / "a"), data.shard_folders(tmp_path / "b"), strict=True):
        for name in ("ids.npy", "offsets.npy", "pairs.npy"):
            assert (a / name).read_bytes() == (b / name).read_bytes()


@pytest.mark.parametrize("name", ["notes.txt", "src/main.py"])
def test_a_folder_that_is_no_cache_is_left_alone(
    name: str, pairs_file: Path, tmp_path: Path, text: TextEncoder
) -> None:
    cache = tmp_path / "project"
    (cache / name).parent.mkdir(parents=True)
    (cache / name).write_text("mine")
    with pytest.raises(UserError, match="no cache of shards"):
        build([pairs_file], cache, text)
    assert (cache / name).read_text() == "mine"


def test_an_unfinished_cache_is_built_again(pairs_file: Path, tmp_path: Path, text: TextEncoder) -> None:
    for left in ("parts", "shard-007", "shard-008.tmp"):
        (tmp_path / "cache" / left).mkdir(parents=True)
    build([pairs_file], tmp_path / "cache", text)
    assert (tmp_path / "cache" / "complete.json").exists() and not (tmp_path / "cache" / "shard-007").exists()


def test_batches_take_each_document_once_and_keep_folders_together(
    pairs_file: Path, tmp_path: Path, text: TextEncoder
) -> None:
    build([pairs_file], tmp_path / "cache", text)
    shard = data.Shard.open(data.shard_folders(tmp_path / "cache")[0])
    np.save(shard.folder / "teacher.npy", np.zeros((len(shard), 4), np.float16))
    seen: list[int] = []
    for batch in data.batches(shard, 16, 4, np.random.default_rng(0)):
        assert len(batch.query_ids) == len(batch.document_ids) == len(batch.query_teacher)
        seen += batch.document_index.tolist()
    assert len(seen) == len(set(seen)) > 0.8 * len(np.unique(shard.pairs[:, 1]))


def test_excluded_pairs_do_not_reach_the_shards(pairs_file: Path, tmp_path: Path, text: TextEncoder) -> None:
    pairs = make_pairs(160)
    hashes = EvaluationHashes.build(("set", pair["code"]) for pair in pairs[:100])
    build([pairs_file], tmp_path / "cache", text, hashes)
    complete = json.loads((tmp_path / "cache" / "complete.json").read_text())
    assert complete["dropped"]["in the evaluation"] >= 100


@pytest.mark.parametrize("line", ["not json", '{"lang": "go"}', "[1]"])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text(json.dumps(PAIR) + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(UserError, match="Line 2"):
        list(data.read_pairs([file]))
