"""May they? What a citizen allows, what an organisation asks, and the answer. Read `decide.py` first."""
