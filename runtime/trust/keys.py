"""Ed25519 keys of people: read private and public halves, name them by fingerprint, make a new pair."""

import base64
import binascii
import contextlib
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from charter.runtime.failure import ExitCode, Failure

_LARGEST = 64 * 1024
_SSH_TYPE = "ssh-ed25519"
_WEAK_Y = frozenset(
    bytes.fromhex(y)
    for y in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)
"""Points of small order (RFC 8032, section 8.9): signatures under them can be made without a secret."""

Passphrase = Callable[[], bytes]
"""Asks a person for a key's passphrase; called only for keys that need one."""


@dataclass(frozen=True)
class PublicKey:
    """The public half: 32 bytes (RFC 8032)."""

    raw: bytes

    @cached_property
    def id(self) -> str:
        """`SHA256:` and the unpadded base64 fingerprint of the SSH key blob, as `ssh-keygen -l` prints it."""
        digest = hashlib.sha256(_ssh_blob(self.raw)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @cached_property
    def line(self) -> str:
        """The key as an SSH public key line, without a comment."""
        return f"{_SSH_TYPE} {base64.b64encode(_ssh_blob(self.raw)).decode()}"

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether `signature` over `message` was made with the private half."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The private half; it never leaves the process and has no text form."""

    secret: Ed25519PrivateKey
    public: PublicKey

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature over `message`."""
        return self.secret.sign(message)

    def __repr__(self) -> str:
        return f"PrivateKey({self.public.id})"


def _ssh_blob(raw: bytes) -> bytes:
    name = _SSH_TYPE.encode()
    return len(name).to_bytes(4, "big") + name + len(raw).to_bytes(4, "big") + raw


def _strong(raw: bytes, where: str) -> PublicKey:
    without_sign = raw[:31] + bytes([raw[31] & 0x7F])
    if without_sign in _WEAK_Y:
        raise Failure(
            "a weak public key",
            f"{where} is a point of small order: anyone could sign for it. "
            "Make a new pair with `charter keys new PATH`.",
        )
    return PublicKey(raw)


def generate() -> PrivateKey:
    """A new random pair, in memory."""
    return _wrap(Ed25519PrivateKey.generate())


def _wrap(secret: Ed25519PrivateKey) -> PrivateKey:
    raw = secret.public_key().public_bytes_raw()
    return PrivateKey(secret, PublicKey(raw))


def parse_public_key(data: bytes, where: str) -> PublicKey:
    """The public key in `data`: one `ssh-ed25519 AAAA...` line, or PEM.

    Args:
        data: the file's bytes.
        where: what to call it in messages, "`ann.pub`".

    Raises:
        Failure: empty, a private key, another kind of key, more than one key, or no key at all.
    """
    text = data.strip()
    from cryptography.hazmat.primitives import serialization  # a tenth of a short command: for those that need it

    if not text:
        raise Failure("an empty key file", f"{where} is empty. It should hold one `{_SSH_TYPE} AAAA...` line.")
    if b"PRIVATE KEY" in text:
        raise Failure(
            "a private key where a public one belongs",
            f"{where} is a private key, which nobody but its owner should hold. Give the public half: "
            "the file that ends in `.pub`, or what `ssh-keygen -y -f KEY` prints.",
        )
    try:
        if text.startswith(b"-----BEGIN"):
            key: object = serialization.load_pem_public_key(text)
        else:
            if len(text.splitlines()) > 1:
                raise Failure("more than one key", f"{where} has several lines. Give one public key a file.")
            key = serialization.load_ssh_public_key(text)
    except (ValueError, UnsupportedAlgorithm, binascii.Error) as error:
        raise Failure(
            "not a public key",
            f"{where} is neither an `{_SSH_TYPE} AAAA...` line nor a PEM public key. "
            "Make a pair with `charter keys new PATH`, or with `ssh-keygen -t ed25519`.",
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise _not_ed25519(where)
    return _strong(key.public_bytes_raw(), where)


def read_public_key(path: Path) -> PublicKey:
    """The public key in a file.

    Raises:
        Failure: no such file, or `parse_public_key` refuses it.
    """
    return parse_public_key(_read(path, private=False), f"`{path}`")


def read_private_key(path: Path, passphrase: Passphrase | None = None) -> PrivateKey:
    """The private key in a file: OpenSSH format or PEM (PKCS #8).

    Args:
        path: the key file, which only its owner may read, as ssh demands.
        passphrase: asks for the passphrase of an encrypted key; None: nobody can be asked.

    Raises:
        Failure: no such file, readable by others, encrypted without a passphrase, or not an Ed25519 key.
    """
    where = f"`{path}`"
    data = _read(path, private=True)
    if not data.strip():
        raise Failure("an empty key file", f"{where} is empty. Make a pair with `charter keys new PATH`.")
    if b"PRIVATE KEY" not in data:
        public = data.lstrip().startswith((b"ssh-", b"-----BEGIN PUBLIC"))
        raise Failure(
            "not a private key",
            f"{where} is {'the public half of a key' if public else 'no key that can sign'}. "
            "Give the private key file: OpenSSH format or PEM (PKCS #8).",
        )
    key = _load_private(data, None, where)
    if key is None:
        if passphrase is None:
            raise Failure(
                "the key needs a passphrase",
                f"{where} is encrypted and there is no terminal to ask for its passphrase. "
                "Run this command in a terminal.",
            )
        key = _load_private(data, passphrase(), where)
    if not isinstance(key, Ed25519PrivateKey):
        raise _not_ed25519(where)
    return _wrap(key)


def _load_private(data: bytes, password: bytes | None, where: str) -> object | None:
    """The key, or None when a passphrase is needed and none was given."""
    from cryptography.hazmat.primitives import serialization

    load = (
        serialization.load_ssh_private_key
        if b"BEGIN OPENSSH PRIVATE KEY" in data
        else serialization.load_pem_private_key
    )
    try:
        return load(data, password)
    except TypeError:
        return None  # the library's way to say that the key is encrypted
    except UnsupportedAlgorithm as error:
        raise Failure(
            "the key cannot be opened",
            f"{where} is encrypted in a way that needs the `bcrypt` package (`pip install bcrypt`), "
            "or is of a kind that is not supported. `charter keys new PATH --protect` makes a pair with a "
            "passphrase that needs nothing more.",
            exit_code=ExitCode.ENVIRONMENT,
        ) from error
    except ValueError as error:
        if password is None and b"ENCRYPTED" in data:
            return None
        wrong = "was not opened by this passphrase, or is damaged" if password is not None else "is damaged"
        raise Failure("the key cannot be read", f"{where} {wrong}.") from error


def _not_ed25519(where: str) -> Failure:
    return Failure(
        "not an Ed25519 key",
        f"{where} is a key of another kind. Charter signs with Ed25519 only: make a pair with "
        "`charter keys new PATH`, or with `ssh-keygen -t ed25519`.",
    )


def _read(path: Path, *, private: bool) -> bytes:
    what = "private key" if private else "public key"
    try:
        # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the name is not a path"
        raise Failure("cannot read a key", f"`{path}`, given as {what}: {reason}.") from error
    try:
        _check_file(path, os.fstat(handle), what, private=private)
        return os.read(handle, _LARGEST + 1)
    finally:
        os.close(handle)


def _check_file(path: Path, status: os.stat_result, what: str, *, private: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "not an ordinary file"
        raise Failure("cannot read a key", f"`{path}`, given as {what}, is {kind}.")
    if status.st_size > _LARGEST:
        raise Failure("cannot read a key", f"`{path}` has {status.st_size} bytes; no {what} is that large.")
    if private and os.name == "posix" and status.st_mode & 0o077:
        raise Failure(
            "others can read the private key",
            f"`{path}` has permissions {stat.S_IMODE(status.st_mode):04o}, so it may not be yours alone. "
            f"If nobody has copied it, run `chmod 600 {path}` and try again; else make a new pair.",
        )


def write_pair(path: Path, passphrase: bytes | None = None) -> PrivateKey:
    """Make a pair: the private half at `path` (mode 0600), the public half at `path` with `.pub` added.

    Without a passphrase the private half has OpenSSH's format; with one it is encrypted PEM (PKCS #8).

    Raises:
        Failure: one of the files exists, or cannot be written.
    """
    from cryptography.hazmat.primitives import serialization

    public_path = path.with_name(path.name + ".pub")
    key = generate()
    private_format = serialization.PrivateFormat.OpenSSH if passphrase is None else serialization.PrivateFormat.PKCS8
    encryption: serialization.KeySerializationEncryption = (
        serialization.NoEncryption() if passphrase is None else serialization.BestAvailableEncryption(passphrase)
    )
    secret = key.secret.private_bytes(serialization.Encoding.PEM, private_format, encryption)
    for file in (path, public_path):
        if file.exists() or file.is_symlink():
            raise _exists(file)
    _write_new(path, secret, 0o600)
    try:
        _write_new(public_path, f"{key.public.line} {path.name}\n".encode(), 0o644)
    except Failure:
        path.unlink()
        raise
    return key


def _write_new(path: Path, data: bytes, mode: int) -> None:
    try:
        # O_EXCL also refuses a symbolic link, so that nothing is written through one.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise _exists(path) from error
    except (OSError, ValueError) as error:
        raise _cannot_write(path, error) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()
        raise _cannot_write(path, error) from error


def _exists(path: Path) -> Failure:
    return Failure(
        "the key exists",
        f"`{path}` is there already and is never overwritten. Choose another name for the new pair.",
    )


def _cannot_write(path: Path, error: OSError | ValueError) -> Failure:
    reason = error.strerror if isinstance(error, OSError) else "the name is not a path"
    return Failure("cannot write a key", f"`{path}`: {reason}.", exit_code=ExitCode.ENVIRONMENT)
