"""One loss per file. `hierarchical.py` combines them over the exits; everything else is a plain function."""
