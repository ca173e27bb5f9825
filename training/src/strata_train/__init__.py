"""Trains, measures and exports Strata's multi-exit code encoder. Start reading at `model.py`, then `train.py`."""

__version__ = "1.0.0"
