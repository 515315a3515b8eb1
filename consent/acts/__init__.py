"""What people can do here: one file, one story. `scribe.py` writes them down, `house.py` is where they happen."""
