"""What a person does with these pages, a function a gesture. Everything is found as she finds it: by what it says."""

from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, Page, expect

YES = {"nl": "Ja, deel wat ik koos", "en": "Yes, share what I chose"}
NO = {"nl": "Nee, deel niets", "en": "No, share nothing"}
STOP = {"nl": "Stop met delen", "en": "Stop sharing"}
DEVICE = {"nl": "Log in met uw vinger, gezicht of pincode", "en": "Sign in with your finger, face or PIN"}


async def sign_in(page: Page, persona: str) -> None:
    """On the sign-in page, go on as an invented person."""
    await page.locator(f"#sign-in-persona-{persona} button").click()


async def tick(page: Page, *attributes: str) -> None:
    """Choose items of a question: the whole card is the label of its box."""
    for name in attributes:
        await page.locator(f"label[for=attribute-{name}]").click()


async def press(page: Page, words: str) -> None:
    """Press the button that says *words*."""
    await page.get_by_role("button", name=words).click()


async def answer(page: Page, words: str) -> None:
    """Say yes or no, and go on to whoever asked from the page that comes then."""
    await press(page, words)
    await page.locator("#onward a").click()


async def stop(page: Page, grant: str) -> None:
    """Press the stop button of one grant."""
    await page.locator(f"#stop-{grant} button").click()


async def code_on(page: Page) -> str:
    """The stop code on the receipt that is open."""
    return await page.locator("#stop-code strong").inner_text()


async def type_code(page: Page, code: str) -> None:
    """On the page for stop codes, type one and look at it."""
    await page.locator("#code").fill(code)
    await page.locator("#with-code button").click()


async def let_help(page: Page, issuer: str, *, helper: str, citizen: str) -> str:
    """Let *helper* do all that a helper can, for a month, also with what is delicate; the code for him."""
    await page.goto(f"{issuer}/my/helpers/new")
    await page.locator("#helper").fill(helper)
    await page.locator("#citizen").fill(citizen)
    await page.locator("#may-choose").check()
    await page.locator("#term-month").check()
    await page.locator("summary").click()
    await page.locator("#special").check()
    await page.locator("#new-helper button[type=submit]").click()
    words = page.locator("#code li")
    await expect(words).to_have_count(7)
    return " ".join(await words.all_inner_texts())


async def take_up(page: Page, issuer: str, code: str) -> str:
    """Type the code of a mandate and say yes; where its pages are."""
    await page.goto(f"{issuer}/my/helping")
    await page.locator("#code").fill(code)
    await page.locator("#type-code button").click()
    await press(page, "Ja, ik help")
    await expect(page.locator("#helping")).to_be_visible()
    return path_of(page)


def path_of(page: Page) -> str:
    """Where the page is, without the host."""
    return urlsplit(page.url).path


async def in_language(context: BrowserContext, language: str, issuer: str) -> None:
    """Let the pages speak *language* from now on, as after a press on the language link."""
    await context.add_cookies([{"name": "lang", "value": language, "url": issuer}])


async def add_authenticator(page: Page, *, verified: bool = True) -> None:
    """Give the browser a device with a fingerprint reader; without *verified* it does not know the finger."""
    device = await page.context.new_cdp_session(page)
    await device.send("WebAuthn.enable")
    await device.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": verified,
                "automaticPresenceSimulation": True,
            }
        },
    )


async def sign_up(page: Page, issuer: str, *, path: str = "/sign-in") -> None:
    """Make an account with the device; nothing is typed. The page needs JavaScript for this."""
    await add_authenticator(page)
    await page.goto(issuer + path)
    await page.locator('button[data-act="create"]').click()
    await page.wait_for_url(lambda url: not urlsplit(url).path.startswith("/sign-in"))
