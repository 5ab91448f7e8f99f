"""Cosignatures: a witness says that a checkpoint continues all that it has seen. Pure: text in, text out.

C2SP tlog-cosignature, the Ed25519 form (`cosignature/v1`, signature type 0x04); its lines stand in a signed note beside
the ledger's own.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from charter.runtime.ledger.checkpoint import NoteError, b64, split_note, unb64

_TYPE = b"\x04"
"""Timestamped Ed25519 witness cosignatures (C2SP signed-note, «Signature types»)."""
_TIMED = struct.Struct(">Q64s")
"""`timestamped_signature` (C2SP tlog-cosignature, «Format»)."""
_LAST_SECOND = 253402300799
"""The end of the year 9999: nobody's clock goes further, and dates end there."""


@dataclass(frozen=True)
class WitnessKey:
    """A witness's name and public key; its text form is a C2SP verifier key of the type 0x04."""

    name: str
    public: bytes

    @cached_property
    def id(self) -> bytes:
        """SHA-256(name || LF || 0x04 || public key)[:4] (C2SP tlog-cosignature, «Format»)."""
        return sha256(self.name.encode() + b"\n" + _TYPE + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64(_TYPE + self.public)}"

    @classmethod
    def parse(cls, text: str) -> "WitnessKey":
        """Read `name+id+base64`; raises NoteError when it is malformed or no witness's key."""
        parts = text.strip().split("+", 2)
        if len(parts) != 3:
            raise NoteError("a verifier key reads `name+id+base64`")
        key = unb64(parts[2])
        if key[:1] == b"\x01":
            raise NoteError("it is a ledger's key (type 0x01), not a witness's (type 0x04)")
        if len(key) != 33 or key[:1] != _TYPE:
            raise NoteError("it is no Ed25519 cosigner's key (type 0x04)")
        witness = cls(check_name(parts[0]), key[1:])
        if witness.id.hex() != parts[1]:
            raise NoteError("the key's id does not belong to its name and key")
        return witness

    def times_of(self, note: str) -> tuple[int, ...]:
        """When this witness cosigned the checkpoint, in seconds since 1970, in order; empty when it did not.

        Raises:
            NoteError: malformed, or a line of this very key does not hold: then nothing in the note is to be
                relied on (C2SP signed-note, «Signatures»).
        """
        text, signatures = split_note(note)
        mine = [blob[4:] for name, blob in signatures if name == self.name and blob[:4] == self.id]
        return tuple(sorted(self._time(blob, text) for blob in mine))

    def _time(self, blob: bytes, text: str) -> int:
        if len(blob) != _TIMED.size:
            raise NoteError(f"the cosignature of `{self.name}` is not {_TIMED.size} bytes")
        time, signature = _TIMED.unpack(blob)
        if time > _LAST_SECOND:
            raise NoteError(f"the cosignature of `{self.name}` bears no time that a calendar has")
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, _message(time, text))
        except InvalidSignature:
            raise NoteError(f"the cosignature of `{self.name}` does not belong to the checkpoint's text") from None
        return int(time)


@dataclass(frozen=True)
class Cosigner:
    """A witness's private key, under its name."""

    name: str
    private: Ed25519PrivateKey

    @property
    def key(self) -> WitnessKey:
        """The public half."""
        return WitnessKey(self.name, self.private.public_key().public_bytes_raw())

    def line(self, text: str, time: int) -> str:
        """The signature line over a checkpoint's text at a time (C2SP tlog-cosignature, «Ed25519 signed message»)."""
        signature = self.private.sign(_message(time, text))
        return f"— {self.name} {b64(self.key.id + _TIMED.pack(time, signature))}\n"


def cosigned_line(note: str, answer: str, key: WitnessKey) -> tuple[str, int]:
    """The line by a witness's key in its answer, and its time; lines of unknown keys are ignored (C2SP tlog-witness).

    Raises:
        NoteError: there is none, or it does not hold.
    """
    text, _ = split_note(note)
    for line in answer.splitlines(keepends=True):
        if line.startswith(f"— {key.name} ") and (times := key.times_of(f"{text}\n{line}")):
            return line, times[0]
    raise NoteError(f"there is no cosignature by `{key}` in it")


def check_name(name: str) -> str:
    """A key's name as C2SP signed-note permits it; raises NoteError when it is not one."""
    if not name or len(name) > 200 or not name.isprintable() or any(sign.isspace() or sign == "+" for sign in name):
        raise NoteError(f"`{name[:60]!r}` is no name of a key: printable, without spaces and `+`")
    return name


def shown_time(seconds: int) -> str:
    """A time for people, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _message(time: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()
