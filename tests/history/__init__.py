"""Histories: what many clients saw of a served house, held against its log."""
