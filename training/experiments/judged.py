"""What the experiments that measure a model folder on judged sets share: their arguments, and the sets."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from strata_train import evaluate
from strata_train.events import UserError


def parser(description: str | None) -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--model", type=Path, required=True)
    arguments.add_argument("--sets", type=Path, required=True, help="a folder of judged sets")
    arguments.add_argument("--queries", type=int, default=0, help="at most so many of each set; 0: all")
    arguments.add_argument("--documents", type=int, default=0, help="at most so many of each set; 0: all")
    arguments.add_argument("--threads", type=int, default=2)
    return arguments


def sets(options: argparse.Namespace) -> Iterator[evaluate.JudgedSet]:
    """The judged sets that `parser`'s arguments name; without any the experiment ends with a sentence."""
    try:
        yield from evaluate.judged_sets(options.sets, options.queries, options.documents)
    except UserError as error:
        raise SystemExit(error.sentence) from error
