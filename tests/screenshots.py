"""Pictures of every page in every state: `python tests/screenshots.py DIR [NAME ...]`, from a service that it starts.

Each in Dutch and English, on a phone and on a screen, and in the dark on a phone.
"""

# ruff: noqa: E402

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

# Started as a file, Python looks in this folder and not in the one above.
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "clients" / "organisation")]

from consent.demo import Stage
from tests.conftest import free_port
from tests.e2e.beside import with_broker
from tests.e2e.conftest import find_chromium
from tests.e2e.hands import in_language
from tests.e2e.places import PLACES, furnish
from tests.e2e.town import Town

LOOKS = {
    "phone": {"viewport": {"width": 390, "height": 844}},
    "screen": {"viewport": {"width": 1280, "height": 900}},
    "dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}


async def take(folder: Path, issuer: str, stage: Stage, names: list[str], brokered: str) -> int:
    """Take them all; returns how many."""
    count = 0
    async with Town.open(stage) as town, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium())
        scene = await furnish(browser, issuer, town, brokered=brokered)
        people = {
            "nobody": None,
            "settled": scene.settled,
            "newcomer": scene.newcomer,
            "leaving": scene.leaving,
            "operator": scene.operator,
            "clerk": scene.clerk,
            "helper": scene.helper,
            "owner": scene.owner,
        }
        for name in names:
            place = PLACES[name]
            for look, options in LOOKS.items():
                for language in ("nl", "en"):
                    context = await browser.new_context(storage_state=people[place.who], **options)
                    await in_language(context, language, issuer)
                    page = await context.new_page()
                    await place.go(page, scene)
                    await page.screenshot(path=folder / f"{name}-{language}-{look}.png", full_page=True)
                    await context.close()
                    count += 1
        await browser.close()
    return count


def main() -> None:
    """Read the command line, start a service in a folder of its own, take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PLACES)}")
    wanted = parser.parse_args()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), free_port())
        stage.add_organisation()
        with stage.serving(), with_broker(Path(folder)) as brokered:
            names = wanted.names or list(PLACES)
            count = asyncio.run(take(wanted.folder, stage.issuer, stage, names, brokered))
    print(f"{count} pictures in {wanted.folder}")


if __name__ == "__main__":
    main()
