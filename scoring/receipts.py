"""Signed receipts of a challenge server: their canonical form, signing, and verification without the server.

A receipt file is `{"receipt": document, "signature": text}`. The signature (Ed25519, RFC 8032, base64) is over the
canonical form of the document: JSON with sorted keys, no white space, UTF-8 without escapes of what needs none, floats
in the shortest form that reads back as the same number (`repr`), no NaN, no infinity. `document["kid"]` names the key,
the first 16 hexadecimal digits of the SHA-256 of its 32 public bytes, and `document["kind"]` says what is attested:

- `accepted`: this file was taken at this time and used this slot of the quota;
- `scored`: this file got these scores from this answer key, scorer and formula.

A list of public keys is `{"keys": [{"kid", "use", "public_key", "created_at", "retired_at"}]}`, as a challenge serves
it under `/.well-known/receipt-keys.json`. A key signs one kind only (`use`): what accepts files cannot attest scores.
PyNaCl is imported where a signature is made or checked, nowhere else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

KINDS = ("accepted", "scored")
VERSION = 1
MAX_BYTES = 100_000


class InvalidReceipt(ValueError):
    """It is no receipt, or no list of keys; the text says what is wrong with it."""


@dataclass(frozen=True)
class Verdict:
    """Whether a receipt is genuine, why (one or two sentences), and what it says (empty where it is none)."""

    genuine: bool
    reason: str
    document: dict[str, Any] = field(default_factory=dict)


def canonical(document: Mapping[str, Any]) -> bytes:
    """The bytes that are signed. Raises InvalidReceipt for what has no such form: NaN, lone surrogates, other types."""
    try:
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidReceipt(f"This cannot be in a receipt: {error}.") from error


def key_id(public_key: bytes) -> str:
    """The name of a public key of 32 bytes."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def sign(document: Mapping[str, Any], private_key: bytes) -> tuple[dict[str, Any], str]:
    """(the document with its `kid`, its signature). `private_key` is the seed of 32 bytes."""
    from nacl.signing import SigningKey

    key = SigningKey(private_key)
    signed = {**document, "kid": key_id(bytes(key.verify_key))}
    return signed, base64.b64encode(key.sign(canonical(signed)).signature).decode()


def read(content: str | bytes) -> dict[str, Any]:
    """The JSON object in `content`. Raises InvalidReceipt when it is none, is too large, or gives a name twice."""
    if len(content) > MAX_BYTES:
        raise InvalidReceipt("This is too large to be a receipt.")
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content.removeprefix("\ufeff")
        value = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_number)
    except InvalidReceipt:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidReceipt(f"This is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise InvalidReceipt("This is JSON, but no object with the names «receipt» and «signature».")
    return value


def read_keys(content: str | bytes) -> dict[str, dict[str, Any]]:
    """The public keys of a list, by name, each with its 32 bytes as `public_key`. Raises InvalidReceipt."""
    return _listed(read(content))


def verify(receipt: Mapping[str, Any], listed: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """Check the signature of a receipt with the keys that `read_keys` gave. Raises ImportError where PyNaCl is missing.

    Never raises for what is in the receipt: that is part of the verdict.
    """
    document, signature = receipt.get("receipt"), receipt.get("signature")
    if not isinstance(document, dict) or not isinstance(signature, str):
        return Verdict(False, "This is no receipt: it needs the names «receipt» and «signature».")
    kid = document.get("kid")
    if not isinstance(kid, str) or kid not in listed:
        return Verdict(False, "Its key is not in the list of keys: another server's receipt, or none.", document)
    entry = listed[kid]
    if not _fits(document, signature, entry["public_key"]):
        return Verdict(False, "The signature does not fit: something in this receipt was changed.", document)
    kind = document.get("kind")
    if kind not in KINDS or kind != entry["use"]:
        return Verdict(
            False, f"Its key signs receipts of the kind {entry['use']!r}, and this one is {kind!r}.", document
        )
    retired = entry.get("retired_at")
    return Verdict(
        True,
        "The signature fits: this receipt is as the server wrote it."
        + (f" Its key was in use until {retired}." if retired else ""),
        document,
    )


def differences(one: Mapping[str, Any], other: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The names (`scores.main`) whose values are not the same in two documents, sorted."""
    found = []
    for name in sorted({*one, *other}):
        left, right = one.get(name), other.get(name)
        if isinstance(left, dict) and isinstance(right, dict):
            found += differences(left, right, f"{prefix}{name}.")
        elif name not in one or name not in other or json.dumps(left) != json.dumps(right):
            found.append(f"{prefix}{name}")
    return found


def _listed(keys: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    entries = keys.get("keys")
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise InvalidReceipt("The list of keys needs the name «keys».")
    listed: dict[str, dict[str, Any]] = {}
    for entry in entries:
        try:
            public = base64.b64decode(entry["public_key"], validate=True)
            use = str(entry["use"])
        except (TypeError, KeyError, binascii.Error, ValueError) as error:
            raise InvalidReceipt("An entry of the list of keys lacks its «use» or a «public_key» in base64.") from error
        if len(public) != 32:
            raise InvalidReceipt("A public key in the list does not have 32 bytes.")
        # Named by what it is: a list cannot give a key another one's name.
        listed[key_id(public)] = {**entry, "use": use, "public_key": public}
    return listed


def _fits(document: Mapping[str, Any], signature: str, public_key: bytes) -> bool:
    try:
        from nacl.exceptions import BadSignatureError
        from nacl.signing import VerifyKey
    except ImportError as error:
        raise ImportError("Checking a signature needs PyNaCl: pip install pynacl") from error
    try:
        raw = base64.b64decode(signature, validate=True)
        if len(raw) != 64:
            return False
        VerifyKey(public_key).verify(canonical(document), raw)
    except (BadSignatureError, binascii.Error, ValueError):
        return False
    return True


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidReceipt("A name stands twice in the same object.")
    return found


def _no_number(name: str) -> Any:
    raise InvalidReceipt(f"{name} is no number of JSON.")
