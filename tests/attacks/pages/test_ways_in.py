"""Ways in without a device: a link in a mailbox, words on paper; and who may change the ways in."""

import re
import secrets
from email import message_from_bytes, policy
from pathlib import Path

import httpx
import pytest

from consent.demo import Stage

from .authenticator import Authenticator
from .conftest import Visit
from .test_device_answers import begin, finish
from .visitor import STRANGER, VICTIM, Visitor


@pytest.fixture
def address() -> str:
    """A mailbox that no test has used."""
    return f"{secrets.token_hex(6)}@example.org"


def letters(stage: Stage, address: str) -> list[str]:
    """The texts of what was sent there, oldest first."""
    found = []
    for file in sorted((stage.service / "mail").glob("*.eml")):
        assert file.stat().st_mode & 0o077 == 0
        letter = message_from_bytes(file.read_bytes(), policy=policy.default)
        if letter["To"] == address:
            found.append(letter.get_content())
    return found


def newest_link(stage: Stage, address: str) -> str:
    (link,) = re.findall(r"http://\S+", letters(stage, address)[-1])
    return str(link).removeprefix(stage.issuer)


def ask(visitor: Visitor, address: str, after: str = "/") -> httpx.Response:
    return visitor.post("/sign-in/mail", {"address": address, "next": after})


def follow(visitor: Visitor, link: str) -> httpx.Response:
    """Press the button of the page that the link opens."""
    return visitor.post("/sign-in/link", {"link": link.rpartition("/")[2]})


def by_mail(visitor: Visitor, stage: Stage, address: str) -> Visitor:
    """Sign in by mail; a new address gets an account."""
    ask(visitor, address)
    assert follow(visitor, newest_link(stage, address)).status_code == 303
    return visitor


def is_in(visitor: Visitor) -> bool:
    return visitor.get("/my/data").status_code == 200


def mark(visitor: Visitor, town: str) -> None:
    """Put something of her own into an account, to know it again."""
    assert visitor.post("/my/data/city", {"csrf": visitor.csrf(), "value": town}).status_code == 303


def with_device(visitor: Visitor, stage: Stage) -> tuple[Visitor, Authenticator]:
    """A new account with a device."""
    device = Authenticator(origin=stage.issuer)
    assert finish(visitor, "sign-up", device.create(begin(visitor, "sign-up"))).status_code == 200
    return visitor, device


def ways(visitor: Visitor) -> list[str]:
    """What can be removed on her page."""
    return re.findall(
        r'remove">\s*<input[^>]*>\s*<input type="hidden" name="way" value="(\w+)"', page(visitor)
    )


def page(visitor: Visitor) -> str:
    answer = visitor.get("/my/sign-in")
    assert answer.status_code == 200
    return answer.text


def new_words(visitor: Visitor) -> str:
    answer = visitor.post("/my/sign-in/words", {"csrf": visitor.csrf()})
    words = re.findall(r"<li>([a-z]+)</li>", answer.text[answer.text.index('id="new-words"') :])
    assert len(words) == 16
    return " ".join(words)


# The link


def test_a_link_makes_an_account_and_opens_it_again(served: Stage, visit: Visit, address: str) -> None:
    her = visit()
    answer = ask(her, address, "/my/timeline")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in/link-sent")
    answer = follow(her, newest_link(served, address))
    assert answer.headers["location"] == "/my/timeline"
    mark(her, "Linkdorp")
    again = visit()
    ask(again, address.upper())  # the same mailbox
    assert follow(again, newest_link(served, address)).status_code == 303
    assert "Linkdorp" in again.get("/my/data").text


def test_opening_the_link_does_nothing(served: Stage, visit: Visit, address: str) -> None:
    """Programs that look through mail open every link, some of them in a real browser."""
    her, scanner = visit(), visit()
    ask(her, address)
    link = newest_link(served, address)
    for _ in range(3):
        assert scanner.get(link).status_code == 200
        assert her.get(link).status_code == 200
    assert not is_in(scanner)
    assert not is_in(her)
    assert 'action="/sign-in/link"' in her.get(link).text
    assert follow(her, link).status_code == 303
    assert is_in(her)


def test_a_stolen_link_opens_nothing_in_another_browser(served: Stage, visit: Visit, address: str) -> None:
    her, thief = visit(), visit()
    ask(her, address)
    link = newest_link(served, address)
    ask(thief, f"x{address}")  # he has a cookie of his own
    for one in (visit(), thief):
        shown = one.get(link).text
        assert address not in shown
        assert 'action="/sign-in/link"' not in shown
        assert follow(one, link).status_code == 400
        assert not is_in(one)
    assert follow(her, link).status_code == 303  # and it was not used up


def test_a_link_works_once(served: Stage, visit: Visit, address: str) -> None:
    her = visit()
    ask(her, address)
    cookie = her.http.cookies["link"]
    link = newest_link(served, address)
    assert follow(her, link).status_code == 303
    thief = visit()
    thief.http.cookies.set("link", cookie, domain="localhost.local")
    assert follow(thief, link).status_code == 400
    assert not is_in(thief)


def test_nobody_signs_a_victim_in_to_his_own_account(served: Stage, visit: Visit, address: str) -> None:
    """The attacker sends his own link: in her browser it does nothing, so she fills no account of his."""
    attacker, her = visit(), visit()
    ask(attacker, address)
    assert follow(her, newest_link(served, address)).status_code == 400
    assert not is_in(her)


def test_the_answer_does_not_tell_who_has_an_account(served: Stage, visit: Visit, address: str) -> None:
    by_mail(visit(), served, address)
    unknown = f"u{address}"
    known, other = ask(visit(), address), ask(visit(), unknown)
    for answer in (known, other):
        answer.headers.pop("date")
        answer.headers["set-cookie"] = re.sub(r"(link=)[\w-]+", r"\1x", answer.headers["set-cookie"])
    assert (known.status_code, known.headers, known.content) == (
        other.status_code,
        other.headers,
        other.content,
    )
    # Also in the mailbox: the letters differ in the link alone.
    same = {re.sub(r"link/\S+", "", letters(served, one)[-1]) for one in (address, unknown)}
    assert len(same) == 1


def test_a_session_that_was_planted_is_not_the_one_that_opens(
    served: Stage, visit: Visit, address: str
) -> None:
    """Fixation, by link and by words."""
    her = visit()
    her.plant("a" * 43)
    by_mail(her, served, address)
    assert her.session != "a" * 43
    words = new_words(her)
    other = visit()
    other.plant("b" * 43)
    assert other.post("/sign-in/words", {"words": words}).status_code == 303
    assert other.session != "b" * 43
    for planted in ("a" * 43, "b" * 43):
        thief = visit()
        thief.plant(planted)
        assert not is_in(thief)


def test_a_mailbox_is_not_flooded(served: Stage, visit: Visit, address: str) -> None:
    answers = {ask(visit(), address).headers["location"] for _ in range(13)}
    assert answers == {"/sign-in/link-sent"}
    assert len(letters(served, address)) == 10


@pytest.mark.parametrize(
    "wrong", ["", "sanne", "a@b", "a@example.org\r\nBcc: b@example.org", "a b@example.org", "é@example.org"]
)
def test_what_is_no_address_gets_no_letter(served: Stage, visit: Visit, wrong: str) -> None:
    before = len(list((served.service / "mail").glob("*")))
    answer = ask(visit(), wrong)
    assert answer.headers["location"].startswith("/sign-in?error=address")
    assert len(list((served.service / "mail").glob("*"))) == before


def test_no_address_and_no_link_stand_in_the_database(served: Stage, visit: Visit, address: str) -> None:
    by_mail(visit(), served, address)
    link = newest_link(served, address)
    stored = b"".join(file.read_bytes() for file in Path(served.service).glob("consent.sqlite3*"))
    for secret in (address.encode(), link.rpartition("/")[2].encode()):
        assert secret not in stored


# Words on paper


def test_words_open_the_account_once(served: Stage, visit: Visit, address: str) -> None:
    her = by_mail(visit(), served, address)
    mark(her, "Papierdorp")
    words = new_words(her)
    again = visit()
    typed = ", ".join(words.upper().split())
    assert again.post("/sign-in/words", {"words": typed}).headers["location"] == "/my/sign-in"
    assert "Papierdorp" in again.get("/my/data").text
    late = visit()
    assert late.post("/sign-in/words", {"words": words}).status_code == 422
    assert not is_in(late)


def test_new_words_make_the_old_ones_worthless(served: Stage, visit: Visit, address: str) -> None:
    her = by_mail(visit(), served, address)
    old, new = new_words(her), new_words(her)
    thief = visit()
    fewer = " ".join(new.split()[:15])
    for guess in (old, fewer, new + " water", " ".join(reversed(new.split())), ""):
        assert thief.post("/sign-in/words", {"words": guess}).status_code == 422
    assert thief.post("/sign-in/words", {"words": new}).status_code == 303


# Who may change the ways in


def add_device(visitor: Visitor, device: Authenticator, csrf: str) -> httpx.Response:
    headers = {"origin": visitor.issuer, "x-csrf-token": csrf}
    begun = visitor.http.post("/my/sign-in/passkeys/options", json={}, headers=headers)
    if begun.status_code != 200:
        return begun
    body = {"credential": device.create(begun.json()), "next": "/my/sign-in"}
    return visitor.http.post("/my/sign-in/passkeys", json=body, headers=headers)


def test_a_second_device_is_added_named_and_removed(served: Stage, visit: Visit) -> None:
    her, first = with_device(visit(), served)
    second = Authenticator(origin=served.issuer)
    assert add_device(her, second, her.csrf()).json() == {"next": "/my/sign-in"}
    assert len(ways(her)) == 2
    her.post("/my/sign-in/name", {"csrf": her.csrf(), "way": ways(her)[1], "label": "Mijn <b>tablet</b>"})
    assert "Mijn &lt;b&gt;tablet&lt;/b&gt;" in page(her)
    other = visit()
    assert finish(other, "sign-in", second.get(begin(other, "sign-in"))).status_code == 200
    assert her.post("/my/sign-in/remove", {"csrf": her.csrf(), "way": second.id.hex()}).status_code == 303
    # It opens nothing any more, and where it was signed in it is not.
    assert not is_in(other)
    assert is_in(her)
    assert finish(other, "sign-in", second.get(begin(other, "sign-in"))).status_code == 401
    last = her.post("/my/sign-in/remove", {"csrf": her.csrf(), "way": first.id.hex()})
    assert last.headers["location"] == "/my/sign-in?error=last"
    assert len(ways(her)) == 1


def test_a_device_for_another_site_is_not_added(served: Stage, visit: Visit) -> None:
    her, _ = with_device(visit(), served)
    for device in (
        Authenticator(origin="https://evil.example"),
        Authenticator(origin=served.issuer, host="evil.example"),
    ):
        assert add_device(her, device, her.csrf()).status_code == 401
    assert add_device(her, Authenticator(origin=served.issuer), "0" * 64).status_code == 403
    assert len(ways(her)) == 1


def test_a_device_is_not_added_to_the_account_that_came_after(served: Stage, visit: Visit) -> None:
    """Begun by one, finished by the next who signs in on the same browser."""
    browser, _ = with_device(visit(), served)
    headers = {"origin": served.issuer, "x-csrf-token": browser.csrf()}
    begun = browser.http.post("/my/sign-in/passkeys/options", json={}, headers=headers).json()
    browser.sign_in(VICTIM)
    body = {"credential": Authenticator(origin=served.issuer).create(begun)}
    headers["x-csrf-token"] = browser.csrf()
    assert browser.http.post("/my/sign-in/passkeys", json=body, headers=headers).status_code == 401


def test_who_reads_her_mail_makes_himself_no_key(served: Stage, visit: Visit, address: str) -> None:
    her, device = with_device(visit(), served)
    her.post("/my/sign-in/mail", {"csrf": her.csrf(), "address": address})
    assert follow(her, newest_link(served, address)).headers["location"] == "/my/sign-in"
    assert address in page(her)
    reader = by_mail(visit(), served, address)
    assert ways(reader) == []
    csrf = reader.csrf()
    assert add_device(reader, Authenticator(origin=served.issuer), csrf).status_code == 403
    for path, fields in (
        ("words", {}),
        ("mail", {"address": f"x{address}"}),
        ("remove", {"way": device.id.hex()}),
    ):
        assert reader.post(f"/my/sign-in/{path}", {"csrf": csrf, **fields}).status_code == 403
    assert letters(served, f"x{address}") == []
    assert len(ways(her)) == 2


def test_an_address_of_another_account_is_not_taken_over(served: Stage, visit: Visit, address: str) -> None:
    owner = by_mail(visit(), served, address)
    mark(owner, "Eigendorp")
    other, _ = with_device(visit(), served)
    other.post("/my/sign-in/mail", {"csrf": other.csrf(), "address": address})
    answer = follow(other, newest_link(served, address))
    assert answer.headers["location"] == "/my/sign-in?error=taken"
    assert "Eigendorp" in by_mail(visit(), served, address).get("/my/data").text


def test_an_address_is_added_only_to_the_account_that_asked(
    served: Stage, visit: Visit, address: str
) -> None:
    """She asked, and somebody else signed in on that browser before the link was followed."""
    browser, _ = with_device(visit(), served)
    browser.post("/my/sign-in/mail", {"csrf": browser.csrf(), "address": address})
    link = newest_link(served, address)
    browser.sign_in(STRANGER)
    assert follow(browser, link).status_code == 400
    assert address not in page(browser)


def test_ways_of_others_are_not_hers_to_name_or_remove(served: Stage, visit: Visit) -> None:
    her, device = with_device(visit(), served)
    thief, _ = with_device(visit(), served)
    for path, more in (("remove", {}), ("name", {"label": "mine"})):
        answer = thief.post(f"/my/sign-in/{path}", {"csrf": thief.csrf(), "way": device.id.hex(), **more})
        assert answer.status_code == 404
    assert len(ways(her)) == 1


# Where she is signed in


def test_she_ends_a_session_elsewhere_and_nobody_elses(served: Stage, visit: Visit, address: str) -> None:
    first = by_mail(visit(), served, address)
    second, third = by_mail(visit(), served, address), by_mail(visit(), served, address)
    others = re.findall(r'name="browser" value="(\w+)"', page(first))
    assert len(others) == 2
    stranger = visit().sign_in(STRANGER)
    answer = stranger.post("/my/sign-in/end", {"csrf": stranger.csrf(), "browser": others[0]})
    assert answer.status_code == 404
    first.post("/my/sign-in/end", {"csrf": first.csrf(), "browser": others[0]})
    assert [is_in(one) for one in (first, second, third)].count(True) == 2
    first.post("/my/sign-in/end-others", {"csrf": first.csrf()})
    assert [is_in(one) for one in (first, second, third)] == [True, False, False]
