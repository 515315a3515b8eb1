"""She compares the public log with what her page shows, in her own browser; her key goes nowhere."""

import json
from pathlib import Path

import pytest
from playwright.async_api import Page, Request, expect

from tests.e2e.conftest import Open
from tests.e2e.places import Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def save(page: Page, target: str, folder: Path) -> Path:
    """Click on something that gives a file; returns the file."""
    async with page.expect_download() as download:
        await page.locator(target).click()
    file = folder / (await download.value).suggested_filename
    await (await download.value).save_as(file)
    return file


async def compare(page: Page, key: Path, openings: Path) -> str:
    """Let the page compare; returns which of its verdicts it shows."""
    await page.locator("#scan-key").set_input_files(key)
    await page.locator("#scan-openings").set_input_files(openings)
    await page.locator("#scan-start").click()
    await expect(page.locator("#scan-start")).to_be_enabled()
    shown = [name for name in ("good", "bad", "failed") if await page.locator(f"#scan-{name}").is_visible()]
    return " ".join(shown)


async def test_the_page_agrees_then_finds_what_is_hidden_and_sends_no_key(
    open_page: Open, scene: Scene, tmp_path: Path
) -> None:
    page = await open_page(javascript=True, storage_state=scene.settled)
    await page.goto(f"{scene.issuer}/my/log")
    key = await save(page, "#audit-key button[value=file]", tmp_path)
    openings = await save(page, "#openings", tmp_path)
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request))
    assert await compare(page, key, openings) == "good"
    found = page.locator("#scan-found li")
    lines = openings.read_text().splitlines(keepends=True)
    assert await found.count() == len(lines) - 1 > 3
    assert {await one.get_attribute("data-found") for one in await found.all()} == {"yours"}
    # What was fetched is public and the same for everybody.
    assert sent
    assert all(
        one.method == "GET" and one.url.startswith(f"{scene.issuer}/log/2") and one.post_data is None
        for one in sent
    )
    assert not any(one.headers.get("cookie") for one in sent)

    openings.write_text("".join(lines[:2] + lines[3:]))
    assert await compare(page, key, openings) == "bad"
    await expect(page.locator("#scan-found [data-found=hidden]")).to_have_count(1)

    # A record that says something else than the log commits to; an entry that is not hers.
    lied = json.loads(lines[1])
    openings.write_text(
        lines[0]
        + json.dumps({**lied, "A": lied["A"].replace("granted", "revoked").replace("other", "lawful")})
        + "\n"
        + "".join(lines[2:])
    )
    assert await compare(page, key, openings) == "bad"
    await expect(page.locator("#scan-found [data-found=false]")).to_have_count(1)
    made_up = {**lied, "i": 0, "A": lied["A"].replace(f'"i":{lied["i"]}', '"i":0')}
    openings.write_text("".join(lines) + json.dumps(made_up) + "\n")
    assert await compare(page, key, openings) == "bad"
    await expect(page.locator("#scan-found [data-found=absent]")).to_have_count(1)

    key.write_text(key.read_text().replace("cak1-", "cak1-b", 1))
    openings.write_text("".join(lines))
    assert await compare(page, key, openings) == "failed"


async def test_somebody_elses_grant_in_her_file_shows_whose_entries_these_are(
    open_page: Open, scene: Scene, tmp_path: Path
) -> None:
    """What her page says is hers, while the log has it under another key: both ways are named."""
    hers = await open_page(javascript=True, storage_state=scene.settled)
    await hers.goto(f"{scene.issuer}/my/log")
    theirs = await open_page(javascript=True, storage_state=scene.newcomer)
    await theirs.goto(f"{scene.issuer}/my/log")
    (tmp_path / "theirs").mkdir()
    key = await save(theirs, "#audit-key button[value=file]", tmp_path / "theirs")
    openings = await save(hers, "#openings", tmp_path)
    assert await compare(hers, key, openings) == "bad"
    kinds = {await one.get_attribute("data-found") for one in await hers.locator("#scan-found li").all()}
    assert kinds == {"absent", "foreign"}


async def test_without_javascript_the_page_says_which_program_does_it(open_page: Open, scene: Scene) -> None:
    page = await open_page(storage_state=scene.settled)
    await page.goto(f"{scene.issuer}/my/log")
    await expect(page.locator("#scan")).to_be_hidden()
    await expect(page.get_by_text(f"verify.py scan {scene.issuer} --key")).to_be_visible()
    await page.locator("#audit-key button[value=page]").click()
    await expect(page.locator("code.consent-key")).to_contain_text("cak1-")


async def test_the_code_on_a_receipt_is_drawn(open_page: Open, scene: Scene) -> None:
    page = await open_page(storage_state=scene.settled)
    await page.goto(scene.issuer + scene.entry)
    width = await page.locator(".consent-code img").evaluate("image => image.naturalWidth")
    assert width > 100
