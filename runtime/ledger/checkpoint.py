"""Signed checkpoints: C2SP tlog-checkpoint inside a C2SP signed note, with Ed25519. Pure: text in, text out."""

import base64
import binascii
from collections.abc import Callable
from functools import cached_property
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

_ED25519 = b"\x01"
_SIGNATURE_BYTES = 64
_BEFORE_SODIUM = 200
"""Signatures by OpenSSL before libsodium is loaded: it signs in half the time, and loading it costs as much."""
_MAX_NOTE = 64 << 10


class NoteError(ValueError):
    """A note or verifier key that is malformed or not signed by the key; the text says what is wrong."""


class Checkpoint(Struct, frozen=True):
    """What is signed: a ledger's origin, its number of records and their RFC 6962 root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The signed text (C2SP tlog-checkpoint), line feeds included."""
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"


class VerifierKey(Struct, frozen=True, dict=True):
    """A ledger's public key; its text form is the C2SP `origin+id+base64` verifier key."""

    origin: str
    public: bytes

    @cached_property
    def id(self) -> bytes:
        """C2SP key id: the first four bytes of SHA-256(name || LF || type || key)."""
        return sha256(self.origin.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    @cached_property
    def _ed25519(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.public)

    def __str__(self) -> str:
        return f"{self.origin}+{self.id.hex()}+{b64(_ED25519 + self.public)}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read `origin+id+base64`; raises NoteError when it is malformed or its id is not its own."""
        parts = text.strip().split("+", 2)
        if len(parts) != 3 or not parts[0]:
            raise NoteError("a verifier key reads `origin+id+base64`")
        key = unb64(parts[2])
        if len(key) != 33 or key[:1] != _ED25519:
            raise NoteError("the verifier key is not an Ed25519 key")
        verifier = cls(parts[0], key[1:])
        if verifier.id.hex() != parts[1]:
            raise NoteError("the verifier key's id does not belong to its origin and key")
        return verifier

    def open(self, note: str) -> Checkpoint:
        """The checkpoint in a note signed by this key.

        Signatures by other keys are ignored, as C2SP signed-note asks; one by this key must be there and hold.

        Raises:
            NoteError: malformed, of another origin, or not signed by this key.
        """
        checkpoint = read_note(note)
        if checkpoint.origin != self.origin:
            raise NoteError(f"the checkpoint is of the ledger `{checkpoint.origin:.130}`, not `{self.origin}`")
        self.check_note(note)
        return checkpoint

    def check_note(self, note: str) -> str:
        """The text of a note signed by this key; raises NoteError as `open`."""
        text, signatures = split_note(note)
        for name, blob in signatures:
            if name == self.origin and blob[:4] == self.id:
                try:
                    self._ed25519.verify(blob[4:], text.encode())
                except InvalidSignature:
                    raise NoteError("the signature does not belong to the checkpoint's text") from None
                return text
        raise NoteError("the checkpoint is not signed by this ledger's key")


class Signer:
    """Signs the checkpoints of one ledger."""

    def __init__(self, origin: str, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.verifier = VerifierKey(origin, private.public_key().public_bytes_raw())
        self._left = _BEFORE_SODIUM
        self._sodium: Callable[[bytes, bytes], bytes] | None = None
        self._secret = private.private_bytes_raw() + self.verifier.public
        self._id = self.verifier.id
        self._start, self._line = f"{origin}\n", f"\n— {origin} "

    def _sign(self, text: bytes) -> bytes:
        if self._sodium is not None:
            return self._sodium(text, self._secret)[:_SIGNATURE_BYTES]
        if self._left:
            self._left -= 1
        else:
            from nacl.bindings import crypto_sign

            self._sodium = crypto_sign
        return self._private.sign(text)

    def sign(self, size: int, root: bytes) -> str:
        """The signed note of a checkpoint."""
        text = f"{self._start}{size}\n{b64(root)}\n"
        return f"{text}{self._line}{b64(self._id + self._sign(text.encode()))}\n"

    def sign_line(self, text: str) -> str:
        """The signature line of a note with this text."""
        return f"{self._line[1:]}{b64(self._id + self._sign(text.encode()))}\n"


def read_note(note: str) -> Checkpoint:
    """The checkpoint in a note, its signatures unchecked; raises NoteError when it is malformed."""
    return parse_text(split_note(note)[0])


def parse_text(text: str) -> Checkpoint:
    """Read origin, size and root; further lines are extensions and are allowed (C2SP tlog-checkpoint)."""
    lines = text.split("\n")
    if len(lines) < 4 or not lines[0]:
        raise NoteError("a checkpoint has the lines origin, size and root")
    size = lines[1]
    if not size.isascii() or not size.isdigit() or len(size) > 15 or (size[0] == "0" and size != "0"):
        raise NoteError(f"`{size[:40]!r}` is not a checkpoint's size")
    root = unb64(lines[2])
    if len(root) != 32:
        raise NoteError("the checkpoint's root is not 32 bytes")
    return Checkpoint(lines[0], int(size), root)


def split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The signed text and the (name, id and signature) of each signature line (C2SP signed-note)."""
    if len(note) > _MAX_NOTE:
        raise NoteError("the checkpoint is too long")
    head, separator, tail = note.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise NoteError("a checkpoint ends with a blank line and signature lines")
    signatures = []
    for line in tail[:-1].split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "—":
            raise NoteError("a signature line reads `— name base64`")
        blob = unb64(parts[2])
        if len(blob) < 5:
            raise NoteError("a signature is too short")
        signatures.append((parts[1], blob))
    return head + "\n", signatures


def b64(data: bytes) -> str:
    """Base64 in its one spelling."""
    return binascii.b2a_base64(data, newline=False).decode()


def unb64(text: str) -> bytes:
    """Strict base64: one spelling for each value, so that no bit of a note is without meaning."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("it holds malformed base64") from None
    if b64(data) != text:
        raise NoteError("it holds base64 in a second spelling")
    return data
