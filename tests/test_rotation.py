"""The service's signing keys: known before they sign, known after they signed, and destroyed in time."""

import errno
import os
import stat
from pathlib import Path

import pytest

from consent.__main__ import main
from consent.commands.keys import replace_lost, rotate, states
from consent.errands.sweeping import look_for_keys
from consent.keyfiles import held_keys, make_folder, make_issuer_key, make_keys, read_issuer_keys
from consent.oauth.jose import check_jws, sign_jws
from consent.oauth.keys import RETIRED_FOR, ServerKeys, public_jwks
from consent.opening import only_one, open_house, prepare
from consent.settings import Settings
from consent.words.errors import ConsentError, Misconfigured
from consent.words.instants import DAY, HOUR, SECOND
from tests.world import START, World


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    make_folder(made)
    make_keys(made)
    return made


def said(folder: Path, at: int) -> list[str]:
    return [key.state for key in states(folder, at=at)]


def keys_of(folder: Path) -> ServerKeys:
    return ServerKeys(list(read_issuer_keys(folder).values()))


def test_a_key_is_next_then_active_then_retired_then_gone(folder: Path) -> None:
    name = rotate(folder, at=START, hours=24)
    begins = START + 24 * HOUR
    assert stat.S_IMODE((folder / "keys" / name).stat().st_mode) == 0o600
    for at, expected in (
        (START, ["active", "next"]),
        (begins - 1, ["active", "next"]),
        (begins, ["retired", "active"]),
        (begins + RETIRED_FOR - 1, ["retired", "active"]),
        (begins + RETIRED_FOR, ["gone", "active"]),
    ):
        assert said(folder, at) == expected
        keys = keys_of(folder)
        published = public_jwks(keys.published(at))["keys"]
        assert len(published) == (1 if "gone" in expected else 2)
        # Whatever is signed now is published now, and stays so for a week.
        token = sign_jws({"a": 1}, key=keys.active(at), type="JWT")
        check_jws(token, published, types=None)
        later = public_jwks(keys.published(min(at + RETIRED_FOR - 1, begins + RETIRED_FOR - 1)))["keys"]
        check_jws(token, later, types=None)


def test_the_one_that_signs_stands_first(folder: Path) -> None:
    rotate(folder, at=START, hours=24)
    for at in (START, START + 2 * DAY):
        keys = keys_of(folder)
        assert keys.published(at)[0] is keys.active(at)


def test_each_key_has_its_time(folder: Path) -> None:
    rotate(folder, at=START, hours=24)
    with pytest.raises(Misconfigured):
        rotate(folder, at=START + HOUR, hours=24)
    for hours in (0, -1, 10_000):
        with pytest.raises(Misconfigured):
            rotate(folder, at=START + 2 * DAY, hours=hours)
    assert len(read_issuer_keys(folder)) == 2


def test_a_key_that_is_gone_is_destroyed_and_the_others_work_without_it(folder: Path) -> None:
    rotate(folder, at=START, hours=1)
    later = START + HOUR + RETIRED_FOR
    assert (folder / "keys" / "issuer.pem").exists()
    rotate(folder, at=later, hours=1)
    assert not (folder / "keys" / "issuer.pem").exists()
    assert said(folder, later) == ["active", "next"]


def test_a_lost_key_is_replaced_at_once(folder: Path) -> None:
    before = keys_of(folder).active(START)
    rotate(folder, at=START, hours=24)
    replace_lost(folder, at=START + HOUR)
    assert said(folder, START + HOUR) == ["active"]
    stolen = sign_jws({"a": 1}, key=before, type="JWT")
    with pytest.raises(ConsentError):
        check_jws(stolen, public_jwks(keys_of(folder).published(START + HOUR))["keys"], types=None)


def test_a_clock_before_all_keys_still_finds_one(folder: Path) -> None:
    replace_lost(folder, at=START)
    keys = keys_of(folder)
    assert keys.active(START - 10 * DAY) is keys.active(START)


def test_a_key_appears_whole_or_not_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The power fails between writing the key and giving it its name."""

    def fail(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", fail)
        with pytest.raises(KeyboardInterrupt):
            make_issuer_key(folder, active_from=START)
    assert said(folder, START) == ["active"]
    assert make_issuer_key(folder, active_from=START) == f"issuer-{START // SECOND}.pem"
    assert said(folder, START) == ["retired", "active"]
    with pytest.raises(Misconfigured):
        make_issuer_key(folder, active_from=START)


def test_without_any_key_it_says_which_is_missing(folder: Path) -> None:
    (folder / "keys" / "issuer.pem").unlink()
    with pytest.raises(Misconfigured, match=r"issuer\.pem is missing"):
        read_issuer_keys(folder)


def test_other_files_are_no_keys(folder: Path) -> None:
    for name in ("issuer-.pem", "issuer-x.pem", "issuer-1.pem.bak", "issuer-1.unfinished", "issuer--1.pem"):
        (folder / "keys" / name).write_text("no key")
    assert list(read_issuer_keys(folder)) == ["issuer.pem"]


async def test_a_service_takes_up_a_new_key_without_a_restart(world: World) -> None:
    house, folder = world.house, world.settings.folder
    first = house.server_key
    rotate(folder, at=world.at, hours=1)
    look_for_keys(house, folder)
    assert house.server_key is not None
    kids = [one["kid"] for one in public_jwks(house.server_keys.published(world.at))["keys"]]
    assert len(kids) == 2
    assert (
        public_jwks([house.server_key])["keys"][0]["kid"] == public_jwks([first])["keys"][0]["kid"] == kids[0]
    )
    world.pass_time(3600)
    assert public_jwks([house.server_key])["keys"][0]["kid"] == kids[1]


async def test_what_cannot_be_read_changes_nothing(world: World) -> None:
    house, folder = world.house, world.settings.folder
    before = house.server_keys.published(world.at)
    file = folder / "keys" / "issuer-5.pem"
    file.write_text("no key")
    os.chmod(file, 0o600)
    look_for_keys(house, folder)
    assert house.server_keys.published(world.at) == before


async def test_nonces_are_known_to_every_process_and_after_a_restart(tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path / "data"), sandbox=True)
    found = []
    for _ in range(2):
        store = await prepare(settings)
        try:
            found.append((await open_house(settings, store, lambda: START)).server_keys.nonce_keys(START))
        finally:
            await store.close()
    assert found[0] == found[1]
    assert len(found[0][0]) == 32


def test_the_commands_say_what_happened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "data"
    make_folder(folder)
    make_keys(folder)

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["key", *words, "--data", str(folder)])
        said = capsys.readouterr()
        return code, said.out, said.err

    code, out, _ = run("rotate", "--hours", "2")
    assert (code, "signs in 2 hours" in out) == (0, True)
    assert [line.split()[0] for line in run("list")[1].splitlines()] == ["active", "next"]
    code, _, err = run("rotate")
    assert (code, "waits already" in err) == (2, True)
    assert run("rotate", "--lost")[0] == 0
    assert [line.split()[0] for line in run("list")[1].splitlines()] == ["active"]


def test_the_commands_of_the_ring_say_what_happened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        code = main(["ring", *words, "--data", str(tmp_path / "data")])
        said = capsys.readouterr()
        return code, said.out, said.err

    assert run("list")[1] == "wraps ring-1 from the start, wraps the keys of 0 citizens\n"
    code, out, _ = run("rotate", "--hours", "2")
    assert (code, "wraps in 2 hours" in out) == (0, True)
    assert [line.split()[:2] for line in run("list")[1].splitlines()] == [
        ["wraps", "ring-1"],
        ["next", "ring-2"],
    ]
    code, _, err = run("rotate")
    assert (code, "waits already" in err) == (2, True)
    assert run("rewrap")[:2] == (0, "wrapped anew: 0, could not be opened: 0\n")
    code, _, err = run("drop", "ring-1")
    assert (code, "newer one has followed" in err) == (2, True)


COMMANDS = (["key", "rotate"], ["key", "rotate", "--lost"], ["ring", "rotate"])


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_key_is_made_while_another_command_makes_one(
    folder: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Both would make the next key: of the ring two files of one name, with which no service starts."""
    before = sorted((folder / "keys").iterdir())
    with held_keys(folder):
        assert main([*words, "--data", str(folder)]) == 2
    assert capsys.readouterr().err.startswith("consent: another command changes the keys right now")
    assert sorted((folder / "keys").iterdir()) == before
    assert main([*words, "--data", str(folder)]) == 0


@pytest.mark.parametrize(
    "words", [*COMMANDS, ["ring", "list"], ["log", "succeed"], ["log", "init"]], ids=" ".join
)
def test_nothing_is_made_in_a_folder_of_another_user(
    folder: Path, words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may, and the service could not read it afterwards: neither a key nor a lock."""
    before = sorted(folder.rglob("*"))
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert main([*words, "--data", str(folder)]) == 2
    assert capsys.readouterr().err.startswith("consent: the folder data belongs to another user")
    with pytest.raises(Misconfigured, match="another user"), only_one(Settings(data=str(folder))):
        pass
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("words", [*COMMANDS, ["log", "succeed"]], ids=" ".join)
def test_a_folder_that_is_not_there_is_one_plain_line(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--data", str(tmp_path / "no")]) == 2
    assert capsys.readouterr().err.startswith("consent: ")
    assert not (tmp_path / "no").exists()


def test_what_a_user_may_not_do_is_one_plain_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder / "keys"))

    monkeypatch.setattr("consent.commands.ring.make_ring_key", refuse)
    assert main(["ring", "rotate", "--data", str(folder)]) == 2
    assert capsys.readouterr().err.startswith(f"consent: this user may not use {folder / 'keys'};")


def test_a_command_that_begins_a_service_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Most likely another folder was meant, and what was just done there helps nobody."""
    words = ["ring", "list", "--data", str(tmp_path / "mistyped")]
    assert main(words) == 0
    assert (
        capsys.readouterr().err
        == f"consent: a new service begins in {words[-1]}; for another one give --data\n"
    )
    assert main(words) == 0
    assert capsys.readouterr().err == ""


def test_a_folder_of_another_user_is_no_source_of_a_copy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["log", "init", "--data", str(tmp_path / "data")]) == 0
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert main(["copy", "--from", str(tmp_path / "data"), "--to", str(tmp_path / "to")]) == 2
    assert capsys.readouterr().err.startswith("consent: the folder data belongs to another user")
    assert sorted(tmp_path.rglob("*")) == before
