"""How much of the table's embedding a deeper exit should add: nDCG@10 of a folder's exits for shares from 0 to 0.6.

Run: `PYTHONPATH=training/src python training/experiments/residual.py --model models/strata-code-small --sets SETS`,
where SETS is a folder of judged sets (`--documents 2500` draws that many of each). The layers' own vectors are taken as
they are; an exit trained together with its share may want another one than an exit that was not.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from strata_train import evaluate
from strata_train.events import emit
from strata_train.runtime import FolderEncoder

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6)
HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--sets", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    encoder = FolderEncoder(options.model, options.threads)
    encoder.residual = dict.fromkeys(encoder.residual, 0.0)  # the layers alone
    results: dict[str, dict[str, dict[str, float]]] = {}
    for folder in sorted(path.parent for path in options.sets.glob("*/qrels.tsv")):
        judged = evaluate.JudgedSet.read(folder, max_documents=options.documents)
        queries = encoder.encode_all(encoder.tokens(judged.queries, is_query=not judged.query_is_code))
        documents = encoder.encode_all(encoder.tokens(judged.documents, is_query=False))
        results[judged.name] = {
            f"exit {exit}": {str(share): figure(judged, queries, documents, exit, share) for share in SHARES}
            for exit in encoder.exits[1:]
        }
        emit("metric", set=judged.name, **results[judged.name])
    if not results:
        raise SystemExit(f"There are no judged sets (folders with qrels.tsv) in {options.sets}.")
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "residual.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    from plots import shares

    shares("residual", results)


def figure(
    judged: evaluate.JudgedSet,
    queries: dict[int, np.ndarray],
    documents: dict[int, np.ndarray],
    exit: int,
    share: float,
) -> float:
    """nDCG@10 of an exit with `share` of exit 0 on both sides."""
    sides = [side[exit] + share * side[0] for side in (queries, documents)]
    return evaluate.measure(judged, *[evaluate.shorten(side, side.shape[1]) for side in sides])["ndcg10"]


if __name__ == "__main__":
    main()
