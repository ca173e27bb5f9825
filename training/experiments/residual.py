"""How much of the table's embedding a deeper exit should add: nDCG@10 of a folder's exits for shares from 0 to 0.6.

Run: `PYTHONPATH=training/src python training/experiments/residual.py --model models/strata-code-small --sets SETS`,
where SETS is a folder of judged sets (`--documents 2500` draws that many of each). The layers' own vectors are taken as
they are; an exit trained together with its share may want another one than an exit that was not.
"""

from __future__ import annotations

import json
from pathlib import Path

import judged
import numpy as np

from strata_train import evaluate
from strata_train.events import emit
from strata_train.runtime import FolderEncoder

SHARES = (0.0, 0.1, 0.2, 0.25, 0.3, 0.4, 0.6)
HERE = Path(__file__).parent


def main() -> None:
    options = judged.parser(__doc__).parse_args()
    encoder = FolderEncoder(options.model, options.threads)
    encoder.residual = dict.fromkeys(encoder.residual, 0.0)  # the layers alone
    width, encoder.kept_dims = encoder.kept_dims, encoder.manifest["dims"]  # a share is added before vectors are cut
    results: dict[str, dict[str, dict[str, float]]] = {}
    for each in judged.sets(options):
        queries = encoder.encode_all(encoder.tokens(each.queries, is_query=not each.query_is_code))
        documents = encoder.encode_all(encoder.tokens(each.documents, is_query=False))
        results[each.name] = {
            f"exit {exit}": {str(share): figure(each, queries, documents, exit, share, width) for share in SHARES}
            for exit in encoder.exits[1:]
        }
        emit("metric", set=each.name, **results[each.name])
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
    width: int,
) -> float:
    """nDCG@10 of `width` dimensions of an exit with `share` of exit 0 on both sides."""
    sides = [side[exit] + share * side[0] for side in (queries, documents)]
    return evaluate.measure(judged, *[evaluate.shorten(side, width) for side in sides])["ndcg10"]


if __name__ == "__main__":
    main()
