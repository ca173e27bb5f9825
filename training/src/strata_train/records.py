"""Files of JSON lines, one record each, plain or gzipped."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from strata_train.events import UNREADABLE, UserError, reason

Record = dict[str, Any]


def lines_of(file: Path, kind: str = "") -> Iterator[tuple[int, str]]:
    """The lines that are not empty, with their numbers from 1. `kind` of file: for the error."""
    opener = gzip.open if file.suffix == ".gz" else open
    try:
        with opener(file, "rt", encoding="utf-8") as lines:
            yield from ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    except UNREADABLE as error:
        code, name = f"{kind or 'file'}-unreadable", f"{kind} file".lstrip()
        raise UserError(code, f"The {name} {file} cannot be read: {reason(error)}.") from error


def read_json_lines(file: Path) -> Iterator[Record]:
    """The records. A line that is none is an error that names file and line."""
    for number, line in lines_of(file):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise UserError("bad-json", f"{file}, line {number}, is not JSON: {error}.") from error
        if not isinstance(record, dict):
            raise UserError("bad-json", f"{file}, line {number}, is not a JSON object.")
        yield record
