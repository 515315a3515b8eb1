"""Every citizen's page with something on it, in each state that a reader can meet."""

from typing import Any

from sample_things import (
    NO_CONTACT,
    Sample,
    at,
    attribute,
    because,
    change,
    contact,
    dealing,
    dealings,
    declined,
    gone,
    grants,
    heard,
    held,
    history,
    labels,
    line,
    log_sizes,
    mandate_pages,
    months,
    paper,
    question,
    receipt,
    roles,
    shown,
    two,
    version,
)

from consent.acts.lead_back import Past
from consent.acts.tell import CHOICES


def samples(language: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Each state by its name: the template and its context, as a door passes it."""
    nl = language == "nl"
    signed: dict[str, Any] = {
        "signed_in": True,
        "csrf": "x" * 43,
        "sandbox": True,
        "path": "/my/somewhere",
        "codes": [],
        "looks": [],
        "helped": [],
        "over": [],
        "stop_code": None,
        "spare": True,
        "help": Sample(
            name="Stadsbalie Voorbeeldstad",
            phone="14 010",
            email=None,
            address="Bibliotheek, Plein 1, Voorbeeldstad",
            hours="Elke werkdag van 9 tot 17 uur." if nl else "Every working day, 9 am to 5 pm.",
            url="https://voorbeeldstad.example/hulp",
        ),
    }
    signed["authority"] = contact(language)
    looking: dict[str, Any] = {
        "older": None,
        "newest": None,
        "organisations": {"voorbeeldstad": "Gemeente Voorbeeldstad"},
        "organisation": None,
        "kind": None,
    }
    personas = [
        Sample(
            id="status-holder",
            label="Samira",
            description="Nieuw in Nederland, zoekt een huis"
            if nl
            else "New in the Netherlands, looks for a home",
        ),
        Sample(
            id="parent",
            label="Daan",
            description="Vader met twee kinderen en weinig geld"
            if nl
            else "Father of two children, with little money",
        ),
    ]
    asked = Sample(
        id="d" * 32,
        organisation="Energiebedrijf Zon & Zee",
        purpose=two("een lager tarief", "a lower rate")[language],
        asked_at=at("2026-11-25 09:00"),
        expires_at=at("2026-11-25 09:10"),
        amends=False,
    )
    changing = Sample(**{**vars(asked), "id": "0" * 31 + "2", "amends": True})
    ended = [
        Sample(
            id="e" * 31 + str(n),
            organisation=org,
            purpose=asked.purpose,
            ended_at=at("2026-10-03 12:00"),
            how=how,
        )
        for n, (org, how) in enumerate(
            [
                ("Stichting Zwemfonds", "withdrawn"),
                ("Bibliotheek Oost", "expired"),
                ("Zon & Zee", "revoked"),
                ("Fonds Oost", "let_go"),
            ]
        )
    ]
    use = Sample(
        use="c" * 32,
        doubted_at=None,
        question=None,
        because=because(language),
        organisation="Gemeente Voorbeeldstad",
        purpose=two("uw aanvraag voor energietoeslag", "your application for energy allowance")[language],
        labels=labels(language, 2),
        sources=[
            (
                labels(language)[0],
                "de Basisregistratie Personen" if nl else "the Personal Records Database",
                "2026-08-14",
            ),
            (labels(language)[1], "uzelf" if nl else "yourself", None),
        ],
        disclosed_at=at("2026-11-24 09:12"),
        used_at=at("2026-11-25 10:00"),
        grant="a" * 32,
        active=True,
    )
    email = attribute(
        "email",
        two("E-mailadres", "E-mail address")[language],
        two("Bijvoorbeeld naam@voorbeeld.nl", "For example name@example.org")[language],
        "text",
    )
    over_18 = attribute(
        "over_18",
        "Of u 18 jaar of ouder bent" if nl else "Whether you are 18 or older",
        "Schrijf ja of nee.",
        "boolean",
    )
    children = attribute(
        "children",
        two("Kinderen", "Children")[language],
        two("Zet komma's ertussen.", "Put commas between them.")[language],
        "list",
    )
    ask = {
        "path": "/my/requests/" + "0" * 31 + "1",
        "shown": shown(language),
        "seal": "s" * 64,
        "chosen": set(),
        "error": None,
        "sign_in": None,
        "halted": None,
        "advice": Sample(whole=(), items={}),
        "answer_until": at("2026-11-23 14:05"),
    }

    def renewal(language: str) -> Any:
        items = shown(language).items
        names = tuple(sorted(one.name for one in items))
        only = change(language, new=(), stays=names, goes=(), new_words=False, only_end=True)
        return shown(language, change=only)

    base: dict[str, Any] = {
        "next": "/",
        "personas": [],
        "error": None,
        "waiting": None,
        "again": False,
        "path": "/sign-in",
        "has_mail": True,
        "broker": None,
    }
    opened = Sample(address="sanne@example.org", does="sign_in")
    key = Sample(id="a1", label="", created_at=at("2026-03-02 14:05"), used_at=None)
    desk = Sample(
        passkeys=[
            key,
            Sample(
                id="b2", label="Tablet", created_at=at("2026-03-02 14:05"), used_at=at("2026-04-02 14:05")
            ),
        ],
        others=[
            Sample(
                id="c3",
                kind="mail",
                label="sanne@example.org",
                created_at=at("2026-03-02 14:05"),
                used_at=None,
            ),
            Sample(id="d4", kind="words", label="", created_at=at("2026-03-02 14:05"), used_at=None),
            Sample(
                id="e5",
                kind="broker",
                label="",
                created_at=at("2026-03-02 14:05"),
                used_at=at("2026-04-02 14:05"),
            ),
        ],
        is_fresh=True,
        may_change=True,
    )
    bare = Sample(passkeys=[], others=[], is_fresh=False, may_change=True)
    browsers = [
        Sample(
            id="f6",
            method="passkey",
            signed_in_at=at("2026-04-02 14:05"),
            seen_at=at("2026-04-02 14:05"),
            is_this=True,
        ),
        Sample(
            id="a7",
            method="mail",
            signed_in_at=at("2026-04-02 14:05"),
            seen_at=at("2026-04-02 14:05"),
            is_this=False,
        ),
    ]
    mine = {**signed, "path": "/my/sign-in", "has_mail": True, "broker": "Testinlog", "error": None}
    mine |= {"desk": desk, "browsers": browsers}
    pages: dict[str, tuple[str, dict[str, Any]]] = {
        "sign_in": ("sign_in.html", {**base, "help": signed["help"], "waiting": "Gemeente Voorbeeldstad"}),
        "sign_in_practice": ("sign_in.html", {**base, "personas": personas, "sandbox": True}),
        "sign_in_again": ("sign_in.html", {**base, "again": True, "waiting": "Gemeente Voorbeeldstad"}),
        "sign_in_failed": ("sign_in.html", {**base, "error": "passkey_failed"}),
        "sign_in_expired": ("sign_in.html", {**base, "error": "expired"}),
        "sign_in_not_done": ("sign_in.html", {**base, "error": "not_done"}),
        "sign_in_address": ("sign_in.html", {**base, "error": "address", "broker": "Testinlog"}),
        "link_sent": ("link_sent.html", {"path": "/sign-in/link-sent"}),
        "link": ("link.html", {"path": "/sign-in", "opened": opened, "secret": "x" * 43}),
        "link_new": (
            "link.html",
            {"path": "/sign-in", "opened": Sample(address="a@example.org", does="sign_up"), "secret": "x"},
        ),
        "link_add": (
            "link.html",
            {**signed, "opened": Sample(address="a@example.org", does="add"), "secret": "x" * 43},
        ),
        "link_dead": ("link.html", {"path": "/sign-in", "opened": None, "secret": ""}),
        "words": ("words.html", {"path": "/sign-in/words", "next": "/", "error": None}),
        "words_wrong": ("words.html", {"path": "/sign-in/words", "next": "/", "error": "wrong"}),
        "new_words": ("new_words.html", {**signed, "words": ["water", "wind"] * 8}),
        "to_broker": (
            "to_broker.html",
            {**signed, "address": "https://broker.example/authorize?x=1", "broker": "Testinlog"},
        ),
        "ways": ("ways.html", mine),
        "ways_stale": ("ways.html", {**mine, "desk": bare, "browsers": browsers[:1]}),
        "ways_mail": (
            "ways.html",
            {**mine, "desk": Sample(passkeys=[key], others=[], is_fresh=True, may_change=False)},
        ),
        **{
            f"ways_{error}": ("ways.html", {**mine, "error": error})
            for error in ("last", "label", "address", "taken", "broker_failed")
        },
        **mandate_pages(language, signed),
        "home": (
            "home.html",
            {
                **signed,
                "path": "/",
                "requests": [asked, changing],
                "grants": grants(language),
                "ended": ended,
                "works": True,
                "news": 2,
            },
        ),
        "home_empty": (
            "home.html",
            {
                **signed,
                "path": "/",
                "requests": [],
                "grants": [],
                "ended": [],
                "works": False,
                "news": 0,
                "spare": False,
            },
        ),
        "join": ("join.html", {**signed, "path": "/join", "error": None}),
        **{f"join_{error}": ("join.html", {**signed, "error": error}) for error in ("unknown", "already")},
        "work": ("work.html", {**signed, "path": "/work", "roles": roles()}),
        "work_none": ("work.html", {**signed, "path": "/work", "roles": []}),
        "home_code_used": (
            "home.html",
            {
                **signed,
                "path": "/",
                "requests": [],
                "grants": [],
                "works": False,
                "news": 1,
                "ended": [Sample(**{**vars(ended[0]), "how": "stop_code"})],
                "codes": [
                    Sample(grant="e" * 32, organisation="Stichting Zwemfonds", at=at("2026-10-03 12:00"))
                ],
            },
        ),
        **{
            f"desk_{status}": (
                "desk.html",
                {
                    **signed,
                    "case": "2026-0017",
                    "found": Sample(status=status, until=at("2027-02-20 00:00")),
                    "error": False,
                    "name_of": "Gemeente Voorbeeldstad",
                },
            )
            for status in ("waits", "yes", "no", "stopped", "expired")
        },
        "desk_unknown": (
            "desk.html",
            {
                **signed,
                "case": "2026-0018",
                "found": None,
                "error": True,
                "name_of": "Gemeente Voorbeeldstad",
            },
        ),
        "notices": ("notices.html", {**signed, **_news(at("2026-10-03 12:00")), "path": "/my/notices"}),
        "notices_quiet": (
            "notices.html",
            {**signed, **_news(at("2026-10-03 12:00")), "path": "/my/notices", "is_quiet": True},
        ),
        "quiet": ("quiet.html", {**signed, "path": "/my/quiet", "is_on": False, "to": "weer.example"}),
        "quiet_on": ("quiet.html", {**signed, "path": "/my/quiet", "is_on": True, "to": None}),
        "stop_code": ("stop_code.html", {"path": "/stop", "error": False}),
        "stop_code_wrong": ("stop_code.html", {"path": "/stop", "error": True}),
        "stop_code_sure": (
            "stop_code_sure.html",
            {"path": "/stop", "code": "0000 0000 0000 0000 B", "runs": True},
        ),
        "desk_stop": ("stop_code.html", {**signed, "error": False, "where": "/desk/voorbeeldstad/stop"}),
        "desk_stop_sure": (
            "stop_code_sure.html",
            {**signed, "code": "1", "runs": True, "where": "/desk/voorbeeldstad/stop"},
        ),
        "stop_code_over": ("stop_code_sure.html", {"path": "/stop", "code": "", "runs": False}),
        "stop_code_done": ("stop_code_done.html", {"path": "/stop/done"}),
        "request": ("request.html", {**signed, **ask}),
        "request_chosen": (
            "request.html",
            {**signed, **ask, "chosen": {"full_name"}, "error": "no_decision"},
        ),
        "request_nothing": ("request.html", {**signed, **ask, "error": "nothing_chosen"}),
        "request_missing": ("request.html", {**signed, **ask, "error": "required_missing"}),
        "request_sign_in": (
            "request.html",
            {**signed, **ask, "chosen": {"residence_permit"}, "sign_in": "special", "error": "sign_in"},
        ),
        "request_sign_in_wanted": ("request.html", {**signed, **ask, "sign_in": "wanted"}),
        "request_changed": ("request.html", {**signed, **ask, "error": "changed"}),
        "request_amend": (
            "request.html",
            {
                **signed,
                **ask,
                "shown": shown(language, change=change(language)),
                "chosen": {"full_name", "yearly_income"},
            },
        ),
        "request_amend_wrong": (
            "request.html",
            {**signed, **ask, "shown": shown(language, change=change(language)), "error": "changed"},
        ),
        "request_renew": ("request.html", {**signed, **ask, "shown": renewal(language)}),
        "request_renew_wrong": (
            "request.html",
            {**signed, **ask, "shown": renewal(language), "error": "no_decision"},
        ),
        "request_halted": (
            "request.html",
            {**signed, **ask, "halted": "purpose", "shown": shown(language, verified=False)},
        ),
        "request_special": ("request.html", {**signed, **ask, "sign_in": "special"}),
        "request_odd": (
            "request.html",
            {
                **signed,
                **ask,
                "advice": Sample(
                    whole=("long", "kept", "abroad", "machine", "often"),
                    items={
                        "residence_permit": (Sample(code="spare"), Sample(code="ground")),
                        "yearly_income": (
                            Sample(
                                code="exact",
                                instead="Of u een laag inkomen hebt"
                                if nl
                                else "Whether you have a low income",
                            ),
                        ),
                    },
                ),
            },
        ),
        "request_help": (
            "request_help.html",
            {**signed, "shown": shown(language), "answer_until": at("2026-11-23 14:05")},
        ),
        "request_unverified": (
            "request.html",
            {
                **signed,
                **ask,
                "help": None,
                "halted": "organisation",
                "shown": shown(
                    language,
                    verified=False,
                    recipients=(),
                    contact=contact(language, **NO_CONTACT),
                    purpose=Sample(
                        **{**vars(ask["shown"].purpose), "allowed_by_law": True, "automated_decision": True}
                    ),
                ),
            },
        ),
        "receipt": ("receipt.html", {**signed, "receipt": receipt(language)}),
        "receipt_with_code": (
            "receipt.html",
            {
                **signed,
                "receipt": receipt(language),
                "stop_code": "1234 5678 9012 3456 K",
                "stop_at": "https://gegevens.voorbeeldstad.example/stop",
            },
        ),
        "receipt_untold": (
            "receipt.html",
            {**signed, "receipt": receipt(language, untold="0" * 31 + "1", disclosures=[])},
        ),
        "declined": ("declined.html", {**signed, "said": declined(language)}),
        "declined_change": (
            "declined.html",
            {**signed, "said": declined(language, until=at("2026-12-22 14:05"), leads_back=False)},
        ),
        "receipt_on_hold": ("receipt.html", {**signed, "receipt": receipt(language, on_hold=True)}),
        "receipt_ended": (
            "receipt.html",
            {
                **signed,
                "receipt": receipt(
                    language,
                    ended_at=at("2026-11-24 12:01"),
                    ended_how="withdrawn",
                    disclosures=[],
                    answers=Sample(heard=[], gone=None, parts=[]),
                ),
            },
        ),
        **{
            f"receipt_{name}": (
                "receipt.html",
                {
                    **signed,
                    "receipt": receipt(
                        language,
                        ended_at=at("2026-11-24 12:01"),
                        ended_how="withdrawn",
                        answers=Sample(heard=[signal], gone=state, parts=[]),
                    ),
                },
            )
            for name, signal, state in (
                ("told", heard("ended", delivered_at=at("2026-11-24 12:02")), gone()),
                ("late", heard("amended", is_late=True), gone(is_late=True)),
                (
                    "answered",
                    heard("ended", acknowledged_at=at("2026-11-25 09:02")),
                    gone(scope="all_but_legal_duty", deleted_at=at("2026-11-25 09:02")),
                ),
                (
                    "gone",
                    heard("ended", acknowledged_at=at("2026-11-25 09:02")),
                    gone(scope="all", deleted_at=at("2026-11-25 09:02")),
                ),
            )
        },
        "receipt_taken_back": (
            "receipt.html",
            {
                **signed,
                "receipt": receipt(
                    language,
                    answers=Sample(
                        heard=[heard("amended", acknowledged_at=at("2026-11-25 09:02"))],
                        gone=None,
                        parts=[
                            gone(labels=labels(language, 2)),
                            gone(labels=labels(language, 1), is_late=True),
                            gone(labels=labels(language, 1), scope="all", deleted_at=at("2026-11-25 09:02")),
                        ],
                    ),
                ),
            },
        ),
        "receipt_changed": (
            "receipt.html",
            {
                **signed,
                "receipt": receipt(
                    language,
                    ended_at=at("2026-12-24 12:01"),
                    ended_how="let_go",
                    versions=[
                        version("2026-12-01 10:00", language, 2, with_help=True),
                        version("2026-11-22 14:05", language, 3),
                    ],
                ),
            },
        ),
        "stopped": ("stopped.html", {**signed, "dealing": dealing(language)}),
        "stopped_asked": (
            "stopped.html",
            {**signed, "dealing": dealing(language, asked_at=at("2026-11-24 12:03"), may_ask=False)},
        ),
        "stopped_unseen": (
            "stopped.html",
            {**signed, "dealing": dealing(language, seen=[], gone=None, may_ask=False)},
        ),
        "dealings": ("dealings.html", {**signed, "dealings": dealings(language), "stopped": None}),
        "dealings_item_stopped": (
            "dealings.html",
            {**signed, "dealings": dealings(language), "stopped": labels(language)[0]},
        ),
        "dealings_halted": (
            "dealings.html",
            {**signed, "dealings": dealings(language, halted=True), "stopped": None},
        ),
        "dealings_ended": (
            "dealings.html",
            {**signed, "dealings": dealings(language, live=[]), "stopped": None, "help": None},
        ),
        "help": (
            "help.html",
            {
                **signed,
                "help": contact(language),
                "library": contact(language),
                "call_back": "https://bel.example",
            },
        ),
        "help_nobody": ("help.html", {**signed, "help": None}),
        "report": (
            "report.html",
            {
                **signed,
                "line": line("used", "2026-11-25 10:00", language, because=because(language)),
                "paper": paper(),
                "organisation": shown(language).organisation,
                "entry": "/my/entries/2026/12",
            },
        ),
        "timeline": (
            "timeline.html",
            {**signed, "path": "/my/timeline", "months": months(language), **looking},
        ),
        "timeline_desk": (
            "timeline.html",
            {
                **signed,
                **looking,
                "months": [],
                "looks": [Sample(organisation="Gemeente Voorbeeldstad", at=at("2026-11-25 10:00"), count=2)],
            },
        ),
        "timeline_empty": ("timeline.html", {**signed, "path": "/my/timeline", "months": [], **looking}),
        "timeline_filtered": (
            "timeline.html",
            {
                **signed,
                "path": "/my/timeline",
                **looking,
                "months": months(language),
                "organisation": "voorbeeldstad",
                "kind": "used",
                "older": "kind=used&before=2026.12",
                "newest": "kind=used",
            },
        ),
        "entry": (
            "entry.html",
            {
                **signed,
                "path": "/my/entries/2026/12",
                "line": line("used", "2026-11-25 10:00", language, because=because(language)),
                "paper": paper(),
            },
        ),
        "scan": (
            "scan.html",
            {
                **signed,
                "path": "/my/log",
                "stale": False,
                "sizes": log_sizes(),
                "issuer": "https://x.example",
            },
        ),
        "scan_stale": (
            "scan.html",
            {
                **signed,
                "path": "/my/log/key",
                "stale": True,
                "sizes": log_sizes(),
                "issuer": "https://x.example",
            },
        ),
        "audit_key": (
            "audit_key.html",
            {**signed, "path": "/my/log/key", "lines": [["consent.example/log/2026", "cak1" + "-abcd" * 14]]},
        ),
        "my_data": (
            "my_data.html",
            {**signed, "path": "/my/data", "items": held(language), "addable": [email, children]},
        ),
        "my_data_empty": ("my_data.html", {**signed, "path": "/my/data", "items": [], "addable": [email]}),
        "edit": (
            "edit.html",
            {
                **signed,
                "attribute": email,
                "value": "samira@voorbeeld.example",
                "error": None,
                "next": "/my/data",
                "held": True,
            },
        ),
        "edit_bad": (
            "edit.html",
            {**signed, "attribute": children, "value": "", "error": "bad_value", "next": "", "held": False},
        ),
        "edit_yes_no_bad": (
            "edit.html",
            {**signed, "attribute": over_18, "value": "", "error": "bad_value", "next": "/", "held": False},
        ),
        "edit_yes_no": (
            "edit.html",
            {
                **signed,
                "attribute": over_18,
                "value": "ja" if nl else "yes",
                "error": None,
                "next": "",
                "held": False,
            },
        ),
        "why": ("why.html", {**signed, "use": use}),
        "why_doubted": (
            "why.html",
            {
                **signed,
                "use": Sample(
                    **{
                        **vars(use),
                        "doubted_at": at("2026-11-25 10:05"),
                        "question": question(language, None),
                    }
                ),
            },
        ),
        "why_answered": (
            "why.html",
            {
                **signed,
                "use": Sample(
                    **{**vars(use), "question": question(language, "Because you asked us for a letter.")}
                ),
            },
        ),
        "history": ("history.html", {**signed, "attribute": history(language, mine=True)}),
        "history_source": ("history.html", {**signed, "attribute": history(language)}),
        "history_asked": (
            "history.html",
            {
                **signed,
                "attribute": history(language, asked=question(language, None), askable=False, seers=[]),
            },
        ),
        "history_refused": (
            "history.html",
            {**signed, "attribute": history(language, asked=question(language, "No."), outcome="refused")},
        ),
        "why_stopped": ("why.html", {**signed, "use": Sample(**{**vars(use), "active": False})}),
        "erase": ("erase.html", {**signed, "path": "/my/erase"}),
        "leaving": ("leaving.html", {**signed, "code": "c" * 22, "final_at": at("2026-12-09 12:00")}),
        "export": (
            "export.html",
            {
                **signed,
                "items": held(language),
                "grants": [
                    Sample(
                        organisation="Gemeente Voorbeeldstad",
                        purpose=asked.purpose,
                        labels=labels(language),
                        granted_at=at("2026-11-24 09:12"),
                        until=at("2027-02-20 09:12"),
                    )
                ],
                "lines": 12,
            },
        ),
        "export_empty": ("export.html", {**signed, "items": [], "grants": [], "lines": 1}),
        **{
            f"erasure_{name}": (
                "erasure.html",
                {
                    "path": "/erasure/" + "c" * 22,
                    "code": "c" * 22,
                    "address": "https://consent.example/erasure/" + "c" * 22,
                    "final_at": at("2026-12-09 12:00"),
                    "erased_at": erased_at,
                    "complete_at": complete_at,
                },
            )
            for name, erased_at, complete_at in (
                ("waiting", None, None),
                ("clearing", at("2026-12-09 12:01"), None),
                ("complete", at("2026-12-09 12:01"), at("2026-12-09 12:02")),
            )
        },
        "signed_out": ("signed_out.html", {"path": "/signed-out"}),
    }
    pages["request_whom"] = (
        "request_whom.html",
        {
            **signed,
            "organisation": "Basisschool De Linde",
            "question": "d" * 32,
            "children": [Sample(mandate="e" * 32, name="Noor"), Sample(mandate="f" * 32, name="Sem")],
        },
    )
    for reason, answer in (
        ("changed", None),
        ("expired", None),
        ("answered", "yes"),
        ("answered", "no"),
        ("not_found", None),
    ):
        was = Past(
            organisation="Gemeente Voorbeeldstad",
            website="https://voorbeeldstad.example.org",
            asked_at=at("2026-11-06 12:00"),
            expires_at=at("2026-11-07 12:00"),
            answer=answer,
            answered_at=at("2026-11-06 13:00") if answer else None,
            grant="b" * 32 if answer == "yes" else None,
        )
        context = {**signed, "reason": reason}
        pages[f"request_gone_{reason}_{answer}"] = ("request_gone.html", {**context, "was": was})
        pages[f"request_gone_{reason}_bare"] = ("request_gone.html", {**context, "was": None})
    statuses = {
        "not_found": 404,
        "forbidden": 403,
        "not_understood": 400,
        "dead_link": 400,
        "too_many": 429,
        "unavailable": 503,
        "stopped": 503,
        "wrong": 500,
    }
    pages["error_forbidden_signed_in"] = ("error.html", {**signed, "status": 403, "kind": "forbidden"})
    for kind, status in statuses.items():
        pages[f"error_{kind}"] = ("error.html", {"status": status, "kind": kind})
    return pages


def _news(at: int) -> dict[str, object]:
    """One notice of each kind, and of each who."""
    who = ("code", "rule", "organisation", "helper", "operator")
    kinds = [*[("stopped", one) for one in who], ("help_ended", "yours"), *[(one, "") for one in CHOICES]]
    return {
        "lines": [
            Sample(kind=kind, who=one, about="a" * 32, organisation="Bank", at=at, is_new=one == "")
            for kind, one in [*kinds, ("way_added", "mail"), ("way_removed", "words")]
        ],
        "choices": dict.fromkeys(CHOICES, "daily"),
        "is_quiet": False,
        "has_mail": True,
        "has_address": False,
    }
