"""Several processes on one listening socket; the first one serves nothing and only watches over the others."""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable
from types import FrameType

import structlog

_ENDS = {signal.SIGTERM, signal.SIGINT}
_PR_SET_PDEATHSIG = 1  # prctl(2)
_TOO_SOON = 2.0  # seconds: what dies so early would die again

_log = structlog.get_logger()


def run_workers(count: int, work: Callable[[int], int]) -> int:
    """Run *work* in *count* processes until SIGTERM or SIGINT; returns the exit code. Each gets a number from 0 on.

    A worker that dies is replaced: what it had not committed never happened, and the others go on meanwhile. When one
    dies as soon as it is started, and no other has lived longer, all are stopped. None outlives this process (Linux).
    """
    children: dict[int, tuple[int, float]] = {}  # by process: its number, and when it began
    ending = False

    def end(number: int = 0, frame: FrameType | None = None) -> None:
        nonlocal ending
        ending = True
        for child in children:
            with contextlib.suppress(ProcessLookupError):  # it has just died, and is struck off in a moment
                os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    code = 0
    while not ending or children:
        while len(children) < count and not ending:
            number = min(set(range(count)) - {number for number, _ in children.values()})
            # A signal that comes before the child is known to us would not reach it, and we would wait for it for ever.
            waiting = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
            try:
                children[_start(work, number)] = (number, time.monotonic())
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, waiting)
        child, status = os.wait()
        lived = time.monotonic() - children.pop(child)[1]
        if not ending:
            _log.error("worker_died", fault=f"status {os.waitstatus_to_exitcode(status)}")
            if lived < _TOO_SOON:
                if any(time.monotonic() - began > _TOO_SOON for _, began in children.values()):
                    time.sleep(_TOO_SOON)  # the others still answer; the database may be away for a moment
                else:
                    code = 1
                    end()
    return code


def _start(work: Callable[[int], int], number: int) -> int:
    """Begin one, while the signals that end us are blocked; it lets them in once they end it too."""
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
        if hasattr(ctypes.CDLL(None), "prctl"):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() == parent:
            code = work(number)
    finally:
        os._exit(code)
