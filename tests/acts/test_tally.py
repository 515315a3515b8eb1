"""The numbers for everybody: right, of no one, and no finer than they say; and the report that is made of them."""

from datetime import UTC, datetime

import consent_verify
import msgspec
import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from consent.acts import ask as asking
from consent.acts import browse, report, tally
from consent.acts import grant as granting
from consent.acts import publish as publishing
from consent.acts.operate import Operator
from consent.acts.suspend import Subject, restore, suspend
from consent.oauth.keys import public_jwks
from consent.storage.book import TURN, Book, Story
from consent.storage.store import Statement
from consent.words.errors import BadInput
from consent.words.instants import SECOND
from tests.world import NEEDED, World

DAY = 86_400
MONTH = "2030-03"  # in which the world's clock starts


async def exact(world: World) -> dict[str, int]:
    """What was counted, before it is rounded."""
    rows = await world.house.store.read("tally.months", 10**9)
    return {name: sum(count for _, other, count in rows if other == name) for _, name, _ in rows}


async def lived_in(world: World) -> None:
    """Two yeses, a no, three looks, a stop after two days; a question that was seen and one that nobody opened."""
    for persona in ("sanne", "amal"):
        given = await world.given(citizen=world.citizen(persona), chosen=NEEDED)
        await world.disclose(given.tokens)
    await world.disclose(given.tokens)
    no = await world.answer(
        await world.ask(), citizen=world.citizen("daan"), decision="no", chosen=frozenset()
    )
    assert isinstance(no, granting.Answered)
    await asking.look(world.house, request=await world.ask(), citizen=world.citizen("daan"), language="nl")
    await world.ask()
    world.pass_time(2 * DAY)
    await world.stop(given.grant, citizen=given.citizen)
    world.pass_time(DAY)


async def test_everything_is_counted_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "PAGE", 2)
    await lived_in(world)
    await tally.go_on(world.house)
    counted = await exact(world)
    assert counted == {
        "granted": 2,
        "disclosed": 3,
        "declined": 1,
        "withdrawn": 1,
        "stopped_within_week": 1,
    }
    await tally.go_on(world.house)
    assert await exact(world) == counted


async def test_two_processes_count_nothing_twice(world: World) -> None:
    """Both read the same stretch; the second to write finds that it was counted."""
    await lived_in(world)
    await tally._count_some(world.house, world.house.log)
    before = await exact(world)
    first = await world.house.store.read("tally.openings", world.house.log, 0, 10)
    await tally._keep(world.house, world.house.log, 0, first[-1][0] + 1, tally.Counter({(1, "granted"): 9}))
    assert await exact(world) == before


async def test_small_numbers_and_today_are_not_shown(world: World) -> None:
    await lived_in(world)
    await tally.go_on(world.house)
    shown = await tally.statistics(world.house)
    assert {count for month in shown.months for count in month.counts.values()} == {0}
    assert (shown.yes_percent, shown.stopped_within, shown.late) == (None, None, 0)
    today = world.house.clock() // (DAY * SECOND)
    await add(world, today, granted=500)
    assert (await tally.statistics(world.house)).counts == shown.counts


async def add(world: World, day: int, **counts: int) -> None:
    def story(book: Book) -> Story[None]:
        yield TURN
        rows = [(tally.month_of(day), day, name, count) for name, count in counts.items()]
        book.also(Statement("tally.add", rows))

    await world.house.scribe.do(story)


async def test_numbers_are_rounded_down_and_what_follows_comes_from_the_rounded_ones(world: World) -> None:
    yesterday = world.house.clock() // (DAY * SECOND) - 1
    await add(world, yesterday, granted=39, declined=19, withdrawn=31)
    await add(world, yesterday, stopped_within_hour=10, stopped_within_month=21)
    shown = await tally.statistics(world.house)
    assert shown.counts["granted"] == 30
    assert shown.counts["declined"] == 10
    assert shown.yes_percent == 75
    assert shown.stopped_within == "month"


@pytest.mark.on_a_file
async def test_a_look_after_the_end_is_counted_exactly(world: World) -> None:
    """The service itself never makes one; the row is put there by hand."""
    await lived_in(world)
    grants = await world.house.store.read("tally.openings", world.house.log, 0, 100)
    index = grants[-1][0]

    def story(book: Book) -> Story[None]:
        yield TURN
        (row,) = [r for r in ended if r[0]]
        values = ("f" * 32, row[0], "voorbeeldstad-loket", row[1], world.house.log, index, "[]", book.at)
        book.also(Statement("disclosed.put", [values]))

    reader = world.house.store._reader  # type: ignore[attr-defined]
    ended = await reader.execute_fetchall("SELECT id, citizen FROM grants WHERE state = 'withdrawn'")
    await world.house.scribe.do(story)
    await tally.go_on(world.house)
    world.pass_time(DAY)
    assert (await tally.statistics(world.house)).late == 1


async def test_a_report_can_be_checked_with_the_keys_of_the_service_and_of_the_log(world: World) -> None:
    await lived_in(world)
    await world.house.scribe.do(suspend(Subject("organisation", "voorbeeldstad"), by=Operator("anna")))
    await world.house.scribe.do(restore(Subject("organisation", "voorbeeldstad"), by=Operator("anna")))
    await tally.go_on(world.house)
    size = (await publishing.head(world.house, world.house.log)).size
    assert datetime.fromtimestamp(world.at / SECOND, UTC).strftime("%Y-%m") == MONTH
    world.pass_time(31 * DAY)
    await world.given(citizen=world.citizen("amal"))
    text = await report.report(world.house, MONTH, "2030-04")
    published = KeySet.import_key_set(public_jwks(world.house.server_keys.published(world.at)))
    signed = jws.deserialize_compact(text, published, algorithms=["ES256"])
    assert signed.headers()["typ"] == "consent-report+jwt"
    said = msgspec.json.decode(signed.payload)
    (log,) = said["logs"]
    assert log["before"] is None
    checkpoint = consent_verify.read_checkpoint(log["after"])
    consent_verify.check_signature(checkpoint, [consent_verify.read_key(log["keys"][0])])
    assert checkpoint.size == size  # the grant of the month after is not in it
    assert log["about_itself"] == {
        "log.opened": 1,
        "organisation.suspended": 1,
        "organisation.restored": 1,
    }
    assert list(said["months"]) == [MONTH]
    assert said["disclosed_after_the_end"] == 0


@pytest.mark.parametrize(
    ("begin", "until"),
    [
        (MONTH, MONTH),
        ("2030-04", MONTH),
        (MONTH, "2030-04"),
        ("2020-01", "2030-03"),
        ("2030-3", "2030-04"),
        ("", ""),
        ("0000-00", "0000-01"),
        ("0000-01", "0000-02"),
    ],
)
async def test_a_period_that_cannot_be_is_refused(world: World, begin: str, until: str) -> None:
    with pytest.raises(BadInput):
        await report.report(world.house, begin, until)


async def test_the_last_checkpoint_before_an_instant_is_found_among_many(world: World) -> None:
    log, instants = world.house.log, []
    for _ in range(9):
        await world.given(citizen=world.citizen())
        instants.append((world.at, (await publishing.head(world.house, log)).size))
        world.pass_time(1000)
    whole = (await browse.front(world.house, log)).size
    for at, size in instants:
        found = await report._checkpoint_before(world.house, log, whole, at + SECOND)
        assert found is not None
        assert found[0] == size
    assert await report._checkpoint_before(world.house, log, whole, 0) is None
