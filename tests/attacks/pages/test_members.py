"""Somebody else's workplace: guessed codes, forged joining, and what a stranger sees of a team."""

import re

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


OWNER, CLERK = "fenna", "joris"
WORK = f"/console/{ORGANISATION}"
PROGRAM = {
    "client_name": "Mine now",
    "redirect_uris": "https://mine.example/back",
    "jwks_uri": "https://mine.example/keys",
}
NASTY = "<script>alert(1)</script><img src=x onerror=alert(1)>"


def test_a_workplace_looks_to_everybody_else_like_nothing_at_all(visit: Visit, stranger: Visitor) -> None:
    """Another organisation's owner is as much a stranger as a citizen, the desk's clerk and the operator are."""
    pages = (
        WORK,
        *(
            f"{WORK}/{page}"
            for page in ("team", "purposes", "purposes/energietoeslag", "numbers", "keys", "programs", "try")
        ),
    )
    forms = (
        (f"{WORK}/team", {"name": "me", "role": "owner"}),
        (f"{WORK}/team/end", {"member": "0" * 32}),
        (f"{WORK}/purposes", {"purpose": "mine-now"}),
        (f"{WORK}/programs", PROGRAM),
        (f"{WORK}/try", {"purpose": "energietoeslag", "persona": "sanne"}),
        (f"{WORK}/purposes/energietoeslag", {"do": "drop"}),
    )
    for visitor in (stranger, visit().sign_in(CLERK), visit().sign_in("wil")):
        for path in pages:
            there, nowhere = visitor.get(path), visitor.get(path.replace(ORGANISATION, "nobody"))
            assert there.status_code == nowhere.status_code == 404
            assert there.text.replace(ORGANISATION, "nobody") == nowhere.text
        for path, fields in forms:
            assert visitor.post(path, fields | {"csrf": visitor.csrf()}).status_code == 404
    owner = visit().sign_in(OWNER)
    assert owner.get(WORK).status_code == 200
    for path in pages:
        assert owner.get(path.replace(ORGANISATION, "voorbeeldhuis")).status_code == 404


def test_an_editor_does_none_of_the_owners_acts(served: Stage, visit: Visit) -> None:
    editor = visit().sign_in("riet")
    code = invited(served, "--name", "Riet")
    assert editor.post("/join", {"code": code, "csrf": editor.csrf()}).status_code == 303
    owner = visit().sign_in(OWNER)
    assert editor.get(f"{WORK}/purposes").status_code == 200
    assert editor.get(f"{WORK}/team").status_code == 404
    assert f'href="{WORK}/team"' not in editor.get(WORK).text
    team = served.run("member", "list", ORGANISATION)
    fenna, riet = (
        next(line.split("\t")[0] for line in team.splitlines() if name in line) for name in ("Fenna", "Riet")
    )
    invitation = {"csrf": editor.csrf(), "name": "me", "role": "owner"}
    assert editor.post(f"{WORK}/team", invitation).status_code == 404
    ending = {"csrf": editor.csrf(), "member": fenna}
    assert editor.post(f"{WORK}/team/end", ending).status_code == 404
    assert served.run("member", "list", ORGANISATION) == team
    # A form of the owner's own, sent from elsewhere or without her token, does nothing either.
    for fields, headers in (({}, {}), ({"csrf": owner.csrf()}, {"origin": "https://evil.example"})):
        answer = owner.post(f"{WORK}/team/end", {"member": riet, **fields}, **headers)
        assert answer.status_code == 403
    assert owner.post(f"{WORK}/team/end", {"member": riet, "csrf": owner.csrf()}).status_code == 303
    assert editor.get(f"{WORK}/purposes").status_code == 404


def test_what_an_editor_writes_is_text_on_the_example_and_its_buttons_are_dead(visit: Visit) -> None:
    owner = visit().sign_in(OWNER)
    csrf = owner.csrf()
    assert owner.post(f"{WORK}/purposes", {"csrf": csrf, "purpose": "nasty"}).status_code == 303
    names = ("title", "why", "consequence_of_no", "other_way", "because", "recipient")
    fields = {f"{name}.{language}": NASTY for name in names for language in ("nl", "en")}
    fields |= {
        "csrf": csrf,
        "revision": "0",
        "legal_basis": "consent",
        "storage_places": NASTY,
        "add": "city",
    }
    fields |= dict.fromkeys(("maximum_days", "data_life_days", "frequency_per_day"), NASTY) | {"do": "look"}
    written = owner.post(f"{WORK}/purposes/nasty", fields)
    assert (written.status_code, written.headers["location"]) == (303, f"{WORK}/purposes/nasty/example")
    for path in (f"{WORK}/purposes/nasty", f"{WORK}/purposes/nasty/example", f"{WORK}/purposes"):
        page = owner.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert "script-src 'self'" in page.headers["content-security-policy"]
    example = owner.get(f"{WORK}/purposes/nasty/example").text
    start, form = example.index('<fieldset class="consent-example" disabled>'), example.index('id="decide"')
    assert start < form < example.rindex("</fieldset>")
    assert example.count("<fieldset") == example.count("</fieldset>")
    # Her own data stands nowhere: the values are nobody's.
    assert "Voorbeeld" in example
    assert owner.post(f"{WORK}/purposes/nasty", {"csrf": csrf, "do": "drop"}).status_code == 303
    for broken in (
        {"revision": "x"},
        {"revision": "0", "legal_basis": "king"},
        {"revision": "0", "item": NASTY},
    ):
        begun = owner.post(f"{WORK}/purposes", {"csrf": csrf, "purpose": "nasty"})
        assert begun.status_code == 303
        answer = owner.post(f"{WORK}/purposes/nasty", {"csrf": csrf, "do": "save"} | broken)
        assert answer.status_code in (400, 422)
        assert "<script>alert" not in answer.text
    owner.post(f"{WORK}/purposes/nasty", {"csrf": csrf, "do": "drop"})


def test_a_forged_or_faulty_form_registers_no_program(visit: Visit) -> None:
    owner = visit().sign_in(OWNER)
    where, csrf = f"{WORK}/programs", owner.csrf()
    before = owner.get(WORK).text.count('id="client-')
    assert owner.get(where).status_code == 200
    for fields, headers in (
        (PROGRAM, {}),
        (PROGRAM | {"csrf": "0" * 64}, {}),
        (PROGRAM | {"csrf": csrf}, {"origin": "https://evil.example"}),
    ):
        assert owner.post(where, fields, **headers).status_code == 403
    private = '{"keys":[{"kty":"EC","crv":"P-256","x":"x","y":"y","d":"very-secret"}]}'
    for changed, wrong in (
        ({"client_name": NASTY + "\u0430"}, ["client_name"]),
        ({"redirect_uris": "javascript:alert(1)"}, ["redirect_uris"]),
        ({"client_name": "", "redirect_uris": "http://mine.example/"}, ["client_name", "redirect_uris"]),
        ({"jwks_uri": "http://127.0.0.1/keys"}, ["jwks_uri"]),
        ({"jwks_uri": ""}, ["jwks_uri"]),
        ({"jwks_uri": "", "jwks": private}, ["jwks"]),
        ({"jwks_uri": "", "jwks": "[" * 5000}, ["jwks"]),
        ({"signals_endpoint": "ftp://mine.example/"}, ["signals_endpoint"]),
    ):
        answer = owner.post(where, PROGRAM | {"csrf": csrf} | changed)
        assert answer.status_code == 400
        assert [
            name for name in (*PROGRAM, "jwks", "signals_endpoint") if f'id="fault-{name}"' in answer.text
        ] == wrong
        assert "very-secret" not in answer.text
        assert "<script>alert" not in answer.text
    assert owner.get(WORK).text.count('id="client-') == before
    sent = owner.post(where, PROGRAM | {"csrf": csrf})
    assert (sent.status_code, sent.headers["location"]) == (303, f"{WORK}#programs")
    page = owner.get(WORK).text
    assert page.count('id="client-') == before + 1
    assert "Mine now" in page


def test_a_box_that_nobody_ticked_is_off_and_a_ticked_one_waits_for_the_operator(visit: Visit) -> None:
    owner, wil = visit().sign_in(OWNER), visit().sign_in("wil")
    found = []
    for ticked in ({}, {"batch_disclosure": "1"}):
        ids = set(re.findall('id="client-([^"]+)"', owner.get(WORK).text))
        form = PROGRAM | ticked | {"csrf": owner.csrf()}
        assert owner.post(f"{WORK}/programs", form).status_code == 303
        (new,) = set(re.findall('id="client-([^"]+)"', owner.get(WORK).text)) - ids
        seen = wil.get(f"/operator/pages/clients/{new}")
        assert seen.status_code == 200
        found.append(('data-row="batch_disclosure' in seen.text, 'data-advice="many_at_once"' in seen.text))
    assert found == [(False, False), (True, True)]
    # What was ticked is still ticked when another field has to change; what no page of ours sends is no tick.
    for value, is_kept in (("1", True), ("yes", False), ("", False)):
        form = PROGRAM | {"csrf": owner.csrf(), "client_name": "", "batch_disclosure": value}
        box = re.search('<input [^>]*id="batch_disclosure"[^>]*>', owner.post(f"{WORK}/programs", form).text)
        assert box is not None
        assert (" checked" in box[0]) is is_kept


def test_the_stop_of_a_desk_is_for_its_clerks_and_their_own_forms(visit: Visit, stranger: Visitor) -> None:
    for path in ("/desk/voorbeeldstad/stop", "/desk/voorbeeldstad/stop/now"):
        for visitor in (stranger, visit().sign_in("wil")):
            there = visitor.post(path, {"code": "0" * 16, "csrf": visitor.csrf()})
            nowhere = visitor.post(
                path.replace(ORGANISATION, "nobody"), {"code": "0", "csrf": visitor.csrf()}
            )
            assert there.status_code == nowhere.status_code == 404
            assert there.text.replace(ORGANISATION, "nobody") == nowhere.text
        clerk = visit().sign_in(CLERK)
        for fields, headers in (
            ({}, {}),
            ({"csrf": stranger.csrf()}, {}),
            ({"csrf": clerk.csrf()}, {"origin": "https://evil.example"}),
        ):
            assert clerk.post(path, {"code": "0" * 16, **fields}, **headers).status_code == 403
        wrong = clerk.post(path, {"code": "0000 0000 0000 0000 B", "csrf": clerk.csrf()})
        assert wrong.status_code == 404
        assert 'id="fault"' in wrong.text
