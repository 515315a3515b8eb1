"""What things are called: ids, instants, attributes, purposes, decisions, errors. Knows nothing else."""
