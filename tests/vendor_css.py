"""Writes consent/web/static/components.css: the style of NL Design System's components, as far as our pages use it.

python -m tests.vendor_css                             (after a page uses another component or another part of one)
python -m tests.vendor_css @utrecht/button-css@4.1.0   (another version, or a component more)

components.json beside it pins each package by version and hash. Out of each comes one file of rules. Rules for a
class that no page has go, and so do private tokens (`--_…`) that then nothing sets or reads. What stays is theirs.
"""

import argparse
import base64
import hashlib
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "consent" / "web"
SHEET = WEB / "static" / "components.css"
MANIFEST = WEB / "static" / "components.json"
LICENCE = "EUPL-1.2"

_NOTICE = """\
/*! SPDX-License-Identifier: EUPL-1.2
{copyright}
    Components of NL Design System; modified on {modified}: what our pages do not use is taken out. */
/* By `python -m tests.vendor_css`, from:{packages} */
"""
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STEP = re.compile(r"\"[^\"]*\"|'[^']*'|[{};]")
_CLASS_ON_A_PAGE = re.compile(r"(?<![\w-])(?:utrecht|nl)-[a-z0-9_-]*[a-z0-9]")
_BLANK = re.compile(r"(?<=[(,]) | (?=[),])")  # that says nothing
_NOT = re.compile(r":not\([^()]*\)")
_READ = re.compile(r"var\((--[\w-]+)")
_VALUE = re.compile(r"\[[\w-]+=(?:\"([^\"]*)\"|([^\s\]]+))")
# Only a class of theirs sets these, a theme never does; so without that class they are as private.
_OF_CLASSES = "--utrecht-space-around", "--utrecht-textbox-value-max-length"
_OURS = ":focus-visible"  # the line around what has the focus is one for all: app.css
_NOTHING = re.compile(r"calc\(0 \* var\([^()]*\)\)")
_STATES = {":read-only": "readonly", "::placeholder": "placeholder", ":lang(ar)": 'lang="ar"'}
_WORD = re.compile(r"\w+")


class Rule(NamedTuple):
    """One rule: the conditions around it, what it is about, and the properties in their order."""

    media: str
    selectors: tuple[str, ...]
    properties: tuple[tuple[str, str], ...]

    def classes(self) -> set[str]:
        """What an element must have for this rule to be about it; a class inside `:not()` is none of these."""
        return {name for one in self.selectors for name in classes_of(one)}


class Unreachable(Exception):
    """The registry gave no answer; nothing was written."""


def main() -> None:
    """Read the command line, fetch, write both files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("packages", nargs="*", metavar="NAME@VERSION")
    wanted = parser.parse_args().packages
    before = json.loads(MANIFEST.read_text()) if MANIFEST.exists() else {"packages": {}}
    pins = before["packages"] | {
        one.rpartition("@")[0]: {"version": one.rpartition("@")[2]} for one in wanted
    }
    sheet, manifest = make(pins, before.get("modified", ""))
    if manifest["sha256"] != before.get("sha256"):
        sheet, manifest = make(pins, datetime.now(UTC).date().isoformat())
    SHEET.write_text(sheet)
    MANIFEST.write_text(json.dumps(manifest, indent=1) + "\n")
    print(f"{len(sheet)} characters of {len(pins)} packages in {SHEET.relative_to(ROOT)}")


def make(pins: dict[str, Any], modified: str) -> tuple[str, dict[str, Any]]:
    """The sheet and its manifest. Raises Unreachable, or ValueError for a package that we do not take."""
    sources, packages = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for name, file in fetch({name: pin["version"] for name, pin in pins.items()}, Path(folder)):
            packages[name] = about = described(name, file)
            for field in pins[name].keys() & {"integrity", "sha256"}:
                if pins[name][field] != about[field]:
                    raise ValueError(f"{name}: not the bytes that components.json pins")
            with tarfile.open(file) as tarball:
                sources.append(_text(tarball, about["file"]))
    names = "".join(f"\n     {name} {about['version']}" for name, about in packages.items())
    owners = sorted({line for source in sources for line in re.findall(r"Copyright.*", source)})
    copyright = "\n".join(f"    {line}" for line in owners)
    notice = _NOTICE.format(copyright=copyright, packages=names, modified=modified)
    sheet = notice + written(purged([rule for source in sources for rule in parsed(source)], Pages()))
    return sheet, {
        "file": SHEET.name,
        "sha256": hashlib.sha256(sheet.encode()).hexdigest(),
        "license": LICENCE,
        "modified": modified,
        "command": "python -m tests.vendor_css",
        "packages": packages,
    }


def fetch(versions: dict[str, str], folder: Path) -> Iterator[tuple[str, Path]]:
    """Each package's tarball, by `npm pack`, which runs nothing of what it fetches."""
    npm = shutil.which("npm")
    if npm is None:
        raise Unreachable("there is no npm here")
    specs = [f"{name}@{version}" for name, version in sorted(versions.items())]
    command = [npm, "pack", "--json", "--ignore-scripts", "--pack-destination", str(folder), *specs]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise Unreachable(done.stderr.strip())
    packed = {one["name"]: one["filename"] for one in json.loads(done.stdout)}
    for name in sorted(versions):
        yield name, folder / packed[name]


def described(name: str, file: Path) -> dict[str, str]:
    """What the manifest says of a package. Raises ValueError when its licence is another than ours."""
    octets = file.read_bytes()
    with tarfile.open(file) as tarball:
        about = json.loads(_text(tarball, "package.json"))
        theirs = _text(tarball, "LICENSE.md")
        ours = (ROOT / "LICENSE").read_text("utf-8")
        if about["license"] != LICENCE or _WORD.findall(theirs) != _WORD.findall(ours):
            raise ValueError(f"{name}: we take {LICENCE} only, and its text is that of our LICENSE")
        sheets = ["dist/index.css", f"dist/{name.rpartition('/')[2].removesuffix('-css')}.css"]
        (sheet,) = (one for one in sheets if f"package/{one}" in tarball.getnames())
    return {
        "version": about["version"],
        "license": about["license"],
        "file": sheet,
        "sha256": hashlib.sha256(octets).hexdigest(),
        "integrity": "sha512-" + base64.b64encode(hashlib.sha512(octets).digest()).decode(),
    }


def _text(tarball: tarfile.TarFile, name: str) -> str:
    found = tarball.extractfile(f"package/{name}")
    assert found is not None
    return found.read().decode()


class Pages:
    """What our templates and scripts write down."""

    def __init__(self) -> None:
        files = [*WEB.glob("pages/*.html"), *WEB.glob("*.py"), *WEB.glob("static/*.js")]
        self.text = "\n".join(file.read_text("utf-8") for file in files)
        self.classes = set(_CLASS_ON_A_PAGE.findall(self.text))

    def can_have(self, selector: str) -> bool:
        """Whether an element on a page can be what *selector* is about."""
        wanted = _NOT.sub("", selector)
        values = ["".join(found) for found in _VALUE.findall(wanted)]
        return (
            classes_of(selector) <= self.classes
            and _OURS not in wanted
            and all(f'"{value}"' in self.text for value in values)
            and all(f" {attribute}" in self.text for state, attribute in _STATES.items() if state in wanted)
        )


def parsed(css: str) -> Iterator[Rule]:
    """The rules of a sheet. Raises ValueError for any at-rule but `@media`."""
    css = _COMMENT.sub("", css)
    media, opened, start = "", "", 0
    properties: list[tuple[str, str]] = []
    for step in _STEP.finditer(css):
        if step[0] not in "{};":
            continue
        text, start = " ".join(css[start : step.start()].split()), step.end()
        if step[0] == "{" and text.startswith("@media") and not media:
            media = text
        elif step[0] == "{":
            if opened or text.startswith("@"):
                raise ValueError(f"not a sheet of rules and @media: {text}")
            opened = text
        elif opened:
            if text:
                name, _, value = text.partition(":")
                properties.append((name.strip(), _BLANK.sub("", value.strip())))
            if step[0] == "}":
                yield Rule(media, tuple(_split(opened)), tuple(properties))
                opened, properties = "", []
        elif step[0] == "}":
            media = ""
        else:
            raise ValueError(f"not a sheet of rules and @media: {text}")


def _split(selectors: str) -> Iterator[str]:
    depth, start = 0, 0
    for at, letter in enumerate(selectors + ","):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            yield selectors[start:at].strip()
            start = at + 1


def classes_of(selector: str) -> set[str]:
    return set(re.findall(r"\.([\w-]+)", _NOT.sub("", selector)))


def purged(rules: Iterable[Rule], pages: Pages) -> list[Rule]:
    """What of *rules* can be about one of our *pages*, without tokens that come to nothing."""
    kept = [
        rule._replace(selectors=tuple(one for one in rule.selectors if pages.can_have(one))) for rule in rules
    ]
    kept = [rule for rule in kept if rule.selectors]
    while True:
        given = {name for rule in kept for name, _ in rule.properties}
        read = {name for rule in kept for _, value in rule.properties for name in _READ.findall(value)}
        shorter = [
            rule._replace(
                properties=tuple(
                    (name, value)
                    for name, long in rule.properties
                    if (value := _without_unset(long, given)) and (name in read or not name.startswith("--"))
                )
            )
            for rule in kept
        ]
        shorter = [rule for rule in shorter if rule.properties]
        if shorter == kept:
            return kept
        kept = shorter


def _without_unset(value: str, given: set[str]) -> str:
    """*value* with the fallback in the place of each private token that nothing sets; empty when it has none."""
    for found in _READ.finditer(value):
        if found[1] in given or not found[1].startswith(("--_", *_OF_CLASSES)):
            continue
        depth, end = 1, found.end()
        while depth:
            depth += (value[end] == "(") - (value[end] == ")")
            end += 1
        fallback = value[found.end() : end - 1].lstrip(" ,").strip()
        return _without_unset(value[: found.start()] + fallback + value[end:], given) if fallback else ""
    return _NOTHING.sub("0", value)


def written(rules: Iterable[Rule]) -> str:
    """A rule a line, without the blanks that say nothing."""
    lines, media = [], ""
    for rule in rules:
        if rule.media != media:
            lines += ["}"] * bool(media) + [rule.media + " {"] * bool(rule.media)
            media = rule.media
        body = ";".join(f"{name}:{value}" for name, value in rule.properties)
        lines.append(f"{','.join(rule.selectors)} {{{body}}}")
    return "\n".join([*lines, *["}"] * bool(media), ""])


if __name__ == "__main__":
    main()
