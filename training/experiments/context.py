"""(c) In-context classification: the same packed windows with masked tokens alone and with the repository question.

Run: `python training/experiments/context.py --data DATA`.
"""

from __future__ import annotations

from lab import Arm, arguments, mrr_table, run_arms, save, spread

ARMS = {
    "mlm+icc": Arm(pretraining="mlm+icc"),
    "mlm": Arm(pretraining="mlm"),
    "deep-supervision": Arm(),  # no pre-training at all
}


def main() -> None:
    options, lab = arguments(__doc__ or "")
    results = run_arms(options, lab, ARMS)
    if results is None:
        return
    table = mrr_table(results)
    before = {
        task: {
            name: {e: spread([r["pretrained"][task][e]["mrr"] for r in results[name]]) for e in ("2", "4", "6")}
            for name in ("mlm+icc", "mlm")
        }
        for task in ("textToCode", "codeToCode")
    }
    pretraining = {
        name: {key: spread([r["pretraining"][key] for r in results[name]]) for key in results[name][0]["pretraining"]}
        for name in ("mlm+icc", "mlm")
    }
    save("context", {"mrr": table, "mrrBeforeFineTuning": before, "pretraining": pretraining})
    from plots import by_exit

    by_exit("context", table, "With and without in-context classification (after fine-tuning)")


if __name__ == "__main__":
    main()
