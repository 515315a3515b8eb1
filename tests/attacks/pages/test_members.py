"""Somebody else's workplace: guessed codes, forged joining, and what a stranger sees of a team."""

from consent.demo import ORGANISATION, Stage

from .conftest import Visit
from .visitor import STRANGER, Visitor


def invited(served: Stage, *words: str) -> str:
    return served.run("organisation", "invite", ORGANISATION, "--role", "editor", "--by", "anna", *words)


def test_a_forged_form_joins_nobody_and_uses_no_code_up(served: Stage, stranger: Visitor) -> None:
    code = invited(served)
    for fields, headers in (
        ({"code": code}, {}),
        ({"code": code, "csrf": "0" * 64}, {}),
        ({"code": code, "csrf": stranger.csrf()}, {"origin": "https://evil.example"}),
    ):
        assert stranger.post("/join", fields, **headers).status_code == 403
    assert 'id="work"' not in stranger.get("/").text
    joined = stranger.post("/join", {"code": code, "csrf": stranger.csrf()})
    assert (joined.status_code, joined.headers["location"]) == (303, "/work")
    assert 'id="work"' in stranger.get("/").text
    assert "Gemeente Voorbeeldstad" in stranger.get("/work").text
    used = stranger.post("/join", {"code": code, "csrf": stranger.csrf()})
    made_up = stranger.post("/join", {"code": "a" * 26, "csrf": stranger.csrf()})
    assert used.status_code == made_up.status_code == 400
    assert used.text == made_up.text
    assert code not in used.text

    member = next(
        line.split("\t")[0]
        for line in served.run("member", "list", ORGANISATION).splitlines()
        if line.endswith("editor\teditor")
    )
    served.run("member", "end", member, ORGANISATION)
    assert 'id="role-' not in stranger.get("/work").text


def test_nobody_joins_without_signing_in(served: Stage, visit: Visit) -> None:
    nobody = visit()
    assert nobody.get("/join").headers["location"] == "/sign-in?next=/join"
    assert nobody.get("/work").headers["location"] == "/sign-in?next=/work"
    assert nobody.post("/join", {"code": "a" * 26}).status_code == 303  # to the sign-in
    assert STRANGER not in served.run("member", "list", ORGANISATION)
