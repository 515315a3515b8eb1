"""Values, sealed: one key per citizen, one version marker per value. Opening takes a Permit."""
