"""How much a repeated token should count at exit 0: nDCG@10 of a folder's table for powers of the count from 1 to 0.

Run: `PYTHONPATH=training/src python training/experiments/repeated.py --model models/strata-base --sets SETS`, where
SETS is a folder of judged sets (`--documents 2500` draws that many of each). The table is taken as it is, so one that
was trained with a power has an advantage there.
"""

from __future__ import annotations

import json
from pathlib import Path

import judged

from strata_train import evaluate
from strata_train.events import emit
from strata_train.runtime import FolderEncoder

POWERS = (1.0, 0.75, 0.5, 0.25, 0.0)
HERE = Path(__file__).parent


def main() -> None:
    options = judged.parser(__doc__).parse_args()
    encoder = FolderEncoder(options.model, options.threads)
    results: dict[str, dict[str, float]] = {}
    for each in judged.sets(options):
        queries = encoder.tokens(each.queries, is_query=not each.query_is_code)
        documents = encoder.tokens(each.documents, is_query=False)
        results[each.name] = {}
        for power in POWERS:
            encoder.count_power = power
            sides = encoder.encode_table(queries), encoder.encode_table(documents)
            results[each.name][str(power)] = evaluate.measure(each, *sides)["ndcg10"]
        emit("metric", set=each.name, **results[each.name])
    manifest = encoder.manifest
    file = HERE / "results" / "repeated.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    known[f"{manifest['id']} {manifest['version']}"] = results
    file.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
