"""The closed list of attributes: what can be held, asked and disclosed, and where each one comes from.

Paths of source `brp` are those of BRP Personen 2.7 (the Dutch population register); paths of source `income`
are those of our own `docs/reference/income.schema.json`; source `self` has no path. A name that stands here
is on the wire and in the log, so it never changes its meaning: a new meaning is a new name.
"""

from consent.words.purposes import Text
from consent.words.values import About, Attribute, Kind, Source

# Where a value comes from, for people. It follows "Dit gegeven komt van" / "This comes from".
SOURCES: dict[str, Text] = {
    "brp": Text("de Basisregistratie Personen", "the Personal Records Database"),
    "income": Text("de inkomensregistratie", "the income register"),
    "self": Text("uzelf", "yourself"),
}

_TEXT = Text("Schrijf het zoals u het zelf schrijft.", "Write it as you write it yourself.")
_DATE = Text("Dag, maand en jaar. Bijvoorbeeld 3-3-1961.", "Day, month and year. For example 3-3-1961.")
_NUMBER = Text("Een heel getal. Bijvoorbeeld 2.", "A whole number. For example 2.")
_EURO = Text("Hele euro's. Bijvoorbeeld 18400.", "Whole euros. For example 18400.")
_YES_NO = Text("Schrijf ja of nee.", "Write yes or no.")
_LIST = Text("Zet komma's ertussen.", "Put commas between them.")
_HINTS: dict[Kind, Text] = {
    "text": _TEXT,
    "date": _DATE,
    "integer": _NUMBER,
    "euro": _EURO,
    "boolean": _YES_NO,
    "list": _LIST,
}

_ADDRESS = "verblijfplaats.verblijfadres"


def _attribute(
    source: Source,
    name: str,
    kind: Kind,
    nl: str,
    en: str,
    path: str = "",
    *,
    about: About = "self",
    special: bool = False,
    statutory_only: bool = False,
    derived: bool = False,
    form: str = "",
    hint: Text | None = None,
) -> Attribute:
    return Attribute(
        name=name,
        kind=kind,
        label=Text(nl, en),
        about=about,
        special=special,
        statutory_only=statutory_only,
        source=source,
        path=path,
        derived=derived,
        form=form,
        hint=hint or _HINTS[kind],
    )


# A yes-or-no attribute is called "whether you …", so that it also reads well inside a sentence.
_ALL = (
    # Who you are.
    _attribute("brp", "first_names", "text", "Voornamen", "First names", "naam.voornamen"),
    _attribute("brp", "surname_prefix", "text", "Voorvoegsel", "Surname prefix", "naam.voorvoegsel"),
    _attribute("brp", "surname", "text", "Achternaam", "Surname", "naam.geslachtsnaam"),
    _attribute("brp", "full_name", "text", "Volledige naam", "Full name", "naam.volledigeNaam"),
    _attribute("brp", "birth_date", "date", "Geboortedatum", "Date of birth", "geboorte.datum.datum"),
    _attribute(
        "brp", "birth_place", "text", "Geboorteplaats", "Place of birth", "geboorte.plaats.omschrijving"
    ),
    _attribute(
        "brp",
        "over_18",
        "boolean",
        "Of u 18 jaar of ouder bent",
        "Whether you are 18 or older",
        "leeftijd",
        derived=True,
    ),
    _attribute("brp", "gender", "text", "Geslacht", "Gender", "geslacht.omschrijving"),
    _attribute(
        "brp",
        "nationalities",
        "list",
        "Nationaliteit",
        "Nationality",
        "nationaliteiten.nationaliteit.omschrijving",
        special=True,  # not in article 9 by its letter, but it says where somebody comes from
    ),
    _attribute(
        "brp",
        "bsn",
        "text",
        "BSN (burgerservicenummer)",
        "BSN (citizen service number)",
        "burgerservicenummer",
        special=True,
        statutory_only=True,  # article 46 of the Dutch GDPR act (UAVG)
        form=r"[0-9]{9}",
        hint=Text("Negen cijfers, zonder punten.", "Nine digits, no dots."),
    ),
    # Where you live.
    _attribute("brp", "street", "text", "Straat", "Street", f"{_ADDRESS}.korteStraatnaam"),
    _attribute("brp", "house_number", "integer", "Huisnummer", "House number", f"{_ADDRESS}.huisnummer"),
    _attribute(
        "brp",
        "house_number_addition",
        "text",
        "Toevoeging bij huisnummer",
        "House number addition",
        f"{_ADDRESS}.huisnummertoevoeging",
    ),
    _attribute(
        "brp",
        "postcode",
        "text",
        "Postcode",
        "Postcode",
        f"{_ADDRESS}.postcode",
        form=r"[0-9]{4} [A-Z]{2}",  # a leading 0 does not exist in the Netherlands: good for invented people
        hint=Text(
            "Vier cijfers en twee letters. Bijvoorbeeld 0000 AA.", "Four digits, two letters. Like 0000 AA."
        ),
    ),
    _attribute("brp", "city", "text", "Woonplaats", "Town or city", f"{_ADDRESS}.woonplaats"),
    _attribute(
        "brp", "municipality", "text", "Gemeente", "Municipality", "gemeenteVanInschrijving.omschrijving"
    ),
    _attribute(
        "brp",
        "address_since",
        "date",
        "Sinds wanneer u op dit adres woont",
        "Since when you live at this address",
        "verblijfplaats.datumVan.datum",
    ),
    # Your family.
    _attribute(
        "brp",
        "has_partner",
        "boolean",
        "Of u een partner hebt",
        "Whether you have a partner",
        "partners",
        derived=True,
    ),
    _attribute(
        "brp",
        "partner_name",
        "text",
        "Naam van uw partner",
        "Name of your partner",
        "partners.naam",
        about="partner",
        derived=True,  # first names, prefix and surname in one line
    ),
    _attribute(
        "brp",
        "partner_birth_date",
        "date",
        "Geboortedatum van uw partner",
        "Date of birth of your partner",
        "partners.geboorte.datum.datum",
        about="partner",
    ),
    _attribute(
        "brp",
        "number_of_children",
        "integer",
        "Aantal kinderen",
        "Number of children",
        "kinderen",
        derived=True,
    ),
    _attribute(
        "brp",
        "has_child_under_18",
        "boolean",
        "Of u een kind jonger dan 18 hebt",
        "Whether you have a child under 18",
        "kinderen.geboorte.datum.datum",
        derived=True,
    ),
    _attribute(
        "brp",
        "children_first_names",
        "list",
        "Voornamen van uw kinderen",
        "First names of your children",
        "kinderen.naam.voornamen",
        about="child",
    ),
    # Staying in the Netherlands. Says where somebody comes from, and often why she left.
    _attribute(
        "brp",
        "residence_permit",
        "text",
        "Verblijfsvergunning",
        "Residence permit",
        "verblijfstitel.aanduiding.omschrijving",
        special=True,
    ),
    _attribute(
        "brp",
        "residence_permit_until",
        "date",
        "Einddatum van uw verblijfsvergunning",
        "End date of your residence permit",
        "verblijfstitel.datumEinde.datum",
        special=True,
    ),
    _attribute(
        "brp",
        "in_netherlands_since",
        "date",
        "Sinds wanneer u in Nederland woont",
        "Since when you live in the Netherlands",
        "immigratie.datumVestigingInNederland.datum",
    ),
    # Your income.
    _attribute("income", "yearly_income", "euro", "Inkomen per jaar", "Yearly income", "person.gross_yearly"),
    _attribute("income", "income_year", "integer", "Jaar van uw inkomen", "Year of your income", "year"),
    _attribute(
        "income",
        "income_below_threshold",
        "boolean",
        "Of u een laag inkomen hebt",
        "Whether you have a low income",
        "household.below_threshold",
        hint=Text(
            "Ja als uw inkomen onder de grens van de gemeente ligt.",
            "Yes if your income is below the limit of the municipality.",
        ),
    ),
    _attribute(
        "income",
        "receives_benefit",
        "boolean",
        "Of u een uitkering krijgt",
        "Whether you receive a benefit",
        "person.benefit",
    ),
    # What only you know.
    _attribute("self", "household_size", "integer", "Aantal mensen in huis", "Number of people at home"),
    _attribute(
        "self",
        "email",
        "text",
        "E-mailadres",
        "Email address",
        form=r"[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)+",
        hint=Text("Bijvoorbeeld naam@example.org.", "For example name@example.org."),
    ),
    _attribute(
        "self",
        "phone",
        "text",
        "Telefoonnummer",
        "Phone number",
        form=r"\+?[0-9][0-9 -]{5,18}[0-9]",
        hint=Text("Alleen cijfers, spaties en streepjes.", "Only digits, spaces and hyphens."),
    ),
    _attribute("self", "preferred_language", "text", "Taal die u het liefst spreekt", "Language you prefer"),
    _attribute(
        "self", "needs_interpreter", "boolean", "Of u een tolk nodig hebt", "Whether you need an interpreter"
    ),
    _attribute(
        "self",
        "iban",
        "text",
        "IBAN (rekeningnummer)",
        "IBAN (bank account number)",
        form=r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}",
        hint=Text("Begint in Nederland met NL.", "In the Netherlands it starts with NL."),
    ),
    _attribute("self", "energy_supplier", "text", "Energieleverancier", "Energy supplier"),
    _attribute(
        "self",
        "energy_contract_number",
        "text",
        "Klantnummer bij uw energieleverancier",
        "Customer number at your energy supplier",
    ),
    _attribute("self", "monthly_rent", "euro", "Huur per maand", "Monthly rent"),
)

CATALOGUE: dict[str, Attribute] = {attribute.name: attribute for attribute in _ALL}
SPECIAL = frozenset(attribute.name for attribute in _ALL if attribute.special)
