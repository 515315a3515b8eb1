"""Reads the code blocks of a page and plays a page of commands as a reader would: saves files, types commands, looks.

What stands after the language in a block's first line says what to do with it:

    ```python NAME   save it as NAME                 ```sh        type it, in the order of the page
    ```toml NAME     save it as NAME                 ```sh serve  leave it running; go on when it answers
    ```text          what the command before shows   ```sh ask    leave it running; it prints an address to open
    ```text whole    all that it shows

`<!-- test: … -->` is where the page tells a person to do something in the browser.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import httpx

_PART = re.compile(
    r"^```(?P<language>\w+)(?: (?P<word>[\w.-]+))?\n(?P<text>.*?)^```$|^<!-- test: (?P<act>.+?) -->$",
    re.MULTILINE | re.DOTALL,
)
_PATIENCE = 60.0  # seconds


class Block(NamedTuple):
    """One code block, or with the language `act` one thing that a person does."""

    language: str
    word: str
    text: str


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    return [
        Block("act", "", found["act"])
        if found["act"]
        else Block(found["language"], found["word"] or "", found["text"])
        for found in _PART.finditer(page.read_text("utf-8"))
    ]


class Reader:
    """Somebody who follows a page in *folder*. Ports are moved to *port* and the one after it."""

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        act: Callable[[str, str], None] | None = None,
        data: Path | None = None,
    ) -> None:
        """*act* does what a person does in the browser; *data* is the folder of a service that runs already."""
        self.folder = folder
        self.port = port
        self._act = act
        self._running: list[subprocess.Popen[str]] = []
        self._shown: list[Path] = []
        self._outputs = 0
        self._where = folder / ".where"
        self._asking: subprocess.Popen[str] | None = None
        bin_folder = folder / ".bin"
        bin_folder.mkdir()
        for name, words in (("consent", "-m consent"), ("python", "")):
            script = bin_folder / name
            script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
            script.chmod(0o755)
        self._surroundings = (
            os.environ
            | {
                "PATH": f"{bin_folder}:{os.environ['PATH']}",
                "PYTHONPATH": os.pathsep.join(sys.path),
                "PYTHONUNBUFFERED": "1",
                "CONSENT_PORT": str(port),
            }
            | ({"CONSENT_DATA": str(data)} if data else {})
        )

    def follow(self, page: Path) -> None:
        """Do all that *page* says. Raises AssertionError where it does not go as the page says."""
        for block in blocks(page):
            text = block.text.replace("8000", str(self.port)).replace("8001", str(self.port + 1))
            if block.language == "act":
                assert self._act is not None, "nobody is here to do that"
                self._act(text, self._shown[-1].read_text("utf-8"))
                if self._asking is not None:
                    assert self._asking.wait(_PATIENCE) == 0, self._shown[-1].read_text("utf-8")
                    self._asking = None
            elif block.language == "text":
                self._expect(text, is_whole=block.word == "whole")
            elif block.language == "sh":
                self._type(block.word, text)
            elif block.word:
                (self._here() / block.word).write_text(text, "utf-8")

    def close(self) -> None:
        """Stop what is still running, by its own process id."""
        for process in self._running:
            if process.poll() is None:
                process.terminate()
        for process in self._running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _here(self) -> Path:
        """Where the last command left us."""
        return Path(self._where.read_text().strip()) if self._where.exists() else self.folder

    def _type(self, word: str, text: str) -> None:
        """Type a block: all of it in one shell that ends at the first failure and tells us where it went."""
        shown = self.folder / f".shown-{self._outputs}"
        self._outputs += 1
        self._shown.append(shown)
        here = self._here()
        if word:
            with shown.open("w") as output:
                process = subprocess.Popen(
                    ["/bin/bash", "-c", f"exec {text}"],
                    cwd=here,
                    env=self._surroundings,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            self._running.append(process)
            if word == "serve":
                self._wait(process, shown, lambda: httpx.get(f"http://127.0.0.1:{self.port}/log").is_success)
            else:
                self._asking = process
                self._wait(process, shown, lambda: "http" in shown.read_text("utf-8"))
            return
        with shown.open("w") as output:
            done = subprocess.run(
                ["/bin/bash", "-e", "-c", f'{text}\npwd > "{self._where}"'],
                cwd=here,
                env=self._surroundings,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=_PATIENCE,
                check=False,
            )
        assert done.returncode == 0, f"{text}\n{shown.read_text('utf-8')}"

    def _wait(self, process: "subprocess.Popen[str]", shown: Path, ready: Callable[[], bool]) -> None:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                if ready():
                    return
            except httpx.HTTPError:
                pass
            assert process.poll() is None, shown.read_text("utf-8")
            assert time.monotonic() < until, shown.read_text("utf-8")
            time.sleep(0.05)

    def _expect(self, text: str, *, is_whole: bool) -> None:
        """Each line must be among what was shown, in this order; `…` stands for anything. *is_whole*: no others."""
        shown = self._shown[-1].read_text("utf-8")
        pattern = ("\n" if is_whole else ".*?").join(
            "^" + ".*".join(re.escape(piece) for piece in line.split("…")) + "$" for line in text.splitlines()
        )
        if is_whole:
            pattern = rf"\A{pattern}\Z"
            shown = shown.strip()
        assert re.search(pattern, shown, re.MULTILINE | re.DOTALL), f"expected\n{text}\nbut saw\n{shown}"
