"""What must stay secret cannot be printed, and no encoder knows it."""


class Secret:
    """Holds a token or a verifier that must never reach a log, an error or a page by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself. Each call of this is a line that a reviewer reads."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"
