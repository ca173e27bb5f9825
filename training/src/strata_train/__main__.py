"""`python -m strata_train`."""

import os

# Threads that wait for each other sleep, and do not spin: beside an editor, an index and other programs on two cores
# this is the difference between one second and ten. PyTorch reads it when it is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from strata_train.cli import main  # noqa: E402

if __name__ == "__main__":
    main()
