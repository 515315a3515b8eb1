"""What the names of what an organisation submits mean, in words: for who decides about it and knows no JSON."""


def _gettext(words: str) -> str:
    """Mark words for the catalogue; the page translates them."""
    return words


# What stands first in a row of `weigh`: the fields of a purpose, an organisation and a program.
FIELDS = {
    "id": _gettext("Short name"),
    "version": _gettext("Version"),
    "organisation": _gettext("Organisation"),
    "legal_basis": _gettext("Why is this allowed?"),
    "allowed_by_law": _gettext("Does the law allow it without asking?"),
    "title": _gettext("What for"),
    "why": _gettext("Why they need it"),
    "consequence_of_no": _gettext("What happens after a no"),
    "other_way": _gettext("Another way"),
    "attributes": _gettext("What they ask for"),
    "because": _gettext("The sentence in a letter"),
    "maximum_days": _gettext("How many days they may look, at most"),
    "data_life_days": _gettext("How many days they keep it"),
    "frequency_per_day": _gettext("How many times a day, at most"),
    "recipients": _gettext("Who else gets it?"),
    "storage_places": _gettext("In which countries they keep it"),
    "automated_decision": _gettext("Does a computer decide alone?"),
    "witnessed": _gettext("Do they wait until witnesses have signed?"),
    "contact": _gettext("Whom people can turn to"),
    "name": _gettext("Name"),
    "website": _gettext("Website"),
    "registration": _gettext("Where it is registered"),
    "client_name": _gettext("Name of the program"),
    "redirect_uris": _gettext("Where people go back to"),
    "jwks": _gettext("Keys"),
    "jwks_uri": _gettext("Address of its keys"),
    "settings": _gettext("Settings"),
    "client_uri": _gettext("Its website"),
    "logo_uri": _gettext("Address of its logo"),
    "policy_uri": _gettext("Address of its privacy statement"),
    "tos_uri": _gettext("Address of its terms"),
    "contacts": _gettext("Who answers for the program"),
    "software_id": _gettext("Which software it is"),
    "software_version": _gettext("Version of the software"),
    "require_signed_request_object": _gettext("Is each of its questions signed?"),
    "authorization_signed_response_alg": _gettext("How we sign an answer that people bring back"),
    "introspection_signed_response_alg": _gettext("How we sign what we say about a permission"),
    "signals_endpoint": _gettext("Where it hears what happens"),
    "dpop_nonce_required": _gettext("Do its proofs hold a number of ours?"),
    "batch_disclosure": _gettext("May it ask about many people in one request?"),
    "token_endpoint_auth_method": _gettext("How it shows who it is"),
    "response_types": _gettext("What people bring back"),
    "grant_types": _gettext("How it gets access"),
    "dpop_bound_access_tokens": _gettext("Does its access work for it alone?"),
    "require_pushed_authorization_requests": _gettext("Does it send its questions here first?"),
}

# What stands behind it: which piece of that field.
PIECES = FIELDS | {
    "nl": _gettext("In Dutch"),
    "en": _gettext("In English"),
    "required": _gettext("Is it needed?"),
    "reason": _gettext("Why they need it"),
    "phone": _gettext("Telephone"),
    "hours": _gettext("Opening hours"),
    "email": _gettext("E-mail address"),
    "url": _gettext("Web page"),
    "address": _gettext("Address"),
    "register": _gettext("Register"),
    "number": _gettext("Number"),
    "checked_on": _gettext("When it was checked"),
    "keys": _gettext("Keys"),
}
