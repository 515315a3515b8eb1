"""What the organisation must not forget: pinned keys, the last checkpoint of each log, and its arrangements.

Without this memory a log could show one history today and another tomorrow. Some of what is kept is secret
(refresh tokens, a private key), so a store is as well guarded as the data themselves.
"""

import asyncio
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

try:
    import fcntl
except ImportError:  # not on this system: then one process at a time
    fcntl = None  # type: ignore[assignment]

T = TypeVar("T")


class Store(Protocol):
    """Texts under names. Write your own on your database: four short methods.

    `put` and `keep` are durable when they return.
    """

    async def get(self, name: str) -> str | None:
        """The text under *name*, or None."""

    async def put(self, name: str, text: str) -> None:
        """Write *text* under *name*, over what stood there."""

    async def keep(self, name: str, text: str) -> str:
        """Write *text* only if nothing stands under *name*; answer what stands there now. Atomic."""

    async def delete(self, name: str) -> None:
        """Forget *name*. No error when it is not there."""


class MemoryStore:
    """Forgets everything at the end of the process: for tests and demonstrations."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    async def get(self, name: str) -> str | None:
        return self._texts.get(name)

    async def put(self, name: str, text: str) -> None:
        self._texts[name] = text

    async def keep(self, name: str, text: str) -> str:
        return self._texts.setdefault(name, text)

    async def delete(self, name: str) -> None:
        self._texts.pop(name, None)

    def __repr__(self) -> str:
        return f"MemoryStore({len(self._texts)} texts)"


class FileStore:
    """One JSON file that only its owner may read (0600), replaced as a whole; several processes may share it.

    Raises PermissionError when others may read the file, and ValueError when it is damaged: to begin again
    with an empty memory would be to trust whatever comes first, so that is for a human to decide.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._thread_lock = threading.Lock()

    async def get(self, name: str) -> str | None:
        return (await asyncio.to_thread(self._read)).get(name)

    async def put(self, name: str, text: str) -> None:
        await self._change(lambda texts: texts.update({name: text}))

    async def keep(self, name: str, text: str) -> str:
        return await self._change(lambda texts: texts.setdefault(name, text))

    async def delete(self, name: str) -> None:
        await self._change(lambda texts: texts.pop(name, None))

    async def _change(self, change: Callable[[dict[str, str]], T]) -> T:
        return await asyncio.to_thread(self._change_now, change)

    def _change_now(self, change: Callable[[dict[str, str]], T]) -> T:
        with self._locked():
            texts = self._read()
            before = dict(texts)
            result = change(texts)
            if texts != before:
                self._write(texts)
        return result

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # A file beside it carries the lock, because the file itself is replaced by each write.
        with self._thread_lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(f"{self._path}.lock", os.O_CREAT | os.O_RDWR, 0o600)
            try:
                if fcntl is not None:
                    fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                os.close(lock)

    def _read(self) -> dict[str, str]:
        try:
            with self._path.open("rb") as file:
                if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                    raise PermissionError("others may read the store file; give it mode 0600")
                raw = file.read()
        except FileNotFoundError:
            return {}
        try:
            return msgspec.json.decode(raw, type=dict[str, str])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise ValueError("the store file is damaged") from None

    def _write(self, texts: dict[str, str]) -> None:
        # mkstemp makes the file 0600 from the start, and a crash leaves the old file whole.
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(texts, order="sorted"))
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        if os.name == "posix":
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def __repr__(self) -> str:
        return f"FileStore({str(self._path)!r})"
