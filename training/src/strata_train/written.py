"""What was written for some of the pairs: questions as people ask them, and the same code in another language.

A written file (JSON lines, `data/written.jsonl.gz`) carries no code of others: each line names its pair by the hash of
its code and adds `questions`, or `questions`, `lang_b` and `code_b`. `add-written` joins them to mined pairs.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

from strata_train.data import read_pairs, stable_hash, written_whole
from strata_train.events import UserError, emit, reason
from strata_train.records import lines_of

ADDED = ("questions", "lang_b", "code_b")


def key_of(code: str) -> str:
    """Names a pair by its code: 16 hexadecimal digits."""
    return f"{stable_hash(code):016x}"


def read_written(file: Path) -> dict[str, dict[str, Any]]:
    """What was written, by `key_of` the pair's code."""
    try:
        records = [json.loads(line) for _, line in lines_of(file, "written")]
        return {record["key"]: {name: record[name] for name in ADDED if name in record} for record in records}
    except (ValueError, TypeError) as error:
        raise UserError("written-unreadable", f"The written file {file} cannot be read: {reason(error)}.") from error
    except KeyError as error:
        raise UserError("written-unreadable", f"A line of the written file {file} has no {error}.") from error


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("add-written", help="join written questions and translations to mined pairs")
    parser.add_argument("--pairs", type=Path, required=True, help="a folder of mined pairs")
    parser.add_argument("--written", type=Path, required=True, help="a written file, see data/README.md")
    parser.add_argument("--out", type=Path, required=True, help="the pairs file to write (.jsonl)")
    parser.add_argument("--others", type=int, default=0, help="so many other pairs of each language beside them")
    parser.add_argument("--rest", type=Path, help="another pairs file (.jsonl), for all that have nothing written")
    parser.set_defaults(run=run_add_written)


def run_add_written(options: argparse.Namespace) -> None:
    """Write the pairs that have something written, and some others of each language, always the same."""
    written = read_written(options.written)
    files = sorted([*options.pairs.glob("*.jsonl"), *options.pairs.glob("*.jsonl.gz")])
    if not files:
        raise UserError("pairs-missing", f"There are no pairs (*.jsonl or *.jsonl.gz) at {options.pairs}.")
    joined: list[dict[str, Any]] = []
    others: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for pair in read_pairs(files):
        added = written.pop(key_of(pair["code"]), None)
        if added is not None:
            joined.append(pair | added)
        else:
            others[pair["lang"]].append(pair)
    chance = random.Random(17)
    beside = [
        pair for lang in sorted(others) for pair in chance.sample(others[lang], min(options.others, len(others[lang])))
    ]
    write_pairs(options.out, [*joined, *beside])
    if options.rest:
        write_pairs(options.rest, [pair for lang in sorted(others) for pair in others[lang]])
    emit("result", command="add-written", joined=len(joined), without_pair=len(written), others=len(beside))


def write_pairs(file: Path, pairs: list[dict[str, Any]]) -> None:
    """JSON lines, one pair each; all or none, as a file that ends early reads like one with fewer pairs."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(file) as work, work.open("w", encoding="utf-8") as out:
        for pair in pairs:
            out.write(json.dumps(pair, ensure_ascii=False) + "\n")
