"""How good and how young a sign-in has to be before a yes counts, and before what is delicate leaves (RFC 9470).

A sign-in is as good as its way says (`acr`) and as old as the time since she showed who she is.
"""

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from consent.words.errors import InsufficientUserAuthentication, InvalidRequest, UnmetAuthentication
from consent.words.instants import MINUTE, SECOND

PHISHING_RESISTANT = (
    "phr"  # OpenID Connect EAP ACR Values 1.0 §2: with her device's key, which no other site gets
)
ONE_STEP = "1"  # ISO/IEC 29115 level 1 (OpenID Connect Core 1.0 §2): a link, words on paper, a broker's word
INVENTED = (
    "0"  # OpenID Connect Core 1.0 §2: below every level; a button of the sandbox shows nothing of anybody
)
ACR_VALUES = (PHISHING_RESISTANT, ONE_STEP, INVENTED)  # the best comes first
Method = Literal["passkey", "mail", "words", "broker", "persona"]
_ACR_OF: dict[Method, str] = {
    "passkey": PHISHING_RESISTANT,
    "mail": ONE_STEP,
    "words": ONE_STEP,
    "broker": ONE_STEP,
    "persona": INVENTED,
}
_SECONDS = re.compile(r"[0-9]{1,9}")


class SignIn(msgspec.Struct, frozen=True):
    """How she signed in, and when (microseconds)."""

    acr: str
    at: int


class Demand(msgspec.Struct, frozen=True):
    """What a request wants of the sign-in: the least `acr` that will do, and the age in seconds; None: any."""

    acr: str | None = None
    max_age: int | None = None


class StepUp(msgspec.Struct, frozen=True, kw_only=True):
    """What special attributes take, whoever asks."""

    acr: str = PHISHING_RESISTANT  # the least
    fresh: int = 5 * MINUTE  # microseconds, half-open: so young a sign-in must be at the yes
    max_age: int | None = None  # seconds: so old the sign-in of a grant may be when they leave; None: any


def acr_of(method: Method) -> str:
    """The name of a way to sign in, as organisations read it."""
    return _ACR_OF[method]


def check_demand(form: Mapping[str, str]) -> Demand:
    """What a pushed request wants of the sign-in (RFC 9470 §4). Raises InvalidRequest, UnmetAuthentication.

    Any of `acr_values` will do, and so will a better one. Names that we do not know are passed over, but not all.
    """
    asked = form.get("acr_values", "").split()
    known = [acr for acr in ACR_VALUES if acr in asked]
    if asked and not known:
        raise UnmetAuthentication("no way to sign in here is one of acr_values; see acr_values_supported")
    max_age = form.get("max_age")
    if max_age is not None and not _SECONDS.fullmatch(max_age):
        raise InvalidRequest("max_age is a number of seconds")
    return Demand(known[-1] if known else None, int(max_age) if max_age is not None else None)


def is_met(demand: Demand, sign_in: SignIn | None, *, asked_at: int, at: int, fresh: int) -> bool:
    """Whether *sign_in* is what a request of *asked_at* wanted, at instant *at*.

    One that was made for this very request is young enough for any `max_age` as long as it is *fresh*: reading takes
    time. One from the future is not: a clock was set back, and nobody knows how old it is.
    """
    if demand.acr is not None and not is_as_good(sign_in, demand.acr):
        return False
    if demand.max_age is None:
        return True
    if sign_in is None:
        return False
    age = at - sign_in.at
    return 0 <= age <= demand.max_age * SECOND or (sign_in.at > asked_at and 0 <= age < fresh)


def is_enough(step_up: StepUp, sign_in: SignIn | None, *, at: int) -> bool:
    """Whether she may say yes to special attributes under *sign_in* now."""
    return sign_in is not None and is_as_good(sign_in, step_up.acr) and 0 <= at - sign_in.at < step_up.fresh


def is_as_good(sign_in: SignIn | None, acr: str) -> bool:
    """Whether *sign_in* was made the way *acr* says or a better one; not when nobody knows how it was made."""
    return (
        sign_in is not None
        and sign_in.acr in ACR_VALUES
        and ACR_VALUES.index(sign_in.acr) <= ACR_VALUES.index(acr)
    )


def lacking(step_up: StepUp, sign_in: SignIn | None, *, at: int) -> InsufficientUserAuthentication | None:
    """Why special attributes may not leave under a grant that was given under *sign_in*; None when they may.

    The error carries what to ask for, at the door of pushed requests (RFC 9470 §3).
    """
    demand = Demand(step_up.acr, step_up.max_age)
    if is_met(demand, sign_in, asked_at=at, at=at, fresh=0):
        return None
    return InsufficientUserAuthentication(
        "special attributes take a better or younger sign-in of the citizen",
        acr=step_up.acr,
        max_age=step_up.max_age,
    )
