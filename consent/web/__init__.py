"""The doors: who knocks, and how. A door parses, calls one act, and answers; HTTP is known nowhere else."""
