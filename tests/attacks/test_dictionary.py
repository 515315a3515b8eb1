"""An attacker who knows what citizens' data look like tries it out: every BSN, e-mail, date and income she can guess.

She has the public log, every opening that an auditor can get, and the database. A BSN is one of a few million, a date
of birth one of 40,000: whatever is a hash of a value, or keyed with something that she can read, gives the value away.
What stops her is that every tag and commitment is keyed with 32 random bytes that stand in none of these.
"""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path

import consent_verify
import msgspec
import pytest

from consent.acts import erase as erasing
from consent.acts.disclose import Given
from consent.acts.export import export
from consent.acts.hold import keep
from consent.upkeep.export import export_log
from tests.attacks.test_after_erasure import DAY, everything_in
from tests.world import World


def hashes_of(value: str, readable: Iterable[bytes]) -> Iterator[bytes]:
    """Everything that somebody might have made of a value and of what can be read: plain, salted, keyed, both ways."""
    for said in (value.encode(), json.dumps(value).encode(), value.lower().encode()):
        yield hashlib.sha256(said).digest()
        for other in readable:
            yield hashlib.sha256(other + said).digest()
            yield hashlib.sha256(said + other).digest()
            for key, text in ((other, said), (said, other)):
                yield hmac.digest(key, text, "sha256")
            for use in (
                b"subject\0" + bytes(32),
                b"consent\0" + other,
                b"audit\0" + said,
                b"detail\0" + said,
            ):
                yield hmac.digest(said, use, "sha256")
                yield hmac.digest(other, use + said, "sha256")


def recognised(values: Iterable[str], readable: list[bytes], held: bytes) -> set[str]:
    """The values of which some hash stands in *held*, as bytes, in hexadecimal or in base64."""
    beginnings = {held[k : k + 8] for k in range(len(held))}
    return {
        value
        for value in values
        for one in hashes_of(value, readable)
        for seen in (one, one.hex().encode(), b64encode(one))
        if seen[:8] in beginnings and seen in held
    }


@pytest.mark.parametrize("erased", [False, True])
async def test_no_value_that_is_guessed_is_recognised(world: World, tmp_path: Path, erased: bool) -> None:
    citizen = world.citizen()
    given = await world.given()
    assert isinstance(await world.disclose(given.tokens, key="k"), Given)
    await keep(world.house, citizen=citizen, name="email", text="iemand@voorbeeld.nl")
    kept = msgspec.json.decode(msgspec.json.encode(await export(world.house, citizen=citizen)))
    values = {str(one["value"]) for one in kept["data"]}
    assert "iemand@voorbeeld.nl" in values
    assert len(values) >= 8
    await world.stop(given.grant)
    lines = [line async for line in world.openings()]
    if erased:
        left = await erasing.leave(world.house, citizen=citizen)
        for _ in range(15):
            world.pass_time(DAY)
            await erasing.go_on(world.house)
        assert (await erasing.look_up(world.house, code=left.code)).complete_at is not None
    log = tmp_path / "log"
    await export_log(world.house, world.house.log, log)
    source, note = consent_verify.find_log(str(log))
    size = consent_verify.read_checkpoint(note).size
    leaves = consent_verify.read_bundle(source, 0, size)
    opened = [json.loads(line) for line in lines]
    # What can be read: the nonces, the origin, and the keys that an auditor is given.
    readable = [leaf[8:24] for leaf in leaves] + [world.house.scribe.pen.origin.encode()]
    readable += [b64decode(one[name]) for one in opened for name in ("kc", "a")]
    assert len(opened) >= 3
    held = everything_in(Path(world.settings.data), log) + b"".join(lines)
    assert recognised(values, readable, held) == set()
    # The same search finds a log that salts with its nonce, which everybody can read.
    bsn = next(value for value in values if value.isdigit() and len(value) == 9)
    careless = hmac.digest(leaves[1][8:24], bsn.encode(), "sha256")
    assert recognised(values, readable, held + careless) == {bsn}
