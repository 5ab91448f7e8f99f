"""Key files of a ledger: the private key as PEM that only its owner can read, the public one as a verifier key."""

import base64
import binascii
import contextlib
import os
import re
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from charter.runtime.ledger.checkpoint import NoteError, Signer, VerifierKey
from charter.runtime.ledger.errors import Tampered, Unavailable

_MAX_KEY_BYTES = 16 << 10
_PEM = re.compile(rb"\s*-----BEGIN PRIVATE KEY-----\s([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----\s*")
_PKCS8_PREFIX = bytes.fromhex("302e020100300506032b657004220420")
"""What stands before the 32 bytes of an Ed25519 private key in DER (RFC 8410, section 7)."""


def load_signer(path: Path, origin: str) -> Signer:
    """The signer of the private key in a PEM file.

    Raises:
        Unavailable: missing, readable by others, or not an Ed25519 key.
    """
    return Signer(origin, load_private(path))


def create_signer(path: Path, origin: str) -> Signer:
    """The signer of the key file, which is created (mode 0600, never overwritten) when there is none."""
    if not os.path.lexists(path):
        create_private(path)
    return load_signer(path, origin)


def create_private(path: Path) -> None:
    """Write a new private key into a file that is not there yet."""
    create_file(path, _pem(Ed25519PrivateKey.generate()), 0o600)


def start_rotation(path: Path, origin: str) -> Signer:
    """A new key beside the one in force; one that an interrupted rotation left is taken."""
    return create_signer(_next_path(path), origin)


def finish_rotation(path: Path, signer: Signer, named: str) -> Signer:
    """Put the new key in the place of the old one, once the ledger names it; the signer to use.

    Also what an interrupted rotation left is finished so. The old private key is kept under another name: it can
    sign nothing any more that would count, and whoever must destroy it can.
    """
    following = _next_path(path)
    if str(signer.verifier) == named or not os.path.lexists(following):
        return signer
    new = load_signer(following, signer.verifier.origin)
    if str(new.verifier) != named:
        return signer
    try:
        public = path.with_suffix(".pub")
        draft = public.with_name(f".{public.name}.{secrets.token_hex(8)}")
        create_file(draft, f"{new.verifier}\n".encode(), 0o644)
        draft.replace(public)
        retired = path.with_name(f"{path.name}.retired-{signer.verifier.id.hex()}")
        retired.unlink(missing_ok=True)
        retired.hardlink_to(path)
        following.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        raise Unavailable("key file cannot be written", f"`{path}`: {error.strerror}.") from None
    return new


def _next_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.next")


def write_public_key(path: Path, key: VerifierKey) -> None:
    """Put the verifier key into its file; raises Tampered when the file holds another key."""
    if not os.path.lexists(path):
        create_file(path, f"{key}\n".encode(), 0o644)
    if load_public_key(path, key.origin).public != key.public:
        raise Tampered(
            "public key is another ledger's",
            f"`{path}` does not belong to the ledger's private key. If the key was replaced on purpose, "
            "start a new ledger; otherwise restore both from a backup.",
        )


def load_public_key(path: Path, origin: str | None) -> VerifierKey:
    """The key in a file: a C2SP verifier key, or a PEM public key (which needs the origin).

    Raises:
        Unavailable: missing, unreadable, or neither.
    """
    data = _read(path, "public key")
    try:
        if data.startswith(b"-----BEGIN"):
            from cryptography.hazmat.primitives.serialization import load_pem_public_key

            key = load_pem_public_key(data)
            if not isinstance(key, Ed25519PublicKey) or origin is None:
                raise NoteError("the PEM file does not hold an Ed25519 public key")
            return VerifierKey(origin, key.public_bytes_raw())
        return VerifierKey.parse(data.decode())
    except (NoteError, ValueError, UnsupportedAlgorithm) as error:
        raise Unavailable(
            "public key is not usable",
            f"`{path}` is neither a verifier key (`origin+id+base64`) nor a PEM Ed25519 public key: {error}.",
        ) from None


def load_private(path: Path) -> Ed25519PrivateKey:
    """The private key in a PEM file; raises Unavailable as `load_signer`."""
    key = _ed25519(_read(path, "private key", private=True))
    if not isinstance(key, Ed25519PrivateKey):
        raise Unavailable(
            "ledger key is not usable",
            f"`{path}` is not an unencrypted Ed25519 private key in PEM. Restore it from a backup; "
            "a new key cannot sign for this ledger.",
        )
    return key


def _pem(key: Ed25519PrivateKey) -> bytes:
    """PKCS #8 in PEM, unencrypted; always one line, and to write it here spares the library's loader (see below)."""
    der = base64.b64encode(_PKCS8_PREFIX + key.private_bytes_raw())
    return b"-----BEGIN PRIVATE KEY-----\n" + der + b"\n-----END PRIVATE KEY-----\n"


def _ed25519(pem: bytes) -> object:
    """The private key in a PEM file; None when there is none.

    The form that we write is read here: the library's loader, which knows every form, costs a tenth of a short command.
    """
    if match := _PEM.fullmatch(pem):
        with contextlib.suppress(binascii.Error):
            der = base64.b64decode(b"".join(match[1].split()), validate=True)
            if der.startswith(_PKCS8_PREFIX) and len(der) == len(_PKCS8_PREFIX) + 32:
                return Ed25519PrivateKey.from_private_bytes(der[len(_PKCS8_PREFIX) :])
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _read(path: Path, what: str, *, private: bool = False) -> bytes:
    try:
        # Non-blocking, so that a pipe put in place of the key cannot hang us.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Unavailable(f"{what} is not a file", f"`{path}` is not a regular file.")
            if private and status.st_mode & 0o077:
                raise Unavailable(
                    "ledger key is open to others",
                    f"`{path}` has the mode {stat.S_IMODE(status.st_mode):04o}: other users could sign the ledger. "
                    f"Run `chmod 600 {path}`, and think about who may have read it.",
                )
            return file.read(_MAX_KEY_BYTES)
    except FileNotFoundError:
        raise Unavailable(f"{what} is missing", f"There is no `{path}`. Restore it from a backup.") from None
    except OSError as error:
        raise Unavailable(f"{what} is not readable", f"`{path}`: {error.strerror}.") from None


def create_file(path: Path, data: bytes, mode: int) -> None:
    """Write a whole file that must not exist yet: complete or absent after a crash; the first of two processes wins."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, mode)
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            os.link(draft, path)
        finally:
            draft.unlink()
        sync_directory(path.parent)
    except FileExistsError:
        return
    except OSError as error:
        raise Unavailable("file cannot be written", f"`{path}`: {error.strerror}.") from None


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
