"""A personal data consent service: the person decides, and every disclosure can be verified."""

__version__ = "0.1.0"
