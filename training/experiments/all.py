"""All three experiments in one process, so that the data is prepared once and shared arms are trained once.

Run: `python training/experiments/all.py --data DATA`.
"""

from __future__ import annotations

import context
import exits
import teacher
from lab import arguments, run_arms


def main() -> None:
    options, lab = arguments(__doc__ or "")
    run_arms(options, lab, exits.ARMS | teacher.ARMS | context.ARMS)  # seed by seed
    exits.main()
    teacher.main()
    context.main()


if __name__ == "__main__":
    main()
