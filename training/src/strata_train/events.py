"""The one way this package speaks to its caller: JSON lines on stdout (and, if asked, into a log file).

VS Code and the command line read these lines, so every event has an `event` of the four kinds below and nothing else is
ever written to stdout.
"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path
from typing import Any, Literal

EventKind = Literal["progress", "metric", "result", "error"]

_log_file: Path | None = None
_silent = False


class UserError(Exception):
    """An expected failure. Its message is a complete sentence for the person who started the command.

    `code` is stable: callers translate or branch on it, never on the sentence.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


# What reading a file raises that is not there, is no text, or whose compressed content is cut off or damaged.
UNREADABLE = (OSError, EOFError, UnicodeDecodeError, zlib.error)


def reason(error: BaseException) -> str:
    """What went wrong, for a sentence that names the file: the system's words, without its number for them."""
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def log_to(path: Path | None) -> None:
    """Also append every event to `path`, so that a run leaves its log behind."""
    global _log_file
    _log_file = path
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            drop_partial_line(path)


def drop_partial_line(path: Path) -> None:
    """A killed run may leave half a line; everything up to the last line's end is whole."""
    with path.open("rb+") as file:
        file.truncate(sum(len(line) for line in file if line.endswith(b"\n")))


def silence() -> None:
    """Say nothing from now on: of several processes only the first speaks."""
    global _silent
    _silent = True


def emit(event: EventKind, **fields: Any) -> None:
    """Write one event. Floats are rounded to six digits: a log is read by people too."""
    if _silent:
        return
    line = json.dumps({"event": event, **_rounded(fields)}, ensure_ascii=False)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    if _log_file is not None:
        with _log_file.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value
