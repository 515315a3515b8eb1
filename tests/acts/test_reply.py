"""Her questions reach whoever has to answer, and nobody else; the answer comes back to her."""

import json
import sqlite3
from pathlib import Path

import pytest
from msgspec.structs import replace

from consent.acts.demand import MOST_OPEN, demands_of, to_correct, to_explain
from consent.acts.explain import explain
from consent.acts.export import export
from consent.acts.history import forget, history
from consent.acts.hold import keep
from consent.acts.reply import Waiting, reply, waiting
from consent.oauth.token import handle_hash
from consent.opening import DATABASE
from consent.words.errors import BadInput, Forbidden, NotFound, TooManyRequests
from tests.acts.test_signal import claimed, listens, read
from tests.attacks.test_feels_wrong import a_use
from tests.world import MUNICIPALITY, NEEDED, World

SECRET = "Mijn buurman heet Ludovicus"
APP = "voorbeeld-energie-app"


def answering(world: World) -> World:
    """The municipality answers for the personal records database."""
    world.house = replace(world.house, sources={"brp": MUNICIPALITY})
    return world


async def listed(world: World, client: str = MUNICIPALITY) -> list[Waiting]:
    token = await world.own_token(client)
    proof = world.proof(client, "GET", "/demands", token)
    return await waiting(world.house, token_hash=handle_hash(token), proof=proof)


async def answered(
    world: World, demand: str, outcome: str, text: str, value: object = None, client: str = MUNICIPALITY
) -> str | None:
    token = await world.own_token(client)
    proof = world.proof(client, "POST", f"/demands/{demand}/reply", token)
    done = await reply(
        world.house,
        token_hash=handle_hash(token),
        proof=proof,
        demand=demand,
        outcome=outcome,
        text=text,
        value=value,
    )
    return done.outcome


async def test_a_question_about_a_use_is_read_answered_and_read(world: World) -> None:
    await listens(world)
    use = await a_use(world)
    with pytest.raises(NotFound):
        await to_explain(world.house, citizen=world.citizen("riet"), use=use, text=SECRET)
    with pytest.raises(BadInput):
        await to_explain(world.house, citizen=world.citizen(), use=use, text="x" * 2001)
    for text in (SECRET, "once more"):
        await to_explain(world.house, citizen=world.citizen(), use=use, text=text)
    (one,) = await listed(world)
    assert (one.kind, one.about, one.text) == ("explain", use, SECRET)
    # Another client neither sees it nor answers it.
    assert await listed(world, APP) == []
    with pytest.raises(NotFound):
        await answered(world, one.id, "answered", "no", client=APP)
    for outcome in ("corrected", "refused", "else"):
        with pytest.raises(BadInput):
            await answered(world, one.id, outcome, "words")
    assert await answered(world, one.id, "answered", "Because of your letter.") == "answered"
    await answered(world, one.id, "answered", "Something else.")  # the first answer stays
    assert await listed(world) == []
    page = await explain(world.house, citizen=world.citizen(), use=use, language="en")
    assert page.question is not None
    assert (page.question.text, page.question.reply) == (SECRET, "Because of your letter.")
    assert SECRET in json.dumps(await export(world.house, citizen=world.citizen()), default=str)


@pytest.mark.on_a_file
async def test_her_words_stand_in_no_signal_no_log_and_no_table(world: World) -> None:
    await listens(world)
    use = await a_use(world)
    await to_explain(world.house, citizen=world.citizen(), use=use, text=SECRET)
    _, claims = read(world, await claimed(world))
    assert SECRET not in str(claims)
    lines = [line async for line in world.openings()]
    assert not any(b"Ludovicus" in line for line in lines)
    folder = Path(world.settings.data)
    connection = sqlite3.connect(f"file:{folder / DATABASE}?mode=ro", uri=True)
    assert "Ludovicus" not in "".join(connection.iterdump())
    connection.close()


async def test_a_source_corrects_and_whoever_saw_the_old_value_hears_it(world: World, tmp_path: Path) -> None:
    answering(world)
    citizen = world.citizen()
    before = await history(world.house, citizen=citizen, name="birth_date", language="en")
    assert (before.askable, before.mine) == (True, False)
    await to_correct(world.house, citizen=citizen, name="birth_date", text=SECRET)
    await to_correct(world.house, citizen=citizen, name="birth_date", text="again")
    (one,) = await listed(world)
    assert (one.kind, one.about, one.text, one.grant) == ("correct", "birth_date", SECRET, None)
    with pytest.raises(BadInput):
        await answered(world, one.id, "corrected", "", value="31-31-2000")
    with pytest.raises(BadInput):
        await answered(world, one.id, "refused", " ")
    assert await answered(world, one.id, "corrected", "You were right.", value="1961-03-04") == "corrected"
    after = await history(world.house, citizen=citizen, name="birth_date", language="en")
    assert after.versions[0].value == "4 March 1961"
    assert len(after.versions) == len(before.versions) + 1
    assert after.asked is not None
    assert (after.outcome, after.asked.reply, after.askable) == ("corrected", "You were right.", True)
    report = await world.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences
    events = [json.loads(json.loads(line)["A"])["ev"] async for line in world.openings()]
    assert events == ["corrected"]


async def test_a_correction_needs_a_source_that_answers_and_a_value_from_it(world: World) -> None:
    with pytest.raises(NotFound):
        await to_correct(world.house, citizen=world.citizen(), name="birth_date", text=SECRET)
    answering(world)
    await keep(world.house, citizen=world.citizen(), name="energy_supplier", text="Essent")
    with pytest.raises(Forbidden):
        await to_correct(world.house, citizen=world.citizen(), name="energy_supplier", text=SECRET)
    with pytest.raises(NotFound):
        await to_correct(world.house, citizen=world.citizen(), name="nothing", text=SECRET)
    assert await demands_of(world.house, world.citizen()) == []


async def test_whoever_floods_waits_for_an_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consent.acts.demand.MOST_OPEN", 1)
    assert MOST_OPEN > 1
    await to_explain(world.house, citizen=world.citizen(), use=await a_use(world), text=SECRET)
    with pytest.raises(BadInput):
        await to_explain(world.house, citizen=world.citizen(), use=await a_use(world, "offer"), text=SECRET)
    answering(world)
    with pytest.raises(BadInput):
        await to_correct(world.house, citizen=world.citizen(), name="birth_date", text=SECRET)
    (one,) = await demands_of(world.house, world.citizen())
    await answered(world, one.id, "answered", "For the letter.")
    await to_correct(world.house, citizen=world.citizen(), name="birth_date", text=SECRET)


async def test_the_list_has_an_end_and_begins_with_who_waits_longest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consent.acts.reply.MOST", 1)
    first, second = await a_use(world), await a_use(world, "offer")
    for use in (second, first):
        await to_explain(world.house, citizen=world.citizen(), use=use, text=SECRET)
        world.pass_time(1)
    (oldest,) = await listed(world)
    assert oldest.about == second
    await answered(world, oldest.id, "answered", "For the letter.")
    assert [one.about for one in await listed(world)] == [first]


async def test_questions_in_one_minute_have_an_end_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consent.acts.demand.MOST_A_MINUTE", 1)
    use, other = await a_use(world), await a_use(world, "offer")
    await to_explain(world.house, citizen=world.citizen(), use=use, text=SECRET)
    await to_explain(
        world.house, citizen=world.citizen(), use=use, text=SECRET
    )  # the same one: nothing is written
    answering(world)
    for asking in (
        to_explain(world.house, citizen=world.citizen(), use=other, text=SECRET),
        to_correct(world.house, citizen=world.citizen(), name="birth_date", text=SECRET),
    ):
        with pytest.raises(TooManyRequests):
            await asking
    assert len(await demands_of(world.house, world.citizen())) == 1
    world.pass_time(61)
    await to_explain(world.house, citizen=world.citizen(), use=other, text=SECRET)


async def test_history_is_hers_and_goes_when_she_says_so(world: World) -> None:
    citizen = world.citizen()
    given = await world.given(chosen=NEEDED | {"energy_supplier"})
    for text in ("Essent", "Eneco"):
        world.pass_time(60)
        await keep(world.house, citizen=citizen, name="energy_supplier", text=text)
    seen = await history(world.house, citizen=citizen, name="energy_supplier", language="nl")
    assert [one.value for one in seen.versions][:2] == ["Eneco", "Essent"]
    assert seen.versions[1].until == seen.versions[0].from_at
    assert [one.grant for one in seen.seers] == [given.grant]
    await forget(world.house, citizen=world.citizen("riet"), name="energy_supplier")
    again = await history(world.house, citizen=citizen, name="energy_supplier", language="nl")
    assert again.versions == seen.versions
    await forget(world.house, citizen=citizen, name="energy_supplier")
    left = await history(world.house, citizen=citizen, name="energy_supplier", language="nl")
    assert [one.value for one in left.versions] == ["Eneco"]
    with pytest.raises(NotFound):
        await history(world.house, citizen=citizen, name="nothing", language="nl")
