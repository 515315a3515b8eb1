"""What programs of others say of the pages: html-validate always, Lighthouse and pa11y with `tests/run.py --all`.

They come from npm, pinned with hashes in `node/`; `tests/run.py` installs them. Without Node these tests are skipped.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.e2e.conftest import find_chromium
from tests.e2e.hands import in_language
from tests.e2e.places import PLACES, Scene

sys.path.insert(0, str(Path(__file__).parent.parent / "web"))
from samples import samples

from consent.web.render import render

HERE = Path(__file__).parent / "node"
INSTALLED = Path(os.environ.get("JUDGES") or HERE.parents[2] / ".test-venv" / "judges")


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None or not (INSTALLED / "node_modules").exists():
        pytest.skip("the judges of Node are not installed: python3 tests/run.py does that")
    return found


def validate(node: str, folder: Path) -> list[str]:
    """What html-validate finds in the pages of *folder*, a line each."""
    shutil.copy(HERE / "htmlvalidate.json", folder / ".htmlvalidate.json")
    program = INSTALLED / "node_modules" / "html-validate" / "bin" / "html-validate.mjs"
    # Into a file: into a pipe it writes no more than fits when it ends.
    with (folder / "found.json").open("w+") as found:
        command = [node, str(program), "--formatter", "json", "--ext", "html", "."]
        done = subprocess.run(command, cwd=folder, stdout=found, timeout=120, check=False)
        assert done.returncode in (0, 1)
        found.seek(0)
        said = json.load(found)
    return [
        f"{Path(page['filePath']).name}:{one['line']} {one['ruleId']}: {one['message']}"
        for page in said
        for one in page["messages"]
    ]


def test_every_page_in_every_state_is_valid_html(node: str, tmp_path: Path) -> None:
    count = 0
    for language in ("nl", "en"):
        for state, (template, context) in samples(language).items():
            (tmp_path / f"{state}-{language}.html").write_text(render(template, language, **context))
            count += 1
    assert count > 100
    assert validate(node, tmp_path) == []


def test_this_judge_sees_what_is_wrong(node: str, tmp_path: Path) -> None:
    template, context = samples("nl")["home"]
    page = render(template, "nl", **context)
    (tmp_path / "twice.html").write_text(page.replace('id="main"', 'id="sharing"'))
    (tmp_path / "button.html").write_text(page.replace(' type="submit"', ""))
    found = " ".join(validate(node, tmp_path))
    assert "no-dup-id" in found
    assert "no-implicit-button-type" in found


@pytest.mark.judged
@pytest.mark.asyncio(loop_scope="session")
async def test_lighthouse_and_pa11y_find_nothing(
    node: str, browser: Browser, scene: Scene, tmp_path: Path
) -> None:
    pages = await reachable(browser, scene)
    assert len(pages) > 25
    (tmp_path / "pages.json").write_text(json.dumps(pages))
    judged = await judge(node, tmp_path / "pages.json")
    wrong = []
    for page in pages:
        one = judged[page["name"]]
        print(page["name"], {k: v for k, v in one.items() if k not in ("missed", "where", "title")})
        # A judge that was sent to the sign-in page would have nothing to say of this one.
        assert (one["where"], one["title"]) == (page["url"], page["title"])
        if one["accessibility"] < 1 or one["practices"] < 1 or one["issues"]:
            wrong.append((page["name"], one["accessibility"], one["practices"], one["missed"], one["issues"]))
        if (one["performance"] or 0) < 0.95 or one.get("interactive", 9e9) > 1200 or one["shift"] > 0:
            wrong.append((page["name"], one["performance"], one.get("interactive"), one["shift"]))
    assert wrong == []


@pytest.mark.judged
@pytest.mark.asyncio(loop_scope="session")
async def test_lighthouse_and_pa11y_see_what_is_wrong(node: str, tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        late = (
            "<script>setTimeout(()=>a.style.height='99vh',900);for(e=Date.now()+900;Date.now()<e;);</script>"
        )
        body = f"<html><title>x</title><div id=a></div><p style='color:#ddd'>Grey<img src=/no>{late}".encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        (tmp_path / "pages.json").write_text(json.dumps([{"name": "bad", "url": url, "cookie": ""}]))
        one = (await judge(node, tmp_path / "pages.json"))["bad"]
    print(one)
    assert max(one["accessibility"], one["practices"]) < 0.95
    assert {"color-contrast", "html-has-lang", "image-alt"} <= set(one["missed"])
    assert one["interactive"] > 1200
    assert one["shift"] > 0
    assert any("Principle1" in issue or "contrast" in issue for issue in one["issues"])


async def judge(node: str, pages: Path) -> dict[str, dict[str, Any]]:
    """What both say of each page in the file."""
    surroundings = os.environ | {"JUDGES": str(INSTALLED), "CHROMIUM": str(find_chromium())}
    program = [node, str(HERE / "judge.mjs"), str(pages)]
    process = await asyncio.create_subprocess_exec(*program, env=surroundings, stdout=subprocess.PIPE)
    said, _ = await process.communicate()
    judged: dict[str, dict[str, Any]] = json.loads(said)
    return judged


async def reachable(browser: Browser, scene: Scene) -> list[dict[str, str]]:
    """The places that have an address of their own, with the cookies of whoever looks."""
    pages = []
    for name, place in PLACES.items():
        if place.status != 200:
            continue
        cookies = None if place.who == "nobody" else getattr(scene, place.who)
        context = await browser.new_context(storage_state=cookies, locale="nl-NL")
        await in_language(context, "nl", scene.issuer)
        page = await context.new_page()
        await place.go(page, scene)
        url, title = page.url, await page.title()
        answer = await page.goto(url)
        if answer is not None and answer.status == 200 and (page.url, await page.title()) == (url, title):
            jar = await context.cookies()
            cookie = "; ".join(f"{one['name']}={one['value']}" for one in jar)
            pages.append({"name": name, "url": url, "title": title, "cookie": cookie})
        await context.close()
    return pages
