"""Trains, measures and exports Strata's multi-exit code encoder. Start reading at `model.py`, then `train.py`."""

import os

# From 1.29 on onnxruntime reports to Microsoft, beginning when it is imported. `src/encoding/exitSessions.ts` tells
# which variable ends what.
os.environ.update(ORT_DISABLE_TELEMETRY="1", ORT_RUNNING_UNIT_TESTS="1")

__version__ = "1.0.0"
