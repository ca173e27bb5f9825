"""De-duplication and the contamination filter: what is caught, what is left alone, and what the list gives away."""

import gzip
import io
import json
import random
import tarfile
from types import SimpleNamespace

import numpy as np
import pytest

from strata_train import dedup
from strata_train.dedup import (
    EvaluationHashes,
    MinHash,
    MinHashSettings,
    NearDuplicates,
    Removed,
    deduplicate,
    evaluation_texts,
    shingles,
    text_hash,
)
from strata_train.events import UserError

WORDS = "read write parse open close index value token count result buffer start stop node edge path name".split()


def function(seed: int, lines: int = 12) -> str:
    rng = random.Random(seed)
    body = "\n".join(
        f"    {rng.choice(WORDS)}_{rng.choice(WORDS)} = {rng.choice(WORDS)}({rng.choice(WORDS)}, {rng.randrange(99)})"
        for _ in range(lines)
    )
    return f"def {rng.choice(WORDS)}_{seed}(source):\n{body}\n    return source"


def jaccard(a: str, b: str) -> float:
    x, y = set(shingles(a).tolist()), set(shingles(b).tolist())
    return len(x & y) / len(x | y)


def edited(text: str, lines: int) -> str:
    """The text with its last `lines` lines before `return` replaced."""
    parts = text.split("\n")
    for i in range(lines):
        parts[-2 - i] = f"    other_thing_{i} = compute_something_else({i})"
    return "\n".join(parts)


# ---- shingles and MinHash ----


def test_shingles_are_the_set_of_character_5_grams_of_the_normalised_text() -> None:
    assert len(shingles("abcdefg")) == 3
    assert len(shingles("aaaaaaaaaa")) == 1
    assert len(shingles("ab")) == 1 and len(shingles("")) == 1
    assert np.array_equal(shingles("Return  X\n"), shingles("return x"))
    assert not np.array_equal(shingles("größe"), shingles("grösse"))


def test_a_signature_estimates_the_jaccard_similarity() -> None:
    errors = []
    for seed in range(30):  # other permutations each time: errors of one set of permutations go together
        minhash = MinHash(MinHashSettings(seed=seed))
        a = function(seed)
        b = edited(a, seed % 6)
        errors.append((minhash.signature(a) == minhash.signature(b)).mean() - jaccard(a, b))
    assert abs(np.mean(errors)) < 0.015 and np.std(errors) < 0.04  # 256 permutations: a standard error of 0.03


def test_near_copies_above_the_threshold_are_found_and_those_below_are_kept() -> None:
    near = NearDuplicates()
    originals = [function(seed) for seed in range(40)]
    assert near.add(originals) == [-1] * 40
    close = [edited(text, 1) for text in originals]
    far = [edited(text, 5) for text in originals]
    assert min(jaccard(a, b) for a, b in zip(originals, close, strict=True)) > 0.78
    assert max(jaccard(a, b) for a, b in zip(originals, far, strict=True)) < 0.62
    assert near.add(close) == list(range(40))
    assert near.add(far) == [-1] * 40


def test_near_copies_within_one_batch_are_found() -> None:
    a, b = function(1), function(2)
    assert NearDuplicates().add([a, edited(a, 1), b, a]) == [-1, 0, -1, 0]


def test_answers_do_not_depend_on_the_batch_size() -> None:
    texts = [edited(function(seed % 25), seed % 4) for seed in range(100)]
    whole = NearDuplicates().add(texts)
    near = NearDuplicates()  # small batches, so that the runs are merged on the way
    assert [answer for i in range(0, 100, 3) for answer in near.add(texts[i : i + 3])] == whole


def test_bands_must_fit_the_permutations() -> None:
    with pytest.raises(ValueError, match="need more than 16"):
        MinHashSettings(permutations=16, bands=4, rows=5)


# ---- the filter ----


def test_exact_near_and_contaminated_records_go_and_the_first_copy_stays() -> None:
    a, b, c = function(1), function(2), function(3)
    records = [
        {"id": 0, "code": a, "doc": "first"},
        {"id": 1, "code": a.replace("    ", "\t") + "\n", "doc": "the same, other white space"},
        {"id": 2, "code": edited(a, 1), "doc": "near"},
        {"id": 3, "code": b, "doc": "in the evaluation"},
        {"id": 4, "code": c, "doc": "Sort a list of  NUMBERS"},
        {"id": 5, "code": c, "doc": "kept"},
    ]
    evaluation = EvaluationHashes.build([("set", b), ("set", "sort a list of numbers")])
    removed = Removed()
    kept = [r["id"] for r in deduplicate(records, evaluation=evaluation, removed=removed)]
    assert kept == [0, 5]
    assert (removed.seen, removed.contaminated, removed.exact, removed.near, removed.kept) == (6, 2, 1, 1, 2)


def test_records_stream_in_order() -> None:
    drawn = []

    def source():
        for i in range(10):
            drawn.append(i)
            yield {"code": function(i), "doc": ""}

    kept = deduplicate(source(), batch=3)
    next(kept)
    assert drawn == [0, 1, 2]  # one batch was read, not all


# ---- contamination ----


def test_near_copies_of_evaluation_texts_are_caught_by_the_hashes_alone(tmp_path) -> None:
    listed = [function(seed, lines=20) for seed in range(50)]
    path = tmp_path / "hashes.json.gz"
    EvaluationHashes.build(("set", text) for text in listed).save(path)
    hashes = EvaluationHashes.load(path)
    assert all(hashes.contains(text) for text in listed)
    assert all(hashes.contains(text.replace("\n", "\n\n").upper()) for text in listed)
    renamed = [text.replace("def ", "def my_own_") for text in listed]
    changed = [edited(text, 2) for text in listed]
    assert sum(map(hashes.contains, renamed)) == 50 and sum(map(hashes.contains, changed)) >= 48
    inside_a_file = function(3, lines=20).split("\n", 1)[1]
    assert hashes.contains(inside_a_file)
    assert not any(hashes.contains(function(seed, lines=20)) for seed in range(100, 300))


def test_short_texts_are_caught_only_when_equal() -> None:
    hashes = EvaluationHashes.build([("set", "return the sum of two numbers")])
    assert hashes.contains("Return the sum of  two numbers") and not hashes.contains("return the sum of three numbers")
    for around in (
        "Return the sum of two numbers.",
        '"return the sum of two numbers"?',
        "* return the sum of two numbers:",
    ):
        assert hashes.contains(around)
    assert EvaluationHashes.build([("set", "How do I sort?")]).contains("how do I sort")


def test_the_list_survives_saving_and_is_the_same_bytes_each_time(tmp_path) -> None:
    hashes = EvaluationHashes.build([("a", function(1)), ("b", function(2)), ("b", function(3))])
    for name in ("x", "y"):
        hashes.save(tmp_path / name)
    again = EvaluationHashes.load(tmp_path / "x")
    assert np.array_equal(again.texts, hashes.texts) and np.array_equal(again.shingles, hashes.shingles)
    assert again.sets == {"a": 1, "b": 2}
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()


def test_an_empty_list_contains_nothing(tmp_path) -> None:
    EvaluationHashes.build([]).save(tmp_path / "x")
    assert not EvaluationHashes.load(tmp_path / "x").contains(function(1))


def test_the_list_holds_no_text(tmp_path) -> None:
    EvaluationHashes.build([("set", function(1))]).save(tmp_path / "x")
    content = gzip.decompress((tmp_path / "x").read_bytes()).decode()
    assert "return" not in content and "source" not in content


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", gzip.compress(b"{}"), gzip.compress(b'{"format": 2, "shingle": 0}')]
)
def test_a_damaged_list_is_refused_in_words(tmp_path, content) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError):
        EvaluationHashes.load(tmp_path / "x")


def evaluation_folder(folder) -> None:
    pairs = folder / "pairs" / "tiny"
    pairs.mkdir(parents=True)
    for name, texts in {"queries": ["sort a list"], "corpus": [function(1), function(2)]}.items():
        with gzip.open(pairs / f"{name}.jsonl.gz", "wt") as file:
            file.writelines(
                json.dumps({"id": str(i), "text": text, "lang": "en"}) + "\n" for i, text in enumerate(texts)
            )
    repos = folder / "repos"
    repos.mkdir()
    (repos / "rack.queries.json").write_text(json.dumps([{"query": "how are headers parsed", "relevant": ["a.rb"]}]))
    with tarfile.open(repos / "rack.tar.gz", "w:gz") as archive:
        for name, text in {"rack/a.rb": function(3), "rack/logo.svg": "<svg/>"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))


def test_an_evaluation_folder_is_read_whole(tmp_path) -> None:
    evaluation_folder(tmp_path)
    texts = list(evaluation_texts(tmp_path))
    assert sorted(name for name, _ in texts) == ["pairs/tiny"] * 3 + ["repos/rack"] * 2
    assert {text for _, text in texts} >= {"sort a list", "how are headers parsed", function(3)}
    with pytest.raises(UserError, match="neither"):
        list(evaluation_texts(tmp_path / "pairs"))


def test_the_commands_make_a_list_and_filter_files_with_it(tmp_path, capsys) -> None:
    evaluation_folder(tmp_path / "eval")
    hashes = tmp_path / "hashes.json.gz"
    dedup.run_hash_evaluation(SimpleNamespace(folder=tmp_path / "eval", out=hashes))
    source = tmp_path / "go.jsonl.gz"
    with gzip.open(source, "wt") as file:
        for i in (1, 7, 7, 8):
            file.write(json.dumps({"code": function(i), "doc": f"doc {i}"}) + "\n")
    dedup.run_dedup(SimpleNamespace(files=[source], out=tmp_path / "out", evaluation=hashes))
    with gzip.open(tmp_path / "out" / "go.jsonl.gz", "rt") as file:
        assert [json.loads(line)["doc"] for line in file] == ["doc 7", "doc 8"]
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["event"] == "result" and last["kept"] == 2 and last["contaminated"] == 1 and last["exact"] == 1


def test_text_hashes_ignore_case_and_white_space_only() -> None:
    assert text_hash("Ab c") == text_hash("a\n bC") != text_hash("abd")


def test_the_committed_list_loads_and_knows_its_sets() -> None:
    from pathlib import Path

    path = Path(__file__).parents[1] / "data" / "eval-hashes.json.gz"
    hashes = EvaluationHashes.load(path)
    assert path.stat().st_size < 2_000_000
    assert hashes.sets["pairs/cosqa_dev"] == 6767 and len(hashes.sets) == 15


def test_a_record_whose_question_or_translation_is_an_evaluation_text_is_contaminated() -> None:
    evaluation = EvaluationHashes.build([("set", "how to drain a reader")])
    records = [
        {"code": "int first();", "doc": "The first.", "questions": ["How to drain a reader"]},
        {"code": "char *second(void);", "doc": "The second.", "questions": None},
        {"code": "int third();", "doc": "The third.", "lang_b": "go", "code_b": "how to  drain a reader"},
    ]
    assert [each["doc"] for each in deduplicate(records, evaluation=evaluation)] == ["The second."]
