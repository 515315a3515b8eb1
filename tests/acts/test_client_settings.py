"""What a client chose is kept with it, and a database from before that has nobody who chose anything."""

import sqlite3
from contextlib import closing

import msgspec
from msgspec.structs import replace

from consent.acts.approve import approve, client_from
from consent.oauth.clients import ClientSettings
from consent.storage.kinds import CLIENT
from consent.storage.store import migrations
from consent.words.purposes import Organisation
from tests.world import MUNICIPALITY, World

CHOSEN = ClientSettings(
    require_signed_request_object=True,
    authorization_signed_response_alg="ES256",
    introspection_signed_response_alg="ES256",
    dpop_nonce_required=True,
)


async def test_what_a_client_chose_is_kept_and_can_be_taken_back(world: World) -> None:
    (row,) = await world.house.store.read(CLIENT.get, MUNICIPALITY)
    client = client_from(CLIENT.from_row(row))
    assert client.settings == ClientSettings()
    assert CLIENT.from_row(row).settings == "{}"
    (found,) = await world.house.store.read("organisation.get", client.organisation)
    organisation = msgspec.json.decode(found[1], type=Organisation)
    for settings in (CHOSEN, ClientSettings()):
        await world.house.scribe.do(approve(organisation, [replace(client, settings=settings)], []))
        (row,) = await world.house.store.read(CLIENT.get, MUNICIPALITY)
        assert client_from(CLIENT.from_row(row)).settings == settings


def test_a_client_from_before_chose_nothing() -> None:
    texts = dict(migrations())
    types = {"int": "INTEGER", "blob": "BLOB", "strict": "STRICT"}
    with closing(sqlite3.connect(":memory:")) as database:
        for version in (1, 2):
            script = texts[version]
            for word, kind in types.items():
                script = script.replace(f"{{{word}}}", kind)
            database.executescript(script)
            if version == 1:
                database.execute("INSERT INTO organisations VALUES ('o', x'7b7d', 'approved')")
                database.execute("INSERT INTO clients VALUES ('c', 'o', 'C', '[]', '[]', 'approved')")
        assert database.execute("SELECT settings FROM clients").fetchall() == [("{}",)]
