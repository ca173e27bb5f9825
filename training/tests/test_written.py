"""Written questions and translations find their pairs."""

import gzip
import json
from pathlib import Path

import pytest

from strata_train.cli import main
from strata_train.data import read_pairs
from strata_train.events import UserError
from strata_train.written import key_of, read_written, write_pairs


def pair(number: int, lang: str = "go") -> dict:
    return {
        "lang": lang,
        "source": "repo",
        "path": f"a/f{number}.go",
        "name": f"f{number}",
        "doc": f"Returns what number {number} stands for.",
        "code": f"func f{number}() int {{ return {number} }}",
    }


def write(file: Path, records: list[dict]) -> Path:
    with gzip.open(file, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(record) + "\n" for record in records)
    return file


def test_written_questions_and_translations_join_their_pairs(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "pairs").mkdir()
    pairs = [pair(number) for number in range(5)] + [pair(number, "rust") for number in range(5, 9)]
    (tmp_path / "pairs" / "all.jsonl").write_text("".join(json.dumps(each) + "\n" for each in pairs))
    written = write(
        tmp_path / "written.jsonl.gz",
        [
            {"key": key_of(pairs[1]["code"]), "questions": ["what is one"]},
            {"key": key_of(pairs[6]["code"]), "questions": ["six"], "lang_b": "c", "code_b": "int six(void);"},
            {"key": "0" * 16, "questions": ["nobody's"]},
        ],
    )
    main(
        ["add-written", "--pairs", str(tmp_path / "pairs"), "--written", str(written)]
        + ["--out", str(tmp_path / "out.jsonl"), "--others", "2", "--rest", str(tmp_path / "rest" / "rest.jsonl")]
    )
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (said["joined"], said["without_pair"], said["others"]) == (2, 1, 4)
    read = list(read_pairs([tmp_path / "out.jsonl"]))
    assert read[0] == pairs[1] | {"questions": ["what is one"]}
    assert read[1]["code_b"] == "int six(void);" and read[1]["questions"] == ["six"]
    assert [each["lang"] for each in read[2:]] == ["go", "go", "rust", "rust"]
    assert list(read_pairs([tmp_path / "rest" / "rest.jsonl"])) == [*pairs[:1], *pairs[2:6], *pairs[7:]]


def test_a_written_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="missing"):
        read_written(tmp_path / "missing.jsonl.gz")
    with pytest.raises(UserError, match="key"):
        read_written(write(tmp_path / "bad.jsonl.gz", [{"questions": []}]))


def test_pairs_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "joined.jsonl"
    write_pairs(file, [pair(1), pair(2)])
    with pytest.raises(TypeError):
        write_pairs(file, [pair(3), {"code": object()}])
    assert list(read_pairs([file])) == [pair(1), pair(2)] and list(tmp_path.iterdir()) == [file]
