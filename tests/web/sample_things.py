"""What stands on the sample pages: an organisation, a request, grants, a timeline. All of it is invented."""

from datetime import datetime
from types import SimpleNamespace as Sample
from typing import Any
from zoneinfo import ZoneInfo


def at(text: str) -> int:
    """The instant of `2026-11-22 14:05` on a Dutch clock, in microseconds."""
    return (
        int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Amsterdam")).timestamp()) * 1_000_000
    )


def two(nl: str, en: str) -> dict[str, str]:
    return {"nl": nl, "en": en}


def contact(language: str, **changed: Any) -> Sample:
    fields = {
        "name": two("Balie Wonen", "Housing desk")[language],
        "phone": "010 000 00 00",
        "hours": two("Maandag tot en met vrijdag, 9 tot 17 uur", "Monday to Friday, 9 am to 5 pm")[language],
        "email": "wonen@voorbeeldstad.example",
        "url": "https://voorbeeldstad.example/wonen",
        "address": "Marktplein 1, Voorbeeldstad",
    }
    return Sample(**(fields | changed))


NO_CONTACT: dict[str, Any] = dict.fromkeys(("phone", "hours", "email", "url", "address"))

ORGANISATION = Sample(
    id="voorbeeldstad",
    name="Gemeente Voorbeeldstad",
    website="https://www.voorbeeldstad.example/",
    register="KVK",
    number="00000001",
    checked_on="2026-09-01",
)


def item(name: str, label: str, value: str | None, **changed: Any) -> Sample:
    fields: dict[str, Any] = {
        "name": name,
        "label": label,
        "value": value,
        "version": 1,
        "required": True,
        "reason": "",
        "special": False,
        "about": "self",
        "source": None,
        "as_of": None,
    }
    return Sample(**(fields | changed))


def shown(language: str, **changed: Any) -> Sample:
    nl = language == "nl"
    register = "de Basisregistratie Personen" if nl else "the Personal Records Database"
    fields: dict[str, Any] = {
        "request": "0" * 31 + "1",
        "language": language,
        "organisation": ORGANISATION,
        "verified": True,
        "purpose": Sample(
            id="energy-allowance",
            version=1,
            title=two("uw aanvraag voor energietoeslag", "your application for energy allowance")[language],
            why=two(
                "De gemeente kijkt of u recht hebt op hulp bij uw energierekening.",
                "The municipality checks whether you can get help with your energy bill.",
            )[language],
            consequence_of_no=two(
                "vraagt de gemeente u om papieren bewijs.", "the municipality asks you for proof on paper."
            )[language],
            other_way=two("Neem uw papieren mee naar de balie.", "Bring your papers to the desk.")[language],
            legal_basis="public_task",
            allowed_by_law=False,
            automated_decision=False,
        ),
        "items": (
            item(
                "full_name",
                "Volledige naam" if nl else "Full name",
                "Samira Voorbeeld",
                reason="Zo weten zij wie de aanvraag doet." if nl else "So they know who applies.",
                source=register,
                as_of="2026-08-14",
            ),
            item(
                "yearly_income",
                "Inkomen per jaar" if nl else "Yearly income",
                "€ 18.400" if nl else "€18,400",
                reason="De hulp hangt af van uw inkomen." if nl else "The help depends on your income.",
                source="de inkomensregistratie" if nl else "the income register",
                as_of="2026-04-01",
            ),
            item(
                "children",
                "Kinderen" if nl else "Children",
                "Noor en Ilias" if nl else "Noor and Ilias",
                required=False,
                about="child",
                reason="Met kinderen krijgt u meer." if nl else "With children you get more.",
                source=register,
                as_of="2026-08-14",
            ),
            item(
                "residence_permit",
                "Verblijfsvergunning" if nl else "Residence permit",
                "Onbepaalde tijd" if nl else "Indefinite",
                required=False,
                special=True,
                reason="Soms is er extra hulp." if nl else "Sometimes there is extra help.",
                source="uzelf" if nl else "yourself",
                as_of="2026-08-20",
            ),
            item(
                "iban",
                "Rekeningnummer (IBAN)" if nl else "Account number (IBAN)",
                None,
                required=False,
                reason="Hier komt het geld op." if nl else "The money goes here.",
            ),
        ),
        "until": at("2027-02-20 14:05"),
        "duration_days": 90,
        "data_life_days": 365,
        "frequency_per_day": 1,
        "recipients": (two("de uitkeringsadministratie", "the benefits office")[language],),
        "storage_places": ("NL", "DE"),
        "contact": contact(language),
        "change": None,
    }
    return Sample(**(fields | changed))


def change(language: str, **changed: Any) -> Sample:
    """A running grant that they want to change: two attributes stay, three are new, one goes."""
    fields: dict[str, Any] = {
        "grant": "a" * 32,
        "until": at("2026-12-22 14:05"),
        "new": ("children", "iban", "residence_permit"),
        "stays": ("full_name", "yearly_income"),
        "goes": (two("Nationaliteit", "Nationality")[language],),
        "new_words": True,
        "only_end": False,
    }
    return Sample(**(fields | changed))


def labels(language: str, count: int = 3) -> list[str]:
    return {
        "nl": ["Volledige naam", "Inkomen per jaar", "BSN (burgerservicenummer)"],
        "en": ["Full name", "Yearly income", "BSN (citizen service number)"],
    }[language][:count]


def grants(language: str) -> list[Sample]:
    energy = two("uw aanvraag voor energietoeslag", "your application for energy allowance")[language]
    home = two("het zoeken van een woning", "finding a home")[language]
    return [
        Sample(
            id="a" * 32,
            of="voorbeeldstad",
            organisation="Gemeente Voorbeeldstad",
            verified=True,
            purpose=energy,
            labels=labels(language),
            until=at("2027-02-20 14:05"),
            last_disclosed_at=at("2026-11-24 09:12"),
            disclosures=3,
            on_hold=False,
            untold="0" * 31 + "1",
        ),
        Sample(
            id="b" * 32,
            of="de-linde",
            organisation="Woningcorporatie De Linde",
            verified=False,
            purpose=home,
            labels=labels(language, 1),
            until=at("2026-12-31 23:59"),
            last_disclosed_at=None,
            disclosures=0,
            on_hold=True,
            untold=None,
        ),
    ]


def heard(event: str, **changed: Any) -> Sample:
    fields = {"event": event, "at": at("2026-11-24 12:01"), "delivered_at": None, "acknowledged_at": None}
    return Sample(**(fields | {"is_late": False} | changed))


def gone(**changed: Any) -> Sample:
    fields = {"scope": None, "deleted_at": None, "due_at": at("2026-12-24 12:01"), "is_late": False}
    return Sample(**(fields | changed))


def receipt(language: str, **changed: Any) -> Sample:
    fields: dict[str, Any] = {
        "id": "a" * 32,
        "number": "7K4M-Q2XD-9P",
        "organisation": ORGANISATION,
        "purpose": two("uw aanvraag voor energietoeslag", "your application for energy allowance")[language],
        "why": two(
            "De gemeente kijkt of u recht hebt op hulp.", "The municipality checks whether you can get help."
        )[language],
        "legal_basis": "public_task",
        "automated_decision": False,
        "frequency_per_day": 1,
        "items": [
            Sample(label=label, required=place == 0, reason=two("Zo.", "So.")[language])
            for place, label in enumerate(labels(language))
        ],
        "granted_at": at("2026-11-22 14:05"),
        "until": at("2027-02-20 14:05"),
        "ended_at": None,
        "ended_how": None,
        "on_hold": False,
        "data_life_days": 365,
        "recipients": [],
        "storage_places": ["NL"],
        "contact": contact(language, url=None),
        "disclosures": [
            Sample(at=at("2026-11-24 09:12"), labels=labels(language, 2)),
            Sample(at=at("2026-11-23 16:40"), labels=labels(language)),
        ],
        "entry": Sample(log="2026", index=4217),
        "answers": Sample(heard=[heard("corrected")], gone=None, parts=[]),
        "versions": [version("2026-11-22 14:05", language, 3)],
        "untold": None,
    }
    return Sample(**(fields | changed))


def declined(language: str, **changed: Any) -> Sample:
    fields: dict[str, Any] = {
        "request": "0" * 31 + "1",
        "organisation": ORGANISATION,
        "other_way": two("Neem uw papieren mee naar de balie.", "Bring your papers to the desk.")[language],
        "contact": contact(language),
        "until": None,
        "leads_back": True,
    }
    return Sample(**(fields | changed))


def version(when: str, language: str, count: int, with_help: bool = False) -> Sample:
    return Sample(
        from_at=at(when), until=at("2027-02-20 14:05"), labels=labels(language, count), with_help=with_help
    )


def line(kind: str, when: str, language: str, **changed: Any) -> Sample:
    fields: dict[str, Any] = {
        "helper": None,
        "is_parent": False,
        "at": at(when),
        "kind": kind,
        "organisation": "Gemeente Voorbeeldstad",
        "labels": labels(language, 2),
        "purpose": two("uw aanvraag voor energietoeslag", "your application for energy allowance")[language],
        "because": None,
        "grant": "a" * 32,
        "use": None,
        "count": None,
        "log": "2026",
        "index": 12,
        "about": None,
        "desk": None,
        "until": None,
    }
    return Sample(**(fields | changed))


def dealing(language: str, **changed: Any) -> Sample:
    """One grant to one organisation, stopped by her, seen, nothing asked yet."""
    fields: dict[str, Any] = {
        "id": "a" * 32,
        "of": "voorbeeldstad",
        "organisation": "Gemeente Voorbeeldstad",
        "purpose": two("uw aanvraag voor energietoeslag", "your application for energy allowance")[language],
        "items": [
            Sample(name=f"item_{place}", label=label, required=place == 0)
            for place, label in enumerate(labels(language))
        ],
        "consequence": two("moet u de papieren zelf brengen", "you have to bring the papers yourself")[
            language
        ],
        "until": at("2027-02-20 14:05"),
        "on_hold": False,
        "ended_at": at("2026-11-24 12:01"),
        "how": "withdrawn",
        "seen": labels(language),
        "last_disclosed_at": at("2026-11-24 09:12"),
        "gone": gone(),
        "parts": [],
        "asked_at": None,
        "contact": contact(language),
        "may_ask": True,
    }
    return Sample(**(fields | changed))


def question(language: str, reply: str | None) -> Sample:
    """Something that she asked, in her own words."""
    text = two("Hoe komt u aan mijn inkomen?\nIk snap het niet.", "How do you know my income?")[language]
    answered = at("2026-11-26 09:00") if reply else None
    return Sample(text=text, asked_at=at("2026-11-25 10:10"), reply=reply, answered_at=answered)


def history(language: str, **changed: Any) -> Sample:
    """One attribute that came from a register and changed once."""
    register = two("de inkomensregistratie", "the income register")[language]
    fields: dict[str, Any] = {
        "name": "yearly_income",
        "label": labels(language)[1],
        "mine": False,
        "versions": [
            Sample(value="€ 18.400", source=register, from_at=at("2026-11-01 10:00"), until=None),
            Sample(value=None, source=register, from_at=at("2026-10-01 10:00"), until=at("2026-11-01 10:00")),
        ],
        "seers": [
            Sample(
                grant="a" * 32,
                of="voorbeeldstad",
                organisation="Gemeente Voorbeeldstad",
                purpose=two("uw aanvraag voor energietoeslag", "your application for energy allowance")[
                    language
                ],
                until=at("2027-02-20 14:05"),
            )
        ],
        "asked": None,
        "outcome": None,
        "askable": True,
    }
    return Sample(**(fields | changed))


def dealings(language: str, **changed: Any) -> Sample:
    """One organisation: one grant that runs, two that ended."""
    running = {"ended_at": None, "how": None, "gone": None, "may_ask": False}
    fields: dict[str, Any] = {
        "organisation": ORGANISATION,
        "halted": False,
        "contact": contact(language),
        "live": [
            dealing(language, **running, parts=[gone(labels=labels(language, 1))]),
            dealing(language, **running, id="b" * 32, on_hold=True, last_disclosed_at=None),
        ],
        "ended": [
            dealing(language, id="c" * 32),
            dealing(language, id="d" * 32, asked_at=at("2026-11-24 12:03"), may_ask=False),
            dealing(language, id="e" * 32, seen=[], gone=None, may_ask=False),
        ],
        "recent": Sample(months=months(language)[:1], older=None),
    }
    return Sample(**(fields | changed))


def paper() -> Sample:
    return Sample(
        origin="consent.example/log/2026",
        vkey="consent.example/log/2026+00112233+" + "A" * 44,
        leaf_hash="ab" * 32,
        address="https://consent.example/log/2026/checkpoint#12." + "A" * 43,
    )


def log_sizes() -> list[Sample]:
    return [
        Sample(name="2027", entries=1, megabytes=0.0),
        Sample(name="2026", entries=120_000, megabytes=18.5),
    ]


def because(language: str) -> str:
    return two(
        "U ziet dit omdat u uw inkomen deelde met Gemeente Voorbeeldstad, op 22 november 2026.",
        "You see this because you shared your income with Gemeente Voorbeeldstad on 22 November 2026.",
    )[language]


def months(language: str) -> list[Sample]:
    return [
        Sample(
            name=two("november 2026", "November 2026")[language],
            lines=[
                line("used", "2026-11-25 10:00", language, because=because(language), use="c" * 32),
                line("refused", "2026-11-24 18:30", language, count=3),
                line("withdrawn", "2026-11-24 12:01", language),
                line(
                    "withdrawn",
                    "2026-11-24 12:00",
                    language,
                    about="stop_code",
                    desk="Gemeente Voorbeeldstad",
                ),
                line("disclosed", "2026-11-24 09:12", language),
                line("granted", "2026-11-22 14:05", language),
                line("declined", "2026-11-21 20:15", language, organisation=None, labels=[], grant=None),
            ],
        ),
        Sample(
            name=two("oktober 2026", "October 2026")[language],
            lines=[
                line("lawful", "2026-10-30 08:00", language, grant=None),
                line(
                    "corrected", "2026-10-12 11:11", language, organisation=None, labels=labels(language, 1)
                ),
                line("amended", "2026-10-11 11:11", language, until=at("2027-02-20 14:05")),
                line("kept", "2026-10-11 09:00", language, labels=[], grant=None),
                line("let_go", "2026-10-10 12:00", language),
                line("acknowledged", "2026-10-11 10:11", language, about="ended"),
                line("acknowledged", "2026-10-11 10:10", language, about="corrected"),
                line("acknowledged", "2026-10-11 10:09", language, about="amended"),
                line("deletion_stated", "2026-10-11 10:08", language, labels=[]),
                line("deletion_stated", "2026-10-11 10:06", language),
                line("deletion_stated", "2026-10-11 10:07", language, labels=[], about="legal_obligation"),
                line("revoked", "2026-10-10 11:11", language),
                line("expired", "2026-10-09 11:11", language),
                line("frozen", "2026-10-08 11:11", language, organisation=None, labels=[], grant=None),
                line("erased", "2026-10-07 11:11", language, organisation=None, labels=[], grant=None),
            ],
        ),
    ]


def held(language: str) -> list[Sample]:
    nl = language == "nl"
    register = "de Basisregistratie Personen" if nl else "the Personal Records Database"
    rows = [
        (
            "full_name",
            labels(language)[0],
            "Samira Voorbeeld",
            register,
            False,
            False,
            ["Gemeente Voorbeeldstad"],
        ),
        ("street", "Straat" if nl else "Street", "Lindenlaan", register, False, False, []),
        (
            "yearly_income",
            labels(language)[1],
            "€ 18.400" if nl else "€18,400",
            "de inkomensregistratie" if nl else "the income register",
            False,
            False,
            ["Gemeente Voorbeeldstad", "Woningcorporatie De Linde"],
        ),
        (
            "email",
            "E-mailadres" if nl else "E-mail",
            "samira@voorbeeld.example",
            "uzelf" if nl else "yourself",
            False,
            True,
            [],
        ),
        (
            "nationalities",
            "Nationaliteit" if nl else "Nationality",
            "Eritrese" if nl else "Eritrean",
            register,
            True,
            False,
            [],
        ),
    ]
    return [
        Sample(
            name=name,
            label=label,
            value=value,
            source=source,
            as_of="2026-08-14",
            special=special,
            mine=mine,
            seen_by=by,
        )
        for name, label, value, source, special, mine, by in rows
    ]


def attribute(name: str, label: str, hint: str, kind: str) -> Sample:
    return Sample(name=name, label=label, hint=hint, kind=kind)


def roles() -> list[Sample]:
    """One of each, with and without a way to it."""
    named = {
        "owner": "/console/voorbeeldstad",
        "editor": "/console/voorbeeldstad",
        "clerk": "",
        "operator": "",
    }
    return [
        Sample(id=role, role=role, organisation=None if role == "operator" else "Voorbeeldstad", where=where)
        for role, where in named.items()
    ]


def mandate_pages(language: str, signed: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """The pages about helping, each in each state."""
    month = at("2030-06-01 12:00")

    def of(**changed: Any) -> Sample:
        usual = {
            "id": "d" * 32, "kind": "helper", "name": "Fatma", "may": "stop", "organisations": [],
            "show_special": False, "given_at": month, "until": month, "code_until": None, "accepted_at": month,
            "ended_at": None, "hers_to_end": True,
        }  # fmt: skip
        return Sample(**(usual | changed))

    waiting = of(id="e" * 32, accepted_at=None, code_until=month, may="look")
    parent = of(id="f" * 32, kind="guardian", hers_to_end=False, may="choose", show_special=True)
    over = of(id="c" * 32, ended_at=month)
    organisations = [("voorbeeldstad", "Gemeente Voorbeeldstad"), ("voorbeeldhuis", "Voorbeeldhuis")]
    wish = Sample(
        helper="Fatma", citizen="Mama", may="look", term="year", organisations=(), show_special=False
    )
    form = {**signed, "wish": wish, "error": None, "fresh": True, "organisations": organisations}
    empty = Sample(helper="", citizen="", may="", term="", organisations=(), show_special=False)
    special = Sample(kind="helper", show_special=True)
    plain = Sample(kind="helper", show_special=False)
    there = {
        **signed,
        "at": "/for/x",
        "path": "/for/x",
        "helping": Sample(name="Mama", may="stop", mandate=plain),
    }
    looks = {**there, "helping": Sample(name="Mama", may="look", mandate=special)}
    question = Sample(id="r" * 32, organisation="Voorbeeldhuis", purpose="een huis", amends=False)
    change = Sample(id="s" * 32, organisation="Voorbeeldhuis", purpose="een huis", amends=True)
    return {
        "helpers": ("helpers.html", {**signed, "running": [of(), waiting, parent], "over": [over]}),
        "helpers_none": ("helpers.html", {**signed, "running": [], "over": []}),
        "helper_form": ("helper_form.html", {**form, "wish": empty}),
        "helper_form_stale": ("helper_form.html", {**form, "fresh": False}),
        **{
            f"helper_form_{error}": ("helper_form.html", {**form, "error": error})
            for error in ("helper", "citizen", "may", "term", "too_many", "organisations")
        },
        "helper_code": (
            "helper_code.html",
            {
                **signed,
                "helper": "Fatma",
                "made": Sample(code="aap aarde adem akker anker appel arm", code_until=month),
            },
        ),
        "home_helping": (
            "home.html",
            {
                **signed,
                "requests": [],
                "grants": [],
                "ended": [],
                "works": False,
                "news": 0,
                "helped": [of(), parent],
                "over": [(over, True), (of(id="b" * 32, ended_at=month), False)],
            },
        ),
        "helping": ("helping.html", {**signed, "running": [of(), parent], "over": [over], "error": False}),
        "helping_none": ("helping.html", {**signed, "running": [], "over": [], "error": True}),
        "help_offer": (
            "help_offer.html",
            {**signed, "line": of(organisations=["Voorbeeldhuis"]), "code": "aap aarde"},
        ),
        "for_home": (
            "for_home.html",
            {**there, "requests": [question, change], "for_her": 1, "grants": grants(language)},
        ),
        "for_home_look": (
            "for_home.html",
            {**looks, "requests": [], "for_her": 0, "grants": grants(language)},
        ),
        "for_home_empty": ("for_home.html", {**looks, "requests": [], "for_her": 0, "grants": []}),
        "for_home_child_empty": (
            "for_home.html",
            {
                **there,
                "helping": Sample(name="Noor", may="choose", mandate=parent),
                "requests": [],
                "for_her": 0,
                "grants": [],
            },
        ),
        "for_timeline": ("for_timeline.html", {**there, "months": months(language)}),
        "timeline_helped": (
            "timeline.html",
            {
                **signed,
                "months": helped(language),
                "older": None,
                "newest": None,
                "organisations": {},
                "organisation": None,
                "kind": None,
            },
        ),
        "for_timeline_empty": ("for_timeline.html", {**looks, "months": []}),
        "for_data": ("for_data.html", {**there, "items": held(language), "addable": []}),
        "for_data_empty": ("for_data.html", {**looks, "items": [], "addable": []}),
        "for_data_child": (
            "for_data.html",
            {**there, "items": held(language), "addable": [Sample(name="city", label="plaats")]},
        ),
        "for_data_child_empty": (
            "for_data.html",
            {**there, "items": [], "addable": [Sample(name="city", label="plaats")]},
        ),
        "for_stopped": ("for_stopped.html", {**there, "organisation": "Voorbeeldhuis", "at_time": month}),
    }


def helped(language: str) -> list[Sample]:
    """What a helper or a parent did, and every word about a mandate."""
    kinds = ("mandate_given", "mandate_taken", "mandate_ended", "granted", "kept", "declined", "withdrawn")
    lines = [
        line(kind, "2026-11-22 14:05", language, helper="Fatma", is_parent=is_parent)
        for kind in (*kinds, "replaced", "amended")
        for is_parent in (False, True)
    ]
    return [Sample(name="november 2026", lines=lines)]
