"""She is told, in the commit of what happened; a mail says nothing about anybody, goes when she wants it, and stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from typing import Any

import pytest
from msgspec.structs import replace

from consent.acts import mandate as mandates
from consent.acts import tell as telling
from consent.acts.erase import go_on, leave
from consent.acts.expire import expire
from consent.acts.export import export
from consent.acts.house import Letter
from consent.acts.prefer import keep_quiet
from consent.acts.tell import CHOICES, DAILY_AT, MOST_A_DAY, claim, next_daily, settle, warn
from consent.acts.ways import add, seal_text, way_hash
from consent.errands.mailer import Server
from consent.errands.telling import mail_notices
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import KEYS
from consent.storage.rows import Way
from consent.words.dates import local
from consent.words.errors import BadInput
from consent.words.instants import DAY, HOUR, MINUTE, SECOND
from tests.acts.test_mandate import given as mandate_given
from tests.world import MUNICIPALITY, World

ADDRESS = "sanne.canary@example.org"


class Mailbox:
    """A mailer that keeps what it gets; `works` False: the server refuses."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.works = True

    def send(self, letter: Letter) -> None:
        self.letters.append(letter)

    async def deliver(self, letter: Letter) -> bool:
        if self.works:
            self.letters.append(letter)
        return self.works


@pytest.fixture
async def box(world: World) -> Mailbox:
    """Sanne has a mailbox, and what was told about that has gone."""
    mailbox = Mailbox()
    world.house = replace(world.house, mailer=mailbox)
    await add_address(world)
    await mail_notices(world.house)
    assert len(mailbox.letters) == 1
    mailbox.letters.clear()
    world.pass_time(2 * DAY / SECOND)
    return mailbox


async def add_address(world: World) -> None:
    citizen = world.citizen()

    def story(book: Book) -> Story[None]:
        yield [KEYS.one(citizen)]
        yield TURN
        wrapped = book.get(KEYS, citizen)
        assert wrapped is not None
        sealed = seal_text(world.house, book.keys_of(wrapped), citizen, "way/mail", ADDRESS)
        hashed = way_hash(world.house, "mail", ADDRESS)
        add(book, Way(hash=hashed, citizen=citizen, kind="mail", sealed=sealed, created_at=book.at))

    await world.house.scribe.do(story)


async def told(world: World, persona: str = "sanne") -> list[tuple[str, str]]:
    return [(one.kind, one.who) for one in await telling.newest(world.house, citizen=world.citizen(persona))]


async def want(world: World, when: str) -> None:
    await telling.choose(world.house, citizen=world.citizen(), mail=dict.fromkeys(CHOICES, when))


async def test_what_others_do_is_told_and_what_she_does_herself_is_not(world: World) -> None:
    first = await world.given()
    assert await told(world) == []
    await world.disclose(first.tokens)
    await world.disclose(first.tokens)
    assert await told(world) == [("first_use", "")]  # the first time only
    await world.stop(first.grant)
    assert await told(world) == [("first_use", "")]
    second = await world.given()
    await world.let_go(second.grant)
    assert ("stopped", "organisation") in await told(world)
    await world.given()
    world.pass_time(91 * DAY / SECOND)
    await world.house.scribe.do(expire(world.at))
    assert (await told(world))[0] == ("stopped", "rule")


async def test_the_end_is_told_a_week_before_and_once(world: World) -> None:
    await world.given()
    for days, expected in ((82, 0), (1.5, 1), (1, 0)):
        world.pass_time(days * DAY / SECOND)
        assert (await world.house.scribe.do(warn(world.at))).outcome == expected
    assert await told(world) == [("nearly_over", "")]


async def test_help_is_told_to_both(world: World) -> None:
    made = await mandate_given(world)
    assert await told(world) == [("help_begun", "")]
    await mandates.end(world.house, who=world.citizen(), mandate=made.id)
    assert await told(world, "daan") == [("help_ended", "yours")]
    assert await told(world) == [("help_begun", "")]


async def test_no_mail_says_anything_about_anybody(world: World, box: Mailbox) -> None:
    await want(world, "at_once")
    given = await world.given()
    await world.disclose(given.tokens)
    await world.let_go(given.grant)
    await mandate_given(world)
    await mail_notices(world.house)
    (letter,) = box.letters  # one for all
    assert letter.to == ADDRESS
    text = letter.subject + letter.text
    assert world.house.issuer in text
    assert text.count("http") == 2  # the service's own address, in both languages, and nothing behind it
    assert text.count(world.house.issuer + "\n") == 2
    for canary in ("Sanne", "sanne", "Els", "Voorbeeldstad", MUNICIPALITY, given.grant, world.citizen()):
        assert canary not in text


async def test_the_day_brings_one_mail_at_its_hour(world: World, box: Mailbox) -> None:
    given = await world.given()
    await world.disclose(given.tokens)  # told once a day, as for everybody
    await mail_notices(world.house)
    assert box.letters == []
    await world.let_go(given.grant)
    world.pass_time((next_daily(world.at) - world.at) / SECOND - 60)
    await mail_notices(world.house)
    assert box.letters == []
    world.pass_time(60)
    assert local(world.at).hour == DAILY_AT
    await mail_notices(world.house)
    assert len(box.letters) == 1
    world.pass_time(2 * DAY / SECOND)
    await mail_notices(world.house)
    assert len(box.letters) == 1


async def test_quiet_and_never_mean_no_mail_ever(world: World, box: Mailbox) -> None:
    await want(world, "never")
    given = await world.given()
    await world.disclose(given.tokens)
    await mail_notices(world.house)
    await want(world, "at_once")
    await keep_quiet(world.house, citizen=world.citizen(), private=True)
    await world.let_go(given.grant)
    await add_address(world)  # also about signing in
    await mail_notices(world.house)
    await keep_quiet(world.house, citizen=world.citizen(), private=False)
    world.pass_time(DAY / SECOND)
    await mail_notices(world.house)
    assert box.letters == []  # what was told while it was quiet is not sent afterwards
    assert len(await told(world)) == 4


async def test_about_signing_in_there_is_nothing_to_choose(world: World, box: Mailbox) -> None:
    await want(world, "never")
    with pytest.raises(BadInput):
        await telling.choose(world.house, citizen=world.citizen(), mail={"way_added": "never"})
    with pytest.raises(BadInput):
        await telling.choose(world.house, citizen=world.citizen(), mail={"stopped": "hourly"})
    await add_address(world)
    await mail_notices(world.house)
    assert len(box.letters) == 1
    assert "Sign in now" in box.letters[0].text or "sign in now" in box.letters[0].text


async def test_a_crash_between_send_and_mark_sends_at_most_twice(world: World, box: Mailbox) -> None:
    await add_address(world)
    (mail,) = (await world.house.scribe.do(claim(world.at))).outcome  # sent, and then the machine fell
    await mail_notices(world.house)
    assert box.letters == []  # not at once
    world.pass_time(2 * MINUTE / SECOND)
    await mail_notices(world.house)
    world.pass_time(DAY / SECOND)
    await mail_notices(world.house)
    assert len(box.letters) == 1
    await world.house.scribe.do(settle(mail, sent=True))  # however late it comes back
    await mail_notices(world.house)
    assert len(box.letters) == 1


async def test_a_dead_mail_server_is_tried_again_and_then_no_more(world: World, box: Mailbox) -> None:
    box.works = False
    await add_address(world)
    tries = 0
    for _ in range(80):
        taken = (await world.house.scribe.do(claim(world.at))).outcome
        tries += len(taken)
        world.pass_time(HOUR / SECOND)
    assert tries == len(telling.WAITS)
    assert len(await told(world)) == 2  # the page has it all the same


async def test_a_flood_becomes_a_few_mails_and_the_daily_one(world: World, box: Mailbox) -> None:
    await want(world, "at_once")
    for _ in range(MOST_A_DAY + 3):
        given = await world.given()
        await world.let_go(given.grant)
        await mail_notices(world.house)
        world.pass_time(60)
    assert len(box.letters) == MOST_A_DAY
    await add_address(world)  # what matters still comes through
    await mail_notices(world.house)
    assert len(box.letters) == MOST_A_DAY + 1


@pytest.mark.parametrize("when", ["at_once", "daily"])
async def test_a_clock_that_moves_sends_each_mail_once_and_loses_none(
    world: World, box: Mailbox, when: str
) -> None:
    """To and fro over each instant at which a try was planned: the next minute, the next hours, the hour of mail."""
    await want(world, when)
    given = await world.given()
    await world.let_go(given.grant)
    await mail_notices(world.house)
    assert len(box.letters) == (when == "at_once")
    for move in (-3 * HOUR, 3 * HOUR + 2 * MINUTE, -HOUR, DAY + HOUR, -DAY, DAY, -20 * MINUTE, 13 * HOUR):
        world.pass_time(move / SECOND)
        await mail_notices(world.house)
        await mail_notices(world.house)
    assert len(box.letters) == 1
    # What happens while the clock is behind is told too, and mailed once the clock is right.
    world.pass_time(-2 * HOUR / SECOND)
    second = await world.given()
    await world.let_go(second.grant)
    for move in (0, 2 * HOUR, DAY, -DAY, DAY, DAY):
        world.pass_time(move / SECOND)
        await mail_notices(world.house)
    assert len(box.letters) == 2


async def test_read_is_what_stood_on_the_page_and_not_what_came_since(world: World) -> None:
    citizen = world.citizen()
    await world.let_go((await world.given()).grant)
    (seen, *_) = await telling.newest(world.house, citizen=citizen)
    world.pass_time(1)
    await world.let_go((await world.given()).grant)
    before = await telling.count_new(world.house, citizen=citizen)
    await telling.mark_read(world.house, citizen=citizen, until=seen.at)
    assert (before, await telling.count_new(world.house, citizen=citizen)) == (2, 1)
    await telling.mark_read(world.house, citizen=citizen, until=10**17)  # made up: no more than there is
    assert await telling.count_new(world.house, citizen=citizen) == 0
    await world.let_go((await world.given()).grant)
    assert await telling.count_new(world.house, citizen=citizen) == 1
    assert await telling.count_new(world.house, citizen=world.citizen("daan")) == 0


async def test_old_news_is_not_mailed_when_mail_begins(world: World) -> None:
    await add_address(world)
    world.pass_time(8 * DAY / SECOND)
    mailbox = Mailbox()
    world.house = replace(world.house, mailer=mailbox)
    await mail_notices(world.house)
    assert mailbox.letters == []


async def test_she_takes_them_with_her_and_erases_them(world: World) -> None:
    citizen = world.citizen()
    given = await world.given()
    await world.let_go(given.grant)
    await want(world, "never")
    copy: dict[str, Any] = await export(world.house, citizen=citizen)
    assert [one["kind"] for one in copy["notices"]] == ["stopped"]
    assert copy["mail"]["stopped"] == "never"
    await leave(world.house, citizen=citizen)
    world.pass_time(30 * DAY / SECOND)
    for _ in range(3):
        await go_on(world.house)
    assert await world.house.store.read("notice.newest", citizen, 9) == []


@asynccontextmanager
async def mail_server() -> AsyncIterator[tuple[int, list[tuple[str, bytes]]]]:
    """A mail server on loopback (RFC 5321), as much as one letter needs."""
    got: list[tuple[str, bytes]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to = ""
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            word = line[:4].upper()
            if word == b"DATA":
                writer.write(b"354 go\r\n")
                got.append((to, (await reader.readuntil(b"\r\n.\r\n"))[:-3]))
            elif word == b"RCPT":
                to = line.decode().partition("<")[2].partition(">")[0]
            writer.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                break
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], got


async def test_a_mail_really_goes_over_smtp_and_comes_again_when_the_server_was_away(world: World) -> None:
    async with mail_server() as (port, got):
        server = Server(f"smtp://127.0.0.1:{port}", "news@consent.example", "", None)
        world.house = replace(world.house, mailer=server)
        await add_address(world)
        await mail_notices(world.house, "Eigen hand")
    ((to, raw),) = got
    message = message_from_bytes(raw, policy=policy.default)
    assert to == message["To"] == ADDRESS
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Subject"].count("Eigen hand") == 2
    assert ADDRESS.encode() not in raw.partition(b"\r\n\r\n")[2]
    await add_address(world)
    await mail_notices(world.house)  # nobody listens there any more
    world.pass_time(2 * MINUTE / SECOND)
    async with mail_server() as (port, got):
        world.house = replace(
            world.house, mailer=Server(f"smtp://127.0.0.1:{port}", "news@consent.example", "", None)
        )
        await mail_notices(world.house)
    assert len(got) == 1
