"""What a developer writes down about a client before an operator looks at it (RFC 7591), and which changes wait.

Authlib's claims class checks what RFC 7591 §2 says about each name; the rules here are those of this service: one way
to authenticate, addresses that show plainly where they lead, a name that cannot pass for another.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from authlib.oauth2.rfc7591 import ClientMetadataClaims  # type: ignore[import-untyped]
from joserfc.errors import JoseError
from msgspec.structs import replace

from consent.oauth import jose
from consent.oauth.batches import batch_type
from consent.oauth.clients import ClientSettings, check_redirect_uri_form, check_settings
from consent.words.canonical import canonical
from consent.words.errors import BadInput, InvalidClientMetadata, InvalidRedirectUri
from consent.words.purposes import request_type

MOST_REDIRECTS = 10
MOST_CONTACTS = 5
_NAME_LIMIT = 100
_TEXT_LIMIT = 254
_URI_LIMIT = 2048

_ADDRESSES = ("client_uri", "logo_uri", "policy_uri", "tos_uri")
# What this server does in one way only: a client that wants another must hear it now, not at its first request.
_GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")
_ONLY: dict[str, Any] = {
    "token_endpoint_auth_method": "private_key_jwt",  # FAPI 2.0 §5.3.2.1-6
    "response_types": ["code"],  # FAPI 2.0 §5.3.2.2-1
    "dpop_bound_access_tokens": True,  # RFC 9449 §5.2
    "require_pushed_authorization_requests": True,  # RFC 9126 §6
}
_ALGORITHM_NAMES = ("token_endpoint_auth_signing_alg", "request_object_signing_alg")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")

# What a developer may change without anybody looking: it is read by the operator only, and opens nothing.
_AT_ONCE = ("contacts", "software_id", "software_version")


class ClientMetadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is registered about a client, checked. The names are those of RFC 7591 §2 where there is one."""

    client_name: str
    redirect_uris: tuple[str, ...]
    jwks: tuple[dict[str, Any], ...] = ()  # empty: its keys are at settings.jwks_uri
    settings: ClientSettings = ClientSettings()
    client_uri: str | None = None
    logo_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    contacts: tuple[str, ...] = ()
    software_id: str | None = None
    software_version: str | None = None


class _Sent(msgspec.Struct, kw_only=True):
    """The names that mean something here, with their kinds; others are passed over (RFC 7591 §2)."""

    client_name: str
    redirect_uris: list[str]
    jwks: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    client_uri: str | None = None
    logo_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    contacts: list[str] = []
    software_id: str | None = None
    software_version: str | None = None
    grant_types: list[str] = []
    authorization_details_types: list[str] = []


def check_registration(document: Mapping[str, Any], *, issuer: str) -> ClientMetadata:
    """Check what was sent to be registered at *issuer*. Raises InvalidClientMetadata, InvalidRedirectUri (RFC 7591
    §3.2.2), each with the name of the field and the rule, never with what it held."""
    sent = _read(document, _Sent)
    settings = _settings(document, has_keys=sent.jwks is not msgspec.UNSET)
    for name, only in _ONLY.items():
        if document.get(name, only) != only:
            raise InvalidClientMetadata(f"{name}: only {_words(only)} works here")
    for name in _ALGORITHM_NAMES:
        if name in document and document[name] not in jose.ALGORITHMS:
            raise InvalidClientMetadata(f"{name}: one of {', '.join(jose.ALGORITHMS)}")
    if sent.grant_types and not {"authorization_code"} <= set(sent.grant_types) <= set(_GRANT_TYPES):
        raise InvalidClientMetadata(
            f"grant_types: authorization_code, and of the others {_words(_GRANT_TYPES)}"
        )
    types = {request_type(issuer)} | ({batch_type(issuer)} if settings.batch_disclosure else set())
    if not set(sent.authorization_details_types) <= types:  # RFC 9396 §10
        raise InvalidClientMetadata(
            "authorization_details_types: those of the server's metadata; for batches, set batch_disclosure as well"
        )
    _check_name(sent.client_name)
    _check_redirects(sent.redirect_uris, issuer)
    for name in _ADDRESSES:
        _check_address(name, getattr(sent, name), issuer)
    for name in ("jwks_uri", "signals_endpoint"):
        _check_not_ours(name, getattr(settings, name), issuer, InvalidClientMetadata)
    if len(sent.contacts) > MOST_CONTACTS:
        raise InvalidClientMetadata(f"contacts: at most {MOST_CONTACTS}")
    for text in (*sent.contacts, sent.software_id, sent.software_version):
        if text is not None and not (0 < len(text) <= _TEXT_LIMIT and text.isprintable()):
            raise InvalidClientMetadata("contacts, software_id, software_version: one short line each")
    keys = _keys(sent, settings)
    _check_as_authlib(document)
    return ClientMetadata(
        client_name=sent.client_name,
        redirect_uris=tuple(sent.redirect_uris),
        jwks=keys,
        settings=settings,
        client_uri=sent.client_uri,
        logo_uri=sent.logo_uri,
        policy_uri=sent.policy_uri,
        tos_uri=sent.tos_uri,
        contacts=tuple(sent.contacts),
        software_id=sent.software_id,
        software_version=sent.software_version,
    )


def in_effect(approved: ClientMetadata, submitted: ClientMetadata, *, is_proved: bool) -> ClientMetadata:
    """What holds from now on, when *submitted* comes while *approved* holds.

    Whatever a citizen or an operator relies on waits for an approval. New keys hold at once when *is_proved*: the
    request was signed with a key that holds now. A registration token alone changes no key, so whoever stole one
    cannot become the client with it.
    """
    at_once = {name: getattr(submitted, name) for name in _AT_ONCE}
    if is_proved and approved.jwks and submitted.jwks:
        at_once["jwks"] = submitted.jwks
    return replace(approved, **at_once)


def changes(approved: ClientMetadata, submitted: ClientMetadata) -> list[str]:
    """The names of what differs, for whoever decides."""
    one, other = registered(approved), registered(submitted)
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def registered(metadata: ClientMetadata) -> dict[str, Any]:
    """The metadata as it is shown to its developer (RFC 7591 §3.2.1), with what we put in the place of defaults."""
    shown: dict[str, Any] = msgspec.json.decode(canonical(metadata))
    settings: dict[str, Any] = shown.pop("settings", {})
    if "jwks" in shown:
        shown["jwks"] = {"keys": shown["jwks"]}
    return shown | settings | _ONLY | {"grant_types": list(_GRANT_TYPES)}


T = TypeVar("T")


def _read(document: Mapping[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        # msgspec can quote what was sent; the place holds only names of ours.
        missing = re.search(r"missing required field `(\w+)`", str(error))
        place = re.search(r"at `\$\.(\w+)", str(error))
        name = (missing or place or ["", "the metadata"])[1]
        rule = "is missing" if missing else "of another kind than RFC 7591 §2 says"
        raise InvalidClientMetadata(f"{name}: {rule}") from None


def _settings(document: Mapping[str, Any], *, has_keys: bool) -> ClientSettings:
    names = [field.name for field in msgspec.structs.fields(ClientSettings)]
    settings = _read({name: document[name] for name in names if name in document}, ClientSettings)
    try:
        check_settings(settings, has_keys=has_keys)
    except BadInput as broken:
        raise InvalidClientMetadata(str(broken)) from None
    return settings


def _keys(sent: _Sent, settings: ClientSettings) -> tuple[dict[str, Any], ...]:
    if isinstance(sent.jwks, msgspec.UnsetType):
        if settings.jwks_uri is None:
            raise InvalidClientMetadata("jwks: bring your public keys, or say with jwks_uri where they are")
        return ()
    try:
        return jose.check_public_jwks(sent.jwks)
    except BadInput as broken:
        raise InvalidClientMetadata(f"jwks: {broken}") from None


def _check_name(name: str) -> None:
    """A name is read by people who decide by it: nothing invisible, no letters that look like others."""
    is_plain = unicodedata.is_normalized("NFC", name) and name.isprintable() and name == name.strip()
    letters = [sign for sign in name if unicodedata.category(sign)[0] in "LM"]
    if not (0 < len(name) <= _NAME_LIMIT and is_plain and letters):
        raise InvalidClientMetadata(f"client_name: 1 to {_NAME_LIMIT} visible characters")
    if not all(unicodedata.name(sign, "").startswith("LATIN ") for sign in letters):
        raise InvalidClientMetadata("client_name: letters of the Latin script only; others look like them")


def _check_redirects(uris: list[str], issuer: str) -> None:
    if not 0 < len(uris) <= MOST_REDIRECTS or len(set(uris)) != len(uris):
        raise InvalidRedirectUri(f"redirect_uris: 1 to {MOST_REDIRECTS}, each once")
    for uri in uris:
        try:
            check_redirect_uri_form(uri)
        except BadInput as broken:
            raise InvalidRedirectUri(f"redirect_uris: {broken}") from None
        _check_not_ours("redirect_uris", uri, issuer, InvalidRedirectUri)
        if _is_disguised(uri):
            raise InvalidRedirectUri("redirect_uris: a host without letters in disguise (xn--)")


def _check_address(name: str, uri: str | None, issuer: str) -> None:
    """An address that people read: https, a host with a name, and nothing that hides where it leads."""
    if uri is None:
        return
    parts = _parts(uri)
    if (
        parts is None
        or parts.scheme != "https"
        or not uri.startswith("https://")
        or parts.username is not None
        or not _HOST.fullmatch((parts.hostname or "").lower())
        or any(sign in uri for sign in '#\\<>"')
    ):
        raise InvalidClientMetadata(f"{name}: an https address with the name of a host")
    if _is_disguised(uri):
        raise InvalidClientMetadata(f"{name}: a host without letters in disguise (xn--)")
    _check_not_ours(name, uri, issuer, InvalidClientMetadata)


def _check_not_ours(name: str, uri: str | None, issuer: str, error: type[Exception]) -> None:
    """Nothing of a client leads to this service itself, where people would take it for ours (RFC 9700 §4.11)."""
    if uri is None:
        return
    ours, parts = urlsplit(issuer), _parts(uri)
    if parts is None:
        raise error(f"{name}: not an address")
    same = parts.hostname == ours.hostname
    if ours.hostname in _LOOPBACK_HOSTS:  # many programs share this machine: there the port tells who it is
        same = parts.hostname in _LOOPBACK_HOSTS and parts.port in (None, ours.port)
        same = same and not (parts.port is None and parts.scheme == "http" and name == "redirect_uris")
    if same:
        raise error(f"{name}: an address of your own, not of this service")


def _parts(uri: str) -> Any:
    if len(uri) > _URI_LIMIT or not uri.isascii() or not uri.isprintable() or " " in uri:
        return None
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_disguised(uri: str) -> bool:
    # An IDNA label shows as other letters than were written here, perhaps as somebody else's name.
    return any(label.startswith("xn--") for label in (urlsplit(uri).hostname or "").lower().split("."))


def _check_as_authlib(document: Mapping[str, Any]) -> None:
    known = {name: document[name] for name in ClientMetadataClaims.REGISTERED_CLAIMS if name in document}
    try:
        ClientMetadataClaims(known, {}).validate()
    except (JoseError, ValueError):
        raise InvalidClientMetadata("a field is not as RFC 7591 §2 says") from None


def _words(only: Any) -> str:
    return ", ".join(only) if isinstance(only, list | tuple) else str(only).lower()
