"""Base64url without padding, read strictly: one value has exactly one spelling (RFC 7515 §2, RFC 4648 §3.5).

Lenient readers skip foreign characters and ignore the unused last bits. Then two different texts mean the
same bytes, and whoever compares texts (a thumbprint, a replay key) can be fooled.
"""

import base64
import binascii

# To the standard alphabet. The standard alphabet's own last two and the padding are made foreign.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", b"", b"==", b"=")  # by length modulo 4; 1 never occurs
# A last character may only use the bits that belong to a whole byte.
_LAST_OF_TWO = b"AQgw"
_LAST_OF_THREE = b"AEIMQUYcgkosw048"


def encode(value: bytes) -> str:
    """Write *value* as base64url without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def decode(text: bytes) -> bytes:
    """Read base64url *text* (ASCII bytes). Raises ValueError on any other spelling than `encode` gives."""
    rest = len(text) & 3
    if rest and (
        rest == 1
        or (rest == 2 and text[-1] not in _LAST_OF_TWO)
        or (rest == 3 and text[-1] not in _LAST_OF_THREE)
    ):
        raise ValueError("not base64url")
    try:
        return binascii.a2b_base64(text.translate(_TO_STANDARD) + _PADDING[rest], strict_mode=True)
    except binascii.Error:
        raise ValueError("not base64url") from None
