"""(b) The paper's weighted deep supervision against a detached last-layer teacher and against uniform weights.

Run: `python training/experiments/teacher.py --data DATA`.
"""

from __future__ import annotations

from lab import Arm, arguments, mrr_table, run_arms, save, spread

ARMS = {
    "deep-supervision": Arm(),
    "teacher": Arm(teacher=True),
    "uniform": Arm(weights="uniform"),
}


def main() -> None:
    options, lab = arguments(__doc__ or "")
    results = run_arms(options, lab, ARMS)
    if results is None:
        return
    table = mrr_table(results)
    matrix = {
        name: {pair: spread([r["matrix"][pair] for r in runs]) for pair in runs[0]["matrix"]}
        for name, runs in results.items()
    }
    save("teacher", {"mrr": table, "matrix": matrix})
    from plots import by_exit, matrices

    by_exit("teacher", table, "Deep supervision, detached teacher, uniform weights")
    matrices("teacher-matrix", matrix, "Query exit against document exit, MRR")


if __name__ == "__main__":
    main()
