"""Every page in every state that a citizen can meet, made by really going there. For tests and for pictures."""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import consent_sdk
import msgspec
from playwright.async_api import Browser, Page

from consent.demo import ORGANISATION
from tests.e2e.hands import (
    NO,
    YES,
    answer,
    code_on,
    let_help,
    press,
    sign_in,
    sign_up,
    stop,
    take_up,
    tick,
    type_code,
)
from tests.e2e.town import NEEDED, OTHER_ATTRIBUTES, OTHER_PURPOSE, Town

CONSOLE = f"/console/{ORGANISATION}"
State = Any  # Playwright's storage state: the cookies of one browser


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """Who there is, and where things are."""

    issuer: str
    settled: State  # a citizen with questions, grants and a past
    helper: State  # who helps her, and is the parent of a child
    helping: str  # where
    child: str  # and where for the child
    whom: str  # a question that is about the parent or about the child
    help_code: str  # that nobody has used
    newcomer: State  # a citizen with nothing
    leaving: State  # a citizen who is erasing everything
    operator: State  # somebody who runs the service
    clerk: State  # somebody at a desk
    owner: State  # somebody who works for the municipality
    erasure: str  # where everybody with the code sees how far that is
    question: str
    waiting: str  # an address as an organisation gives it, for somebody who is not signed in
    dead: str  # such an address, after the answer
    answered: str
    declined: str  # the page after a no
    untold: str  # the receipt of a yes that its organisation does not know of yet
    missing: str  # a question to the newcomer, who keeps nothing yet
    live: str
    ended: str
    use: str
    entry: str  # the newest line of her timeline
    letters: Path  # the mail that the service sends
    code: str  # the stop code of the live one
    used_code: str  # and of one that it stopped
    brokered: str  # where a service is that has a broker


async def furnish(browser: Browser, issuer: str, town: Town, *, brokered: str) -> Scene:
    """Let two citizens and the municipality live for a while; *brokered* is a service with a broker."""
    context = await browser.new_context(locale="nl-NL", java_script_enabled=False)
    page = await context.new_page()
    first = await town.ask()
    await page.goto(first.url)
    await sign_in(page, "amal")
    await answer(page, NO["nl"])
    await town.arrived()

    by_code = await _yes(page, town, *NEEDED)
    await page.goto(f"{issuer}/my/grants/{by_code.grant_id}")
    used_code = await code_on(page)
    await page.goto(f"{issuer}/stop")
    await type_code(page, used_code)
    await page.locator("#stop-now button").click()
    ended = await _yes(page, town, *NEEDED)
    await town.use(await town.fetch(ended))
    await page.goto(f"{issuer}/")
    await stop(page, ended.grant_id)
    try:
        await town.fetch(ended)
    except consent_sdk.Refused:
        pass
    else:
        raise AssertionError("a stopped grant gave data")

    asked = await town.ask(case="Z-2026-0001")
    await page.goto(asked.url)
    answered = urlsplit(page.url).path
    live = await _answer(page, town, asked, *NEEDED)
    use = await town.use(await town.fetch(live))

    await page.goto(f"{issuer}/my/grants/{live.grant_id}")
    code = await code_on(page)
    await page.goto(f"{issuer}/my/timeline")
    entry = str(await page.locator('a[href^="/my/entries/"]').first.get_attribute("href"))
    await page.goto((await town.ask(*OTHER_ATTRIBUTES, purpose=OTHER_PURPOSE)).url)
    await press(page, NO["nl"])
    declined = urlsplit(page.url).path
    await page.goto((await town.ask(*OTHER_ATTRIBUTES, purpose=OTHER_PURPOSE)).url)
    await tick(page, *OTHER_ATTRIBUTES)
    await press(page, YES["nl"])
    untold = urlsplit(page.url).path
    await page.goto((await town.ask(*OTHER_ATTRIBUTES, purpose=OTHER_PURPOSE)).url)
    question = urlsplit(page.url).path
    settled = await context.storage_state()
    taken, help_code = [await let_help(page, issuer, helper="Els", citizen="Amal") for _ in range(2)]
    await context.close()

    context = await browser.new_context(locale="nl-NL", java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{issuer}/sign-in")
    await sign_in(page, "els")
    helping = await take_up(page, issuer, taken)
    _, for_parent = await town.entrust()
    child = await take_up(page, issuer, for_parent)
    await page.goto(f"{issuer}{child}/my/data/household_size")
    await page.locator("#value").fill("3")
    await page.locator("#edit button[type=submit]").click()
    await page.goto((await town.ask()).url)
    whom = urlsplit(page.url).path
    helper = await context.storage_state()
    await context.close()

    context = await browser.new_context(locale="nl-NL")
    page = await context.new_page()
    await sign_up(page, issuer)
    await page.goto((await town.ask()).url)
    missing = urlsplit(page.url).path
    newcomer = await context.storage_state()
    await context.close()
    context = await browser.new_context(locale="nl-NL")
    page = await context.new_page()
    await sign_up(page, issuer)
    await page.goto(f"{issuer}/my/erase")
    await press(page, "Alles wissen")
    erasure = urlsplit(page.url).path
    await page.goto(f"{issuer}/sign-in")
    await page.locator('button[data-act="get"]').click()
    await page.wait_for_url(f"{issuer}/my/erase")
    leaving = await context.storage_state()
    await context.close()
    context = await browser.new_context(locale="nl-NL", java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{issuer}/sign-in")
    await sign_in(page, "wil")
    await town.propose_change()
    operator = await context.storage_state()
    await context.close()
    context = await browser.new_context(locale="nl-NL")
    page = await context.new_page()
    await page.goto(f"{issuer}/sign-in")
    await sign_in(page, "joris")
    clerk = await context.storage_state()
    await context.close()

    context = await browser.new_context(locale="nl-NL", java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{issuer}/sign-in")
    await sign_in(page, "fenna")
    await page.goto(f"{issuer}{CONSOLE}/purposes")
    await page.locator("#purpose").fill("parkeren")
    await page.locator("#begin button").click()
    owner = await context.storage_state()
    await context.close()
    return Scene(
        issuer=issuer,
        owner=owner,
        settled=settled,
        helper=helper,
        helping=helping,
        child=child,
        whom=whom,
        brokered=brokered,
        help_code=help_code,
        newcomer=newcomer,
        leaving=leaving,
        operator=operator,
        clerk=clerk,
        erasure=erasure,
        question=question,
        waiting=(await town.ask()).url.removeprefix(issuer),
        dead=asked.url.removeprefix(issuer),
        answered=answered,
        declined=declined,
        untold=untold,
        missing=missing,
        live=f"/my/grants/{live.grant_id}",
        ended=f"/my/grants/{ended.grant_id}",
        use=urlsplit(use.link).path,
        entry=entry,
        letters=town.letters,
        code=code,
        used_code=used_code,
    )


async def _yes(page: Page, town: Town, *attributes: str) -> consent_sdk.Arrangement:
    asked = await town.ask()
    await page.goto(asked.url)
    return await _answer(page, town, asked, *attributes)


async def _answer(
    page: Page, town: Town, asked: consent_sdk.Ask, *attributes: str
) -> consent_sdk.Arrangement:
    await tick(page, *attributes)
    await answer(page, YES["nl"])
    return await town.receive(asked)


Go = Callable[[Page, Scene], Awaitable[None]]


class Place(msgspec.Struct, frozen=True):
    """One page in one state: who looks, which page it is, how to get there, and the status that the door answers."""

    who: str  # "nobody", "settled", "newcomer", "leaving", "helper", "operator", "clerk" or "owner"
    shows: str  # the template that it must be, without `.html`
    go: Go
    status: int = 200


def _at(path: str) -> Go:
    """Go to *path*; a name in braces is one of the scene's."""

    async def go(page: Page, scene: Scene) -> None:
        await page.goto(scene.issuer + path.format_map(msgspec.structs.asdict(scene)))

    return go


def _then(path: str, *gestures: Callable[[Page], Awaitable[None]]) -> Go:
    async def go(page: Page, scene: Scene) -> None:
        await _at(path)(page, scene)
        for gesture in gestures:
            await gesture(page)

    return go


async def _press_yes(page: Page) -> None:
    await page.locator('button[value="yes"]').click()


async def _press_enter(page: Page) -> None:
    await page.locator("input[type=checkbox]").first.press("Enter")


async def _type_the_code(page: Page, scene: Scene) -> None:
    await page.goto(f"{scene.issuer}/my/helping")
    await page.locator("#code").fill(scene.help_code)
    await page.locator("#type-code button").click()


async def _a_helper_more(page: Page, scene: Scene) -> None:
    await sign_up(page, scene.issuer)
    await let_help(page, scene.issuer, helper="Els", citizen="Amal")


async def _to_broker(page: Page, scene: Scene) -> None:
    await page.goto(f"{scene.brokered}/sign-in?next=/my/sign-in")
    await sign_in(page, "amal")
    await page.locator("#add-broker button").click()


async def _save_nonsense(page: Page) -> None:
    await page.locator("#value").fill("31-02-1990")
    await page.locator("#edit button[type=submit]").click()


async def _save_nothing(page: Page) -> None:
    await page.locator("#edit button[type=submit]").click()


async def _again(page: Page, scene: Scene, persona: str) -> None:
    """Sign in as on another device: some pages ask for it when the last time is some minutes ago.

    The old session stays as it is for the places after this one: signing in again in the same browser would end it.
    """
    await page.context.clear_cookies()
    await page.goto(f"{scene.issuer}/sign-in?again=1")
    await sign_in(page, persona)


async def _show_the_key(page: Page, scene: Scene) -> None:
    await _again(page, scene, "amal")
    await page.goto(f"{scene.issuer}/my/log")
    await page.locator("#audit-key button[value=page]").click()


def _type(code: str) -> Go:
    async def go(page: Page, scene: Scene) -> None:
        await page.goto(f"{scene.issuer}/stop")
        await type_code(page, code.format_map(msgspec.structs.asdict(scene)))

    return go


def _type_case(number: str) -> Callable[[Page], Awaitable[None]]:
    async def write(page: Page) -> None:
        await page.locator("#case").fill(number)
        await page.locator("#enquire button").click()

    return write


async def _send_it(page: Page) -> None:
    await page.locator('button[value="propose"]').click()


async def _save_it(page: Page) -> None:
    await page.locator('button[value="save"]:visible').click()


async def _nameless(page: Page) -> None:
    await page.locator("#purpose").fill("Not A Name")
    await page.locator("#begin button").click()


async def _try_it(page: Page) -> None:
    await page.locator("#persona").select_option("riet")
    await page.locator("#try button").click()


async def _no_address(page: Page) -> None:
    await page.locator("#client_name").fill("Loket")
    await page.locator("#redirect_uris").fill("here")
    await page.locator("#program button").click()


async def _wrong_code(page: Page) -> None:
    await page.locator("#code").fill("wrong")
    await page.locator("#join button").click()


async def _make_a_code(page: Page) -> None:
    await page.locator("#name").fill("Bob")
    await page.locator("#role-editor").check()
    await page.locator("#invite button").click()


async def _session_ends(page: Page) -> None:
    parts = urlsplit(page.url)
    cookie = {"name": "session", "value": "x" * 43, "url": f"{parts.scheme}://{parts.netloc}"}
    await page.context.add_cookies([cookie])
    await page.reload()


async def _refuse_without_a_word(page: Page, scene: Scene) -> None:
    await _again(page, scene, "wil")
    await page.goto(f"{scene.issuer}/operator/pages/purposes/hulp-nieuw-in-nederland@2")
    await page.locator("#refuse").click()


def _to_the_log(what: str) -> Go:
    async def go(page: Page, scene: Scene) -> None:
        await page.goto(f"{scene.issuer}/auditor")
        entries = await page.locator('a[href$="/entries"]').get_attribute("href")
        await page.goto(f"{scene.issuer}{str(entries).removesuffix('entries')}{what}")

    return go


async def _ask_for_link(page: Page, address: str) -> None:
    await page.locator("#with-mail #address").fill(address)
    await page.locator("#with-mail button").click()


async def _open_link(page: Page, scene: Scene) -> None:
    await page.goto(f"{scene.issuer}/sign-in")
    address = f"{secrets.token_hex(8)}@example.org"
    await _ask_for_link(page, address)
    for _ in range(50):
        for letter in scene.letters.glob("*.eml"):
            text = message_from_bytes(letter.read_bytes(), policy=default)
            if text["to"] == address:
                await page.goto(re.findall(r"http\S+/sign-in/link/\S+", text.get_content())[0])
                return
        await asyncio.sleep(0.1)
    raise AssertionError("no letter came")


async def _wrong_words(page: Page) -> None:
    await page.locator("#words").fill("een twee drie")
    await page.locator("#with-words button").click()


async def _new_account(page: Page, scene: Scene) -> None:
    await sign_up(page, scene.issuer)
    await page.goto(f"{scene.issuer}/my/sign-in")


async def _new_words(page: Page, scene: Scene) -> None:
    await _new_account(page, scene)
    await page.locator("#make-words button").click()


async def _wrong_address(page: Page) -> None:
    await page.evaluate("document.querySelector('#with-mail').noValidate = true")
    await _ask_for_link(page, "nobody")


PLACES: dict[str, Place] = {
    "sign-in": Place("nobody", "sign_in", _at("/sign-in")),
    "sign-in-waiting": Place("nobody", "sign_in", _at("{waiting}")),
    "sign-in-failed": Place("nobody", "sign_in", _at("/sign-in?error=passkey_failed")),
    "sign-in-expired": Place("settled", "sign_in", _then("/my/data", _session_ends)),
    "sign-in-again": Place("settled", "sign_in", _at("/sign-in?next=/my/sign-in&again=1")),
    "sign-in-address-wrong": Place("nobody", "sign_in", _then("/sign-in", _wrong_address)),
    "link-sent": Place("nobody", "link_sent", _at("/sign-in/link-sent")),
    "link": Place("nobody", "link", _open_link),
    "link-dead": Place("nobody", "link", _at("/sign-in/link/" + "x" * 43)),
    "words": Place("nobody", "words", _at("/sign-in/words")),
    "words-wrong": Place("nobody", "words", _then("/sign-in/words", _wrong_words), 422),
    "ways": Place("nobody", "ways", _new_account),
    "ways-stale": Place("settled", "ways", _at("/my/sign-in")),
    "to-broker": Place("nobody", "to_broker", _to_broker),
    "new-words": Place("nobody", "new_words", _new_words),
    "signed-out": Place("nobody", "signed_out", _at("/signed-out")),
    "home": Place("settled", "home", _at("/")),
    "home-empty": Place("newcomer", "home", _at("/")),
    "question": Place("settled", "request", _at("{question}")),
    "question-missing": Place("newcomer", "request", _at("{missing}")),
    "question-nothing-chosen": Place("settled", "request", _then("{question}", _press_yes), 422),
    "question-no-decision": Place("settled", "request", _then("{question}", _press_enter), 422),
    "question-help": Place("settled", "request_help", _at("{question}/help")),
    "question-answered": Place("settled", "request_gone", _at("{answered}"), 410),
    "question-dead-link": Place("settled", "error", _at("{dead}"), 400),
    "receipt": Place("settled", "receipt", _at("{live}")),
    "question-declined": Place("settled", "declined", _at("{declined}")),
    "receipt-untold": Place("settled", "receipt", _at("{untold}")),
    "receipt-ended": Place("settled", "receipt", _at("{ended}")),
    "stopped": Place("settled", "stopped", _at("{ended}/stopped")),
    "desk": Place("clerk", "desk", _at("/desk/voorbeeldstad")),
    "desk-standing": Place("clerk", "desk", _then("/desk/voorbeeldstad", _type_case("Z-2026-0001"))),
    "desk-unknown": Place("clerk", "desk", _then("/desk/voorbeeldstad", _type_case("Z-2026-9999")), 404),
    "notices": Place("settled", "notices", _at("/my/notices")),
    "notices-none": Place("newcomer", "notices", _at("/my/notices")),
    "quiet": Place("settled", "quiet", _at("/my/quiet")),
    "stop-code": Place("nobody", "stop_code", _at("/stop")),
    "stop-code-wrong": Place("nobody", "stop_code", _type("0000 0000 0000 0000 B"), 404),
    "stop-code-sure": Place("nobody", "stop_code_sure", _type("{code}")),
    "stop-code-over": Place("nobody", "stop_code_sure", _type("{used_code}")),
    "stop-code-done": Place("nobody", "stop_code_done", _at("/stop/done")),
    "organisation": Place("settled", "dealings", _at("/my/organisations/voorbeeldstad")),
    "organisation-unknown": Place("newcomer", "error", _at("/my/organisations/voorbeeldstad"), 404),
    "timeline": Place("settled", "timeline", _at("/my/timeline")),
    "timeline-filtered": Place(
        "settled", "timeline", _at("/my/timeline?organisation=voorbeeldstad&kind=used")
    ),
    "timeline-empty": Place("newcomer", "timeline", _at("/my/timeline")),
    "entry": Place("settled", "entry", _at("{entry}")),
    "report": Place("settled", "report", _at("{entry}/report")),
    "help": Place("nobody", "help", _at("/help")),
    "scan": Place("settled", "scan", _at("/my/log")),
    "audit-key": Place("settled", "audit_key", _show_the_key),
    "why": Place("settled", "why", _at("{use}")),
    "data": Place("settled", "my_data", _at("/my/data")),
    "data-history": Place("settled", "history", _at("/my/data/birth_date/history")),
    "data-empty": Place("newcomer", "my_data", _at("/my/data")),
    "helpers": Place("settled", "helpers", _at("/my/helpers")),
    "helper-form": Place("settled", "helper_form", _at("/my/helpers/new")),
    "helper-code": Place("nobody", "helper_code", _a_helper_more),
    "helping": Place("newcomer", "helping", _at("/my/helping")),
    "help-offer": Place("newcomer", "help_offer", _type_the_code),
    "for-home": Place("helper", "for_home", _at("{helping}")),
    "for-timeline": Place("helper", "for_timeline", _at("{helping}/my/timeline")),
    "for-data": Place("helper", "for_data", _at("{helping}/my/data")),
    "for-stopped": Place("helper", "for_stopped", _at("{helping}{ended}/stopped")),
    "for-answered": Place("helper", "for_answered", _at("{helping}{answered}/answered")),
    "for-child": Place("helper", "for_home", _at("{child}")),
    "for-child-data": Place("helper", "for_data", _at("{child}/my/data")),
    "for-child-edit": Place("helper", "edit", _at("{child}/my/data/household_size")),
    "question-whom": Place("helper", "request_whom", _at("{whom}")),
    "for-question": Place("helper", "request", _at("{helping}{question}")),
    "home-helping": Place("helper", "home", _at("/")),
    "erase": Place("settled", "erase", _at("/my/erase")),
    "export": Place("settled", "export", _at("/my/export")),
    "leaving": Place("leaving", "leaving", _at("/")),
    "erasure": Place("nobody", "erasure", _at("{erasure}")),
    "operator": Place("operator", "operator", _at("/operator")),
    "operator-list": Place("operator", "operator_list", _at("/operator/pages/purposes")),
    "operator-look": Place(
        "operator", "operator_look", _at("/operator/pages/purposes/hulp-nieuw-in-nederland@1")
    ),
    "operator-decide": Place(
        "operator", "operator_look", _at("/operator/pages/purposes/hulp-nieuw-in-nederland@2")
    ),
    "operator-organisation": Place(
        "operator", "operator_look", _at("/operator/pages/organisations/voorbeeldstad")
    ),
    "operator-journal": Place("operator", "operator_journal", _at("/operator/pages/journal")),
    "operator-health": Place("operator", "operator_health", _at("/operator/pages/health")),
    "operator-refused-nothing-said": Place("operator", "operator_look", _refuse_without_a_word, 400),
    "statistics": Place("nobody", "statistics", _at("/auditor/statistics")),
    "statistics-wrong-period": Place(
        "nobody", "statistics", _at("/auditor/report?from=2026-01&until=2026-01"), 400
    ),
    "log": Place("nobody", "log", _at("/auditor")),
    "log-check": Place("nobody", "log_check", _at("/log/verify")),
    "log-entries": Place("nobody", "log_entries", _to_the_log("entries")),
    "log-itself": Place("nobody", "log_entries", _to_the_log("itself/0")),
    "log-entry": Place("nobody", "log_entry", _to_the_log("entry/0")),
    "log-event": Place("nobody", "log_entry", _to_the_log("entry/2")),
    "edit": Place("settled", "edit", _at("/my/data/preferred_language")),
    "edit-date-wrong": Place("newcomer", "edit", _then("/my/data/birth_date", _save_nonsense), 422),
    "edit-yes-no": Place("newcomer", "edit", _at("/my/data/income_below_threshold")),
    "edit-yes-no-unchosen": Place("newcomer", "edit", _then("/my/data/over_18", _save_nothing), 422),
    "edit-amount": Place("newcomer", "edit", _at("/my/data/yearly_income")),
    "edit-list": Place("newcomer", "edit", _at("/my/data/children_first_names")),
    "work": Place("owner", "work", _at("/work")),
    "work-none": Place("newcomer", "work", _at("/work")),
    "join": Place("newcomer", "join", _at("/join")),
    "join-wrong": Place("newcomer", "join", _then("/join", _wrong_code), 400),
    "console": Place("owner", "console", _at(CONSOLE)),
    "console-team": Place("owner", "team", _at(f"{CONSOLE}/team")),
    "console-team-code": Place("owner", "team_code", _then(f"{CONSOLE}/team", _make_a_code)),
    "console-purposes": Place("owner", "console_purposes", _at(f"{CONSOLE}/purposes")),
    "console-purposes-wrong": Place(
        "owner", "console_purposes", _then(f"{CONSOLE}/purposes", _nameless), 422
    ),
    "console-draft": Place("owner", "draft", _then(f"{CONSOLE}/purposes/parkeren", _save_it)),
    "console-draft-wrong": Place("owner", "draft", _then(f"{CONSOLE}/purposes/parkeren", _send_it), 422),
    "console-example": Place("owner", "example", _at(f"{CONSOLE}/purposes/parkeren/example")),
    "console-numbers": Place("owner", "console_numbers", _at(f"{CONSOLE}/numbers")),
    "console-program": Place("owner", "console_program", _at(f"{CONSOLE}/programs")),
    "console-program-wrong": Place(
        "owner", "console_program", _then(f"{CONSOLE}/programs", _no_address), 400
    ),
    "console-try": Place("owner", "console_try", _at(f"{CONSOLE}/try")),
    "console-tried": Place("owner", "console_try", _then(f"{CONSOLE}/try", _try_it)),
    "errors": Place("nobody", "error_codes", _at("/errors")),
    "console-keys": Place("owner", "console_keys", _at(f"{CONSOLE}/keys")),
    "not-found": Place("settled", "error", _at("/my/nothing-here"), 404),
    "question-not-hers": Place("newcomer", "request_gone", _at("{question}"), 404),
    "desk-stop": Place("clerk", "stop_code", _at("/desk/voorbeeldstad/stop")),
    "not-hers": Place("newcomer", "error", _at("{live}"), 404),
    "not-to-change": Place("settled", "error", _at("/my/data/full_name"), 403),
}
