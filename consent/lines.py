"""What a process says on standard error: lines of JSON, made of allowed fields in an expected shape.

Whatever else is passed is dropped, for a list of what is forbidden leaks. Libraries get a line that says who spoke and
where, and never their own words: those can quote a token, a parameter or a person's name.
"""

import logging
import re
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog

_WORD = r"[a-z][a-z_]{0,39}"
# Each field that a line can have, and all that may stand there: the address is a witness's own, from the settings.
SHAPES: dict[str, str] = {
    "event": _WORD,
    "level": _WORD,
    "timestamp": r"[0-9T:.Z-]{1,40}",
    "fault": r"[A-Za-z_][\w.]{0,79}|status -?\d{1,5}|[a-z]{1,20}",
    "place": r"[\w./-]{1,120}:\d{1,6}",
    "library": r"[\w.]{1,80}",
    "address": r"https?://[\w.:\[\]/~-]{1,300}",
    "log": r"[\w.:\[\]/-]{1,200}",
    "size": r"\d{1,18}",
    "count": r"\d{1,18}",
}
_HIDDEN = "?"  # stands where something else was passed
_shapes = {name: re.compile(shape) for name, shape in SHAPES.items()}


def speak_in_lines() -> None:
    """From now on this process speaks in such lines, and so do the libraries that it uses."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _with_place,
            _only_allowed,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.captureWarnings(True)
    logging.basicConfig(handlers=[_Libraries(logging.WARNING)], level=logging.WARNING, force=True)


def place_of(fault: BaseException) -> str:
    """Where it was raised, as `consent/acts/grant.py:12`: the innermost line of ours, else of all."""
    frames = list(_frames(fault.__traceback__))
    ours = [(file, line) for file, line in frames if "consent" in file.parts[:-1]]
    if not frames:
        return "unknown:0"
    file, line = (ours or frames)[-1]
    parts = file.parts
    begin = len(parts) - 1 - parts[::-1].index("consent") if ours else len(parts) - 2
    return f"{'/'.join(parts[max(begin, 0) :])}:{line}"


def _frames(trace: TracebackType | None) -> Any:
    while trace is not None:
        yield Path(trace.tb_frame.f_code.co_filename), trace.tb_lineno
        trace = trace.tb_next


def _with_place(_: Any, __: str, line: Any) -> Any:
    """A line that is written while something is caught says where that came from."""
    fault = sys.exc_info()[1]
    return line if fault is None or "place" in line else {**line, "place": place_of(fault)}


def _only_allowed(_: Any, __: str, line: Any) -> Any:
    return {name: _in_shape(name, value) for name, value in line.items() if name in SHAPES}


def _in_shape(name: str, value: object) -> object:
    is_right = isinstance(value, str | int) and _shapes[name].fullmatch(str(value))
    return value if is_right else _HIDDEN


class _Libraries(logging.Handler):
    """Takes what libraries log: who, where, and the kind of fault."""

    def emit(self, record: logging.LogRecord) -> None:
        fault = record.exc_info[1] if record.exc_info else None
        about = {"library": record.name, "place": f"{record.module}:{record.lineno}"}
        if fault is not None:
            about |= {"fault": type(fault).__name__, "place": place_of(fault)}
        level = "error" if record.levelno >= logging.ERROR else "warning"
        getattr(structlog.get_logger(), level)("library_spoke", **about)
