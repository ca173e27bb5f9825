"""How much the two teachers of `follow` find alone, and how much the weighted mean of their scores finds.

    python training/experiments/mentor.py --mentor FOLDER --model FOLDER --cache CACHE --sets SETS

CACHE has vectors of this mentor for at least one shard (`mentor-vectors`): from them come the directions in which
languages differ.
Writes `results/mentor.json`, or the file of `--out`.
"""

from __future__ import annotations

import json
from pathlib import Path

import judged
import numpy as np
from tokenizers import Tokenizer

from strata_train import device, evaluate, mentor, turning
from strata_train.events import emit
from strata_train.text import TextEncoder

SHARES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
DIRECTIONS = 4


def mentor_encode(teacher: mentor.Mentor, text: TextEncoder, texts: list[str], *, queries: bool) -> np.ndarray:
    """Prepared texts as the small encoder reads them → the mentor's vectors (N, M)."""
    ids = [text.encode_query(each, 64) if queries else text.encode_code("", each, 256) for each in texts]
    return mentor.encode_all(teacher, [np.array(each) for each in ids])


def main() -> None:
    parser = judged.parser(__doc__)
    for name in ("mentor", "cache"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "mentor.json")
    parser.set_defaults(documents=2500)
    options = parser.parse_args()
    tokenizer = options.model / "tokenizer.json"
    teacher = mentor.Mentor(options.mentor, Tokenizer.from_file(str(tokenizer)), device.choose("auto", options.threads))
    encode, manifest = evaluate.folder_encoder(options.model, options.threads)
    top, text = manifest["exits"][-1]["layer"], TextEncoder.of(options.model, manifest)
    shards = mentor.taught_shards(options.cache, teacher.id)
    known = np.load(shards[0].folder / mentor.VECTORS).astype(np.float32)
    axes = turning.language_axes(known, shards[0].languages, DIRECTIONS)
    results: dict[str, dict[str, float]] = {}
    for each in judged.sets(options):
        sides = [(each.queries, not each.query_is_code), (each.documents, False)]
        theirs = [mentor_encode(teacher, text, texts, queries=queries) for texts, queries in sides]
        kept = [mentor.without(vectors, axes) for vectors in theirs]
        own = [encode(texts, queries)[top] for texts, queries in sides]
        figures = {"mentor": theirs, "mentor without languages": kept, "start": own} | {
            f"mean, {share} the mentor's": [mentor.together(a, b, share) for a, b in zip(kept, own, strict=True)]
            for share in SHARES
        }
        results[each.name] = {name: round(evaluate.measure(each, *pair)["ndcg10"], 4) for name, pair in figures.items()}
        emit("metric", set=each.name, **results[each.name])
    options.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
