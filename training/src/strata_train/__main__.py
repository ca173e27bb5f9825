"""`python -m strata_train`."""

from strata_train.cli import main

if __name__ == "__main__":
    main()
