"""How a right message is spoilt: its JSON, its text, its signature. hypothesis chooses, and makes it small again."""

import base64
import json
from typing import Any, Literal, NamedTuple

from consent_sdk.keys import SigningKey
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import strategies as st

from tests.web.knock import MARK

# JSON that some readers take, some refuse, and some die of.
_VALUES = [
    "null", "true", "0", "-0", "-1", "1.5", "1e999", "-1e999", "1e-999", "NaN", "Infinity", "9" * 400, "1E400",
    "9007199254740993", "-9223372036854775809", "18446744073709551616", "01", '""', f'"{MARK}"', f'["{MARK}"]',
    f'{{"{MARK}":"{MARK}"}}', '"\\ud800"', '"\\u0000"', '"\\u202e"', '"\\uD83D\\uDE00"', '"\x7f"', '"\t"', '"é"', "[]",
    "{}", "[[]]", "[null]", "[{}]", "[1,2", '{"a"', "'a'", "[" * 200 + "]" * 200, "[" * 20_000, '{"a":' * 3000,
    '{"a":' * 400 + "1" + "}" * 400, '"' + "x" * 5000 + '"', '"' + MARK * 400 + '"', "[" + "1," * 9000 + "1]",
    '{"a":1,"a":2}', '"http://127.0.0.1:1/"', '"https://[::1"', '"javascript:1"', '"none"', '"HS256"', '"RS256"',
]  # fmt: skip
_OCTETS = [
    b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf{}", b"\x00", b"", b" ", b'{"' + MARK.encode() + b'":',
]  # fmt: skip

_PIECES = [
    MARK.encode(), b".", b"..", b"=", b"%", b"%00", b"%ff", b"&", b"+", b"~n", b"../", b"'\"<", b"x" * 3000,
]  # fmt: skip


class JsonSpoil(NamedTuple):
    """One member replaced, doubled or added by *text*, the end cut off, or another thing altogether."""

    how: Literal["right", "replace", "twice", "add", "leave out", "cut", "whole", "around"] = "right"
    place: int = 0
    text: bytes = b"null"

    def spoil(self, right: dict[str, Any]) -> bytes:
        """*right* as JSON, spoilt."""
        members = [(json.dumps(name), json.dumps(value).encode()) for name, value in right.items()]
        at = self.place % len(members)
        match self.how:
            case "replace":
                members[at] = (members[at][0], self.text)
            case "twice":
                members.append((members[at][0], self.text))
            case "add":
                members.insert(at, (json.dumps(MARK), self.text))
            case "leave out":
                del members[at]
        whole = b"{" + b",".join(name.encode() + b":" + value for name, value in members) + b"}"
        if self.how == "whole":
            return self.text
        if self.how == "around":
            return self.text + whole
        return whole[: self.place % len(whole)] if self.how == "cut" else whole


class TextSpoil(NamedTuple):
    """Some octets replaced, put in or left out somewhere."""

    how: Literal["right", "replace", "insert", "cut", "flip", "whole", "double"] = "right"
    place: int = 0
    text: bytes = b""

    def spoil(self, right: bytes) -> bytes:
        """*right*, spoilt."""
        at = self.place % (len(right) + 1)
        match self.how:
            case "replace":
                return right[:at] + self.text + right[at + len(self.text) :]
            case "insert":
                return right[:at] + self.text + right[at:]
            case "cut":
                return right[:at]
            case "flip":
                return right[:at] + bytes(octet ^ 1 for octet in right[at : at + 1]) + right[at + 1 :]
            case "whole":
                return self.text
            case "double":
                return right + right
            case _:
                return right


class TokenSpoil(NamedTuple):
    """What is wrong in a JWT; the signature is right over whatever stands there, unless the text is spoilt after."""

    header: JsonSpoil = JsonSpoil()
    claims: JsonSpoil = JsonSpoil()
    text: TextSpoil = TextSpoil()

    def spoil(self, key: SigningKey, header: dict[str, Any], claims: dict[str, Any]) -> bytes:
        """A compact JWS."""
        parts = [self.header.spoil({"alg": "ES256"} | header), self.claims.spoil(claims)]
        signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        private = serialization.load_pem_private_key(key.pem().encode(), password=None)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        numbers = decode_dss_signature(private.sign(signed, ec.ECDSA(hashes.SHA256())))
        signature = b"".join(number.to_bytes(32, "big") for number in numbers)
        return self.text.spoil(signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"="))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())

_PLACES = st.integers(0, 5000)
JSON_SPOILS = st.builds(
    JsonSpoil,
    how=st.sampled_from(["replace"] * 5 + ["twice", "add", "leave out", "cut", "whole", "around"]),
    place=_PLACES,
    text=st.sampled_from([value.encode() for value in _VALUES] + _OCTETS) | _JSON,
)
TEXT_SPOILS = st.builds(
    TextSpoil,
    how=st.sampled_from(["replace", "insert", "cut", "flip", "whole", "double"]),
    place=_PLACES,
    text=st.sampled_from([*_PIECES, *_OCTETS])
    | st.binary(max_size=30)
    | st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
TOKEN_SPOILS = (
    st.builds(TokenSpoil, claims=JSON_SPOILS)
    | st.builds(TokenSpoil, header=JSON_SPOILS)
    | st.builds(TokenSpoil, header=JSON_SPOILS, claims=JSON_SPOILS)
    | st.builds(TokenSpoil, text=TEXT_SPOILS)
)
