"""Sealed boxes (libsodium, X25519 + XSalsa20-Poly1305): anybody here can close one, scoring workers alone can open it.

The public key is in every process (ANSWER_KEY_PUBLIC_KEY_FILE), the private key in scoring workers only
(ANSWER_KEY_PRIVATE_KEY_FILE). Both files hold the 32 raw bytes.
"""

from pathlib import Path

from django.conf import settings
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox


class SealingError(Exception):
    """A key file is missing or wrong, or a box was closed for another key. The text never holds what was sealed."""


def seal(plain: bytes) -> bytes:
    """`plain` in a box that only the private key opens."""
    return SealedBox(PublicKey(_key_bytes("ANSWER_KEY_PUBLIC_KEY_FILE"))).encrypt(plain)


def unseal(sealed: bytes) -> bytes:
    """What is in the box; raises SealingError in a process without the right private key."""
    try:
        return SealedBox(PrivateKey(_key_bytes("ANSWER_KEY_PRIVATE_KEY_FILE"))).decrypt(sealed)
    except CryptoError:
        # `from None`: the traceback of a crypto error must not carry key material.
        raise SealingError("The sealed answer key does not open with this worker's private key.") from None


def _key_bytes(setting: str) -> bytes:
    path = getattr(settings, setting)
    if not path:
        raise SealingError(f"{setting} is not set in this process.")
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise SealingError(f"{setting}: cannot read {path}: {error.strerror}.") from None
    if len(raw) != 32:
        raise SealingError(f"{setting}: {path} must hold 32 bytes, not {len(raw)}.")
    return raw
