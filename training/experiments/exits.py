"""(a) Exits trained together, each trained alone, and a last-layer-only model cut short (paper, ablation of section 5).

Run: `python training/experiments/exits.py --data DATA`.
"""

from __future__ import annotations

from lab import Arm, arguments, run_arms, save, spread

ARMS = {
    "deep-supervision": Arm(),
    "alone-2": Arm(exits=(2,)),
    "alone-4": Arm(exits=(4,)),
    "alone-6": Arm(exits=(6,)),
}


def main() -> None:
    options, lab = arguments(__doc__ or "")
    results = run_arms(options, lab, ARMS)
    if results is None:
        return
    table = {}
    for task in ("textToCode", "codeToCode"):
        table[task] = {
            "together": {e: spread([r[task][e]["mrr"] for r in results["deep-supervision"]]) for e in ("2", "4", "6")},
            "alone": {e: spread([r[task][e]["mrr"] for r in results[f"alone-{e}"]]) for e in ("2", "4", "6")},
            "truncated": {
                e: spread([r["truncated"][task][e]["mrr"] for r in results["alone-6"]]) for e in ("2", "4", "6")
            },
        }
    seconds = {name: spread([r["seconds"] for r in runs])["mean"] for name, runs in results.items()}
    save("exits", {"mrr": table, "seconds": seconds})
    from plots import by_exit

    by_exit("exits", table, "Exits together, alone, and truncated")


if __name__ == "__main__":
    main()
