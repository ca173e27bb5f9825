import gzip
import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import killed_while_writing, make_pairs
from strata_train import data, train, views
from strata_train.config import Config, DataConfig, ModelConfig, TextConfig
from strata_train.dedup import EvaluationHashes, deduplicate
from strata_train.device import Device
from strata_train.events import UserError
from strata_train.records import read_json_lines
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


def build(
    files: list[Path],
    cache: Path,
    text: TextEncoder,
    exclusions: EvaluationHashes | None = None,
    variants: DataConfig | None = None,
    teacher: str = "start",
    draw: int = 0,
    workers: int = 1,
    held_out_share: float = 0.1,
) -> None:
    data.build_shards(
        files,
        cache,
        text,
        variants or DataConfig(),
        TextConfig(),
        held_out_share=held_out_share,
        seed=1,
        exclusions=exclusions,
        teacher=teacher,
        draw=draw,
        workers=workers,
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
        ("Process the request", "process the request"),
        ("Processes the request", "process the request"),
        ("Status of the reply", "status of the reply"),
        ("Analysis of the loop", "analysis of the loop"),
        ("Fixes the offsets", "fix the offsets"),
        ("Passes the value on", "pass the value on"),
        ("Caches the answer", "cache the answer"),
        ("Initializes the table", "initialize the table"),
        ("Does nothing", "do nothing"),
        ("Closes it", "close it"),
        ("Always true", "always true"),
    ],
)
def test_questions_begin_with_the_imperative(sentence: str, expected: str) -> None:
    assert views.imperative(sentence) == expected


def test_queries_are_made_of_the_documentation_without_a_leading_name() -> None:
    for seed in range(20):
        for query in views.queries(PAIR, random.Random(seed), DataConfig()):
            assert not query.startswith("readAll")
            assert "read" in query


def test_some_questions_name_the_language_as_people_do() -> None:
    pair = PAIR | {"lang": "csharp", "doc": "Reads all of the stream."}
    asked = {query for seed in range(200) for query in views.queries(pair, random.Random(seed), DataConfig())}
    assert {
        "read all of the stream in c#",
        "how to read all of the stream in c#",
        "c# read all of the stream",
    } < asked
    assert not any("csharp" in query for query in asked)


@pytest.mark.parametrize(
    ("doc", "first"),
    [
        ("Возвращает самое длинное слово. Пустой список недопустим.", "Возвращает самое длинное слово"),
        ("读取配置文件并返回其中的设置。没有文件时返回空值。", "读取配置文件并返回其中的设置"),
        ("ユーザーの一覧を取得する。なければ空を返す。", "ユーザーの一覧を取得する"),
    ],
)
def test_questions_in_other_scripts_are_asked_without_english_words(doc: str, first: str) -> None:
    pair = PAIR | {"doc": doc}
    asked = {query for seed in range(100) for query in views.queries(pair, random.Random(seed), DataConfig())}
    assert {doc, first} <= asked
    assert all(views.word_count(query) >= 3 and not re.search("[a-z]", query) for query in asked)


@pytest.mark.parametrize(
    ("text", "words"), [("reads the file", 3), ("", 0), ("читает файл", 2), ("读取文件", 2), ("用 add 相加", 3)]
)
def test_words_are_counted_where_no_blanks_stand_between_them(text: str, words: int) -> None:
    assert views.word_count(text) == words


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
    definitions = sum(len(np.unique(shard.pairs[:, 3])) for shard in shards)
    assert len(shards) > 1 and held_out
    assert definitions == len(pairs) - len(held_out)
    assert held_out == [pair for pair in pairs if data.is_held_out(pair, 0.1, 1)]


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
    for left in ("parts", "shard-007", "shard-008.tmp", "complete.0123456789ab.tmp.json"):
        (tmp_path / "cache" / left).mkdir(parents=True)
    build([pairs_file], tmp_path / "cache", text)
    assert (tmp_path / "cache" / "complete.json").exists() and not (tmp_path / "cache" / "shard-007").exists()


def test_a_cache_whose_building_ended_with_its_last_line_is_built_again(
    pairs_file: Path, tmp_path: Path, text: TextEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with killed_while_writing(monkeypatch):
        build([pairs_file], tmp_path / "cache", text)
    build([pairs_file], tmp_path / "cache", text)
    assert data.shard_folders(tmp_path / "cache")


def _texts(cache: Path) -> list[list[int]]:
    shards = map(data.Shard.open, data.shard_folders(cache))
    return [shard.text(index).tolist() for shard in shards for index in range(len(shard))]


def test_another_draw_makes_other_views_of_the_same_pairs(pairs_file: Path, tmp_path: Path, text: TextEncoder) -> None:
    for draw in (0, 1):
        build([pairs_file], tmp_path / str(draw), text, draw=draw)
    first, second = (_texts(tmp_path / str(draw)) for draw in (0, 1))
    assert first != second
    assert (tmp_path / "0" / "held-out.jsonl").read_bytes() == (tmp_path / "1" / "held-out.jsonl").read_bytes()
    with pytest.raises(UserError, match="draw"):
        build([pairs_file], tmp_path / "0", text, draw=1)


def test_shards_built_by_many_processes_are_those_of_one(tmp_path: Path, text: TextEncoder) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(json.dumps(pair) + "\n" for pair in make_pairs(300)))
    for workers in (1, 2):
        build([file], tmp_path / str(workers), text, workers=workers)
    assert len(data.shard_folders(tmp_path / "2")) >= data.FEWEST_SHARDS
    assert _texts(tmp_path / "1") == _texts(tmp_path / "2")


ORPHANS = """
import os, sys, time
from pathlib import Path
from strata_train import data

def work(folder: str, number: int) -> None:
    (Path(folder) / f"{os.getpid()}").touch()
    time.sleep(600)

if __name__ == "__main__":
    list(data._in_processes(work, [(sys.argv[1], number) for number in range(4)], 2))
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="asks Linux which processes there are")
def test_workers_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    begun.mkdir()
    (tmp_path / "main.py").write_text(ORPHANS)
    environment = {**os.environ, "PYTHONPATH": str(Path(data.__file__).parents[1])}
    parent = subprocess.Popen([sys.executable, str(tmp_path / "main.py"), str(begun)], env=environment)
    try:
        assert until(lambda: len(list(begun.iterdir())) == 2)
    finally:
        parent.kill()
        parent.wait()
    workers = [Path("/proc") / each.name for each in begun.iterdir()]
    assert until(lambda: not any(worker.exists() for worker in workers))


def until(true: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_code_carries_its_documentation_as_its_language_does() -> None:
    assert views.documented("def f(x):\n    return x", "Gives x.", "python") == (
        'def f(x):\n    """Gives x."""\n    return x'
    )
    assert views.documented("func f() {}", "Does it.", "go") == "/** Does it. */\nfunc f() {}"
    assert views.documented("x = 1", "One.", "python") == "/** One. */\nx = 1"


def test_code_keeps_documentation_that_its_questions_do_not_repeat() -> None:
    config = DataConfig(drop_name_code=0.0, breadcrumb=0.0, keep_doc=0.0, written_keep_doc=0.5)
    asked = {**PAIR, "questions": ["how is everything read"]}
    repeated = {**PAIR, "questions": ["how is everything read", PAIR["doc"]]}
    kept = [
        sum(pair["doc"] in views.code_view(pair, random.Random(n), config) for n in range(200))
        for pair in (PAIR, asked, repeated)
    ]
    assert kept[0] == kept[2] == 0 and 70 < kept[1] < 130


def test_a_translation_shares_neither_path_nor_documentation_with_its_code(
    tmp_path: Path, text: TextEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = TextEncoder.encode_prepared

    def remembered(self: TextEncoder, prepared: list[str], tokens: int) -> list[list[int]]:
        seen.extend(prepared)
        return real(self, prepared, tokens)

    monkeypatch.setattr(TextEncoder, "encode_prepared", remembered)
    file = tmp_path / "pairs.jsonl"
    pair = {
        **PAIR,
        "path": "net/b.go",
        "code_b": "sub drain { my $all = slurp(shift); return $all }",
        "name_b": "drain",
    }
    file.write_text(json.dumps(pair) + "\n")
    build([file], tmp_path / "cache", text, variants=DataConfig(breadcrumb=1.0, keep_doc=1.0, drop_name_code=0.0))
    code = [each for each in seen if "Buffer" in each]
    translation = [each for each in seen if "slurp" in each]
    assert len(code) == len(translation) == 1 and code[0].startswith("net/b.go") and "until EOF" in code[0]
    assert translation[0].startswith("sub drain {")
    seen.clear()
    build([file], tmp_path / "nameless", text, variants=DataConfig(drop_name_code=1.0))
    assert not any("drain" in each for each in seen), "its own name is left out"


def test_batches_take_each_document_once_and_keep_folders_together(
    pairs_file: Path, tmp_path: Path, text: TextEncoder
) -> None:
    build([pairs_file], tmp_path / "cache", text)
    shard = data.Shard.open(data.shard_folders(tmp_path / "cache")[0])
    np.save(shard.folder / "teacher.npy", np.zeros((len(shard), 4), np.float16))
    seen: Counter[int] = Counter()
    for batch in data.batches(shard, 16, 4, np.random.default_rng(0)):
        assert len(batch.query_ids) == len(batch.document_ids) == len(batch.query_teacher)
        seen.update(batch.definition.tolist())
    documents = Counter(np.unique(shard.pairs[:, [1, 3]], axis=0)[:, 1].tolist())
    assert not seen - documents and seen.total() > 0.8 * documents.total()


def test_the_views_of_one_definition_are_no_negatives(
    pairs_file: Path, tmp_path: Path, text: TextEncoder, tiny_config: ModelConfig
) -> None:
    pairs = [{**pair, "code": f"{PAIR['code']} // {pair['name']}"} for pair in make_pairs(40)]
    pairs_file.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    build([pairs_file], tmp_path / "cache", text, variants=DataConfig(code_to_code=1.0))
    shard = data.Shard.open(data.shard_folders(tmp_path / "cache")[0])
    np.save(shard.folder / "teacher.npy", np.eye(len(shard), dtype=np.float16))  # nothing looks alike
    batch = next(data.batches(shard, 128, 4, np.random.default_rng(0)))
    assert len(batch.definition) == 2 * len(set(batch.definition))
    config = Config(model=replace(tiny_config, top_residual=0.0))
    _, mask = train._teacher(batch, None, config, Device(torch.device("cpu"), bf16=False))
    other = mask.numpy() & ~np.eye(len(mask), dtype=bool)
    assert (other.sum(axis=1) >= 1).all() and other[batch.definition[:, None] == batch.definition].sum() == len(mask)


def test_a_cache_of_something_else_is_refused(pairs_file: Path, tmp_path: Path, text: TextEncoder) -> None:
    cache = tmp_path / "cache"
    build([pairs_file], cache, text)
    build([pairs_file], cache, text)  # the same again is nothing to do
    for other, named in (
        ({"variants": DataConfig(rename=0.1)}, "data settings"),
        ({"teacher": "another"}, "teacher"),
        ({"exclusions": EvaluationHashes.build([("set", "a text")])}, "exclusions"),
    ):
        with pytest.raises(UserError, match=rf"\({named}\).*another cache"):
            build([pairs_file], cache, text, **other)
    pairs_file.write_text(pairs_file.read_text() + json.dumps(PAIR) + "\n")
    with pytest.raises(UserError, match=r"\(pairs\)"):
        build([pairs_file], cache, text)
    complete = json.loads((cache / "complete.json").read_text())
    del complete["made_from"]["layout"]  # its shards lack files of today's
    (cache / "complete.json").write_text(json.dumps(complete))
    with pytest.raises(UserError, match=r"\(layout, pairs\)"):
        build([pairs_file], cache, text)
    (cache / "complete.json").write_text('{"kept": 1, "dropped": {}}')  # as older versions left it
    with pytest.raises(UserError, match="another cache"):
        build([pairs_file], cache, text)


def test_instructions_are_part_of_the_texts(pairs_file: Path, tmp_path: Path, tokenizer_file: Path) -> None:
    text = TextEncoder(tokenizer_file, "find ", "hash ")
    build([pairs_file], tmp_path / "cache", text)
    shard = data.Shard.open(data.shard_folders(tmp_path / "cache")[0])
    query, code = (text.tokenizer.token_to_id(word) for word in ("find", "hash"))
    assert {int(shard.text(row)[1]) for row in shard.pairs[:, 1]} == {code}
    assert {int(shard.text(row)[1]) for row in shard.pairs[:, 0]} == {query}


def test_questions_that_people_wrote_are_asked_most_of_the_time() -> None:
    written = {**PAIR, "questions": ["load everything from a stream", "drain a reader"]}
    asked = [views.queries(written, random.Random(seed), DataConfig()) for seed in range(1000)]
    theirs = [queries[0] for queries in asked if queries[0] in written["questions"]]
    assert 650 < len(theirs) < 750 and set(theirs) == set(written["questions"])
    assert all(len(queries) == 1 for queries in asked if queries[0] in written["questions"])
    for seed in range(20):  # without them: the very same as ever
        for none in ({}, {"questions": []}):
            pair = {**PAIR, **none}
            assert views.queries(pair, random.Random(seed), DataConfig()) == views.queries(
                PAIR, random.Random(seed), DataConfig()
            )


def test_written_questions_are_read_and_kept_out_of_training_when_evaluated(tmp_path: Path, text: TextEncoder) -> None:
    file = tmp_path / "pairs.jsonl"
    written = {**PAIR, "questions": ["load everything from a stream"]}
    file.write_text(
        "".join(json.dumps(pair) + "\n" for pair in (written, *make_pairs(40), {**PAIR, "questions": None}))
    )
    read = list(data.read_pairs([file]))
    assert read[0] == written and "questions" not in read[1] and "questions" not in read[-1]
    hashes = EvaluationHashes.build([("set", written["questions"][0])])
    build([file], tmp_path / "cache", text, exclusions=hashes)
    assert json.loads((tmp_path / "cache" / "complete.json").read_text())["dropped"]["in the evaluation"] == 1


def test_a_translation_is_found_by_the_code_and_by_its_questions(tmp_path: Path, text: TextEncoder) -> None:
    file = tmp_path / "pairs.jsonl"
    translated = {**PAIR, "path": "net/b.go", "code_b": "func drain(r Reader) []byte { return all(r) }"}
    assert not data.is_held_out(translated, 0.1, 1)
    file.write_text("".join(json.dumps(pair) + "\n" for pair in (translated, *make_pairs(40))))
    assert next(iter(data.read_pairs([file]))) == translated
    plain = DataConfig(breadcrumb=0.0, keep_doc=0.0, drop_name_code=0.0)
    build([file], tmp_path / "cache", text, variants=plain)
    expected = text.encode_code("", translated["code_b"], 64)[:8]  # how much of it is read is drawn
    found = []
    for folder in data.shard_folders(tmp_path / "cache"):
        shard = data.Shard.open(folder)
        found += [(shard, row) for row in shard.pairs if shard.text(row[1])[:8].tolist() == expected]
    assert len(found) >= 2, "the code beside it and at least one question"
    assert len({int(row[3]) for _, row in found}) == 1, "views of one definition are no negatives of each other"


def test_the_language_of_a_translation_reaches_its_shard(tmp_path: Path, text: TextEncoder) -> None:
    file = tmp_path / "pairs.jsonl"
    translated = {"lang_b": "rust", "code_b": "fn read_all(r: &mut Reader) -> Vec<u8> { r.read_to_end() }"}
    pairs = [PAIR | translated | {"path": f"{i}.go", "code": PAIR["code"] + f"// {i}"} for i in range(20)]
    file.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    assert next(data.read_pairs([file]))["lang_b"] == "rust"
    build([file], tmp_path / "cache", text)
    shards = [data.Shard.open(folder) for folder in data.shard_folders(tmp_path / "cache")]
    languages = Counter(language for shard in shards for language in shard.languages)
    assert languages["rust"] == languages["go"] > 0


@pytest.mark.parametrize(
    ("pairs", "held_out", "said"),
    [
        ([], 0.0, "Of 0 pairs none is left to train on."),
        ([{"doc": "too few"}], 0.0, "Of 1 pairs none is left to train on (1 too short)."),
        ([{}, {}], 1.0, "Of 2 pairs none is left to train on (1 same code, 1 held out)."),
    ],
)
def test_pairs_of_which_none_is_left_are_told_and_leave_no_cache_that_passes_for_complete(
    pairs: list[dict[str, str]], held_out: float, said: str, tmp_path: Path, text: TextEncoder
) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(json.dumps(PAIR | pair) + "\n" for pair in pairs))
    for _ in range(2):
        with pytest.raises(UserError) as told:
            build([file], tmp_path / "cache", text, held_out_share=held_out)
        assert told.value.code == "no-data" and str(told.value) == said


def test_excluded_pairs_do_not_reach_the_shards(pairs_file: Path, tmp_path: Path, text: TextEncoder) -> None:
    pairs = make_pairs(160)
    hashes = EvaluationHashes.build(("set", pair["code"]) for pair in pairs[:100])
    build([pairs_file], tmp_path / "cache", text, hashes)
    complete = json.loads((tmp_path / "cache" / "complete.json").read_text())
    assert complete["dropped"]["in the evaluation"] >= 100


@pytest.mark.parametrize("read", [data.read_pairs, lambda files: read_json_lines(files[0])])
@pytest.mark.parametrize("damage", ["cut", "missing", "plain"])
def test_a_file_that_cannot_be_read_is_named(read: Callable, damage: str, tmp_path: Path) -> None:
    file, packed = tmp_path / "pairs.jsonl.gz", gzip.compress(b"".join(json.dumps(PAIR).encode() for _ in range(9)))
    if damage != "missing":
        file.write_bytes(packed[:-9] if damage == "cut" else b"{}")
    with pytest.raises(UserError, match="pairs.jsonl.gz cannot be read"):
        list(read([file]))


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        '{"lang": "go"}',
        "[1]",
        json.dumps({**PAIR, "questions": "one"}),
        json.dumps({**PAIR, "questions": [1]}),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text(json.dumps(PAIR) + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(UserError, match="Line 2"):
        list(data.read_pairs([file]))


@pytest.mark.parametrize("change", [{"doc": None}, {"code": ["a"]}, {"lang": 3}, {"code_b": {"a": 1}}])
def test_texts_of_a_pair_are_texts(change: dict, tmp_path: Path) -> None:
    """`None` would have been learned as the documentation of everything that has none."""
    (tmp_path / "pairs.jsonl").write_text(json.dumps(make_pairs(1)[0] | change) + "\n")
    with pytest.raises(UserError, match=f"`{next(iter(change))}` is no text"):
        list(data.read_pairs([tmp_path / "pairs.jsonl"]))


def test_a_folder_is_replaced_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleting takes time: a kill within it must not leave half of what was there."""
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "old").touch()
    (tmp_path / "made.old").mkdir()  # somebody's own
    seen = []
    real = data.shutil.rmtree
    monkeypatch.setattr(
        data.shutil,
        "rmtree",
        lambda folder, **more: (seen.append(set(os.listdir(tmp_path / "made"))), real(folder, **more)),
    )
    with data.folder_written_whole(tmp_path / "made") as work:
        (work / "new").touch()
    assert seen[1:] == [{"new"}] * 2 and sorted(os.listdir(tmp_path)) == ["made", "made.old"]


def test_a_folder_that_could_not_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError), data.folder_written_whole(tmp_path / "made") as work:
        (work / "part").touch()
        raise OSError("disk full")
    assert not list(tmp_path.iterdir())


def test_a_first_sentence_of_the_evaluation_is_not_learned(tmp_path: Path, text: TextEncoder) -> None:
    """It is asked alone in half of the draws."""
    listed = EvaluationHashes.build([("set", "Reads a whole stream")])
    pair = PAIR | {"doc": "Reads a whole stream. It returns the data."}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(pair) + "\n" + json.dumps(PAIR) + "\n")
    build([tmp_path / "pairs.jsonl"], tmp_path / "cache", text, listed, held_out_share=0.0)
    assert json.loads((tmp_path / "cache" / "complete.json").read_text())["dropped"] == {"in the evaluation": 1}
    assert list(deduplicate([pair], evaluation=listed)) == []


def test_there_may_be_more_shards_than_files_that_can_be_open(
    pairs_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    monkeypatch.setattr(data, "DEALT_AT_ONCE", 7)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(100, before[1]), before[1]))
    try:
        kept, _ = data._deal([pairs_file], tmp_path, 150, DataConfig(), 0.1, 1, None)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    files = [*tmp_path.glob("part-*.jsonl"), tmp_path / "held-out.jsonl"]
    assert len(files) == 151 and sum(len(file.read_text().splitlines()) for file in files) == kept == 160
