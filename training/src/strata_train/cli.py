"""The command line: `python -m strata_train <command>`. Parses, calls, and turns failures into one JSON error event."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from strata_train.events import UserError, emit


def main(arguments: list[str] | None = None) -> None:
    """Run one command. Exit status 0: done; 1: an expected failure, named in an `error` event; 130: interrupted."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except UserError as error:
        emit("error", code=error.code, message=error.sentence)
        sys.exit(1)
    except KeyboardInterrupt:
        emit("error", code="interrupted", message="Interrupted; nothing was changed.")
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="strata_train", description="Train, measure and export Strata's encoder.")
    commands = parser.add_subparsers(required=True, metavar="command")

    base = commands.add_parser("export-base", help="export the untouched start as a model folder")
    base.add_argument("--out", type=Path, required=True)
    base.set_defaults(run=_export_base)
    return parser


def _export_base(options: argparse.Namespace) -> None:
    from strata_train import export, model, text

    start = model.from_minilm()
    manifest = export.export_folder(
        start,
        text.TextEncoder(model.start_folder() / "tokenizer.json"),
        options.out,
        id="strata-base",
        description="all-MiniLM-L6-v2 untouched, cut into exits 0, 2 and 6; int8",
        shared_space=False,
    )
    size = sum(entry["bytes"] for entry in manifest["files"].values())
    emit("result", command="export-base", folder=str(options.out), bytes=size)
