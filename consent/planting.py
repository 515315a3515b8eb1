"""What a seed file says becomes organisations, and in the sandbox invented people."""

import os

import msgspec

from consent.acts.approve import approve
from consent.acts.hold import put_value
from consent.acts.house import House
from consent.acts.join import put_member
from consent.acts.mandate import Wish, accept, give
from consent.acts.session import Visitor
from consent.acts.sign_in import settle
from consent.oauth.clients import Client
from consent.oauth.step_up import INVENTED, SignIn
from consent.seed import OrganisationFile, Seed
from consent.seed_rules import HeldMandate
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import HOLDINGS, PERSONA
from consent.storage.rows import Persona
from consent.words.attributes import CATALOGUE, check_value
from consent.words.ids import id_from


async def add_organisation(house: House, file: OrganisationFile) -> None:
    """Add and approve what a file says. Raises Conflict."""
    clients = [
        Client(
            id=client.id,
            organisation=file.organisation.id,
            name=client.name,
            redirect_uris=tuple(client.redirect_uris),
            jwks=tuple(client.jwks["keys"]) if client.jwks else (),
            settings=client.settings,
        )
        for client in file.clients
    ]
    await house.scribe.do(approve(file.organisation, clients, file.purposes))


async def plant(house: House, seed: Seed) -> None:
    """Add the seed's organisations and, in the sandbox, its invented people: those who are not there yet."""
    known = {row[0] for row in await house.store.read("organisation.all")}
    for file in seed.organisations:
        if file.organisation.id not in known:
            await add_organisation(house, file)
    if not house.sandbox:
        return
    there = {one.id: one.citizen for one in map(PERSONA.from_row, await house.store.read("persona.all"))}
    for persona in seed.personas:
        if persona.id in there:
            continue
        name = there[persona.id] = id_from(os.urandom(16))

        def story(book: Book, persona=persona, name=name) -> Story[None]:  # type: ignore[no-untyped-def]
            yield [HOLDINGS.one(name)]
            yield TURN
            keys = book.keys_of(settle(book, name))
            for kept in persona.attributes:
                value = check_value(CATALOGUE[kept.name], kept.value)
                put_value(
                    book,
                    citizen=name,
                    keys=keys,
                    name=kept.name,
                    value=value,
                    source=kept.source,
                    as_of=kept.as_of,
                )
            for held in persona.roles:
                put_member(book, name, held.organisation, held.role, name=held.name)
            book.put(
                PERSONA,
                Persona(
                    id=persona.id,
                    citizen=name,
                    label=msgspec.json.encode(persona.label),
                    description=msgspec.json.encode(persona.description),
                ),
            )

        await house.scribe.do(story)
        for help in persona.helps:
            await _let_help(house, there[help.citizen], name, help)


async def _let_help(house: House, citizen: str, helper: str, help: HeldMandate) -> None:
    """What two invented people would do with a code."""
    visitor = Visitor(citizen, SignIn(INVENTED, house.clock()), "persona")
    wish = Wish(helper=help.helper_name, citizen=help.citizen_name, may=help.may, term="year")
    made = await give(house, visitor, wish, language="nl")
    await accept(house, helper=helper, code=made.code)
