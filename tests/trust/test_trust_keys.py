"""Keys of people: formats, fingerprints, and files that are not what they should be."""

import os
import shutil
import stat
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from charter.runtime.failure import Failure
from charter.runtime.trust import keys


def _write(path, data: bytes, mode: int = 0o600):
    path.write_bytes(data)
    path.chmod(mode)
    return path


def _pem(secret, private_format=serialization.PrivateFormat.PKCS8, password=None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return secret.private_bytes(serialization.Encoding.PEM, private_format, encryption)


def test_a_new_pair_signs_and_is_private(tmp_path):
    made = keys.write_pair(tmp_path / "ann.key")
    private = keys.read_private_key(tmp_path / "ann.key")
    public = keys.read_public_key(tmp_path / "ann.key.pub")
    assert made.public == private.public == public
    assert public.verifies(private.sign(b"text"), b"text")
    assert not public.verifies(private.sign(b"text"), b"Text")
    assert stat.S_IMODE((tmp_path / "ann.key").stat().st_mode) == 0o600
    assert "PrivateKey(SHA256:" in repr(private)


def test_nothing_is_overwritten(tmp_path):
    keys.write_pair(tmp_path / "a")
    before = (tmp_path / "a").read_bytes()
    with pytest.raises(Failure, match="the key exists"):
        keys.write_pair(tmp_path / "a")
    (tmp_path / "b.pub").symlink_to(tmp_path / "nowhere")
    with pytest.raises(Failure, match="the key exists"):
        keys.write_pair(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == before
    assert not (tmp_path / "b").exists()


def test_a_file_that_appears_meanwhile_is_not_overwritten_either(tmp_path):
    (tmp_path / "k").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("k", "link"):
        with pytest.raises(Failure, match="the key exists"):
            keys._write_new(tmp_path / name, b"new", 0o600)
    assert (tmp_path / "k").read_text() == "mine" and not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")
def test_ssh_keygen_agrees(tmp_path):
    key = keys.write_pair(tmp_path / "k")
    shown = subprocess.run(["ssh-keygen", "-lf", tmp_path / "k.pub"], capture_output=True, text=True, check=True).stdout
    assert key.public.id in shown
    printed = subprocess.run(["ssh-keygen", "-yf", tmp_path / "k"], capture_output=True, check=True).stdout
    assert keys.parse_public_key(printed, "it") == key.public
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "theirs"], check=True)
    private = keys.read_private_key(tmp_path / "theirs")
    assert private.public == keys.read_public_key(tmp_path / "theirs.pub")


def test_a_known_fingerprint():
    # The host key of github.com; its fingerprint is published in GitHub's documentation.
    line = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl github.com"
    assert keys.parse_public_key(line, "it").id == "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"


def test_pem_is_read(tmp_path):
    secret = keys.generate().secret
    pem = secret.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = keys.read_private_key(_write(tmp_path / "k", _pem(secret)))
    assert keys.parse_public_key(pem, "it") == private.public


def test_a_passphrase_is_asked_for_only_when_needed(tmp_path):
    asked = []

    def ask() -> bytes:
        asked.append(1)
        return b"correct horse"

    keys.read_private_key(_write(tmp_path / "plain", _pem(keys.generate().secret)), ask)
    assert not asked
    made = keys.write_pair(tmp_path / "k", b"correct horse")
    assert keys.read_private_key(tmp_path / "k", ask).public == made.public
    assert asked
    with pytest.raises(Failure, match="the key needs a passphrase"):
        keys.read_private_key(tmp_path / "k")
    with pytest.raises(Failure) as caught:
        keys.read_private_key(tmp_path / "k", lambda: b"wrong")
    assert caught.value.summary == "the key cannot be read"


@pytest.mark.parametrize(
    ("data", "summary"),
    [
        (b"", "an empty key file"),
        (b"\x00\xff\x00garbage", "not a private key"),
        (b"ssh-ed25519 AAAA", "not a private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "the key cannot be read"),
        (
            b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
            "the key cannot be read",
        ),
        (b"-----BEGIN PRIVATE KEY-----", "the key cannot be read"),
        (_pem(rsa.generate_private_key(65537, 2048)), "not an Ed25519 key"),
        (
            _pem(ec.generate_private_key(ec.SECP256R1()), serialization.PrivateFormat.TraditionalOpenSSL),
            "not an Ed25519 key",
        ),
        (
            _pem(ec.generate_private_key(ec.SECP256R1()), serialization.PrivateFormat.OpenSSH),
            "not an Ed25519 key",
        ),
        (b"PRIVATE KEY" * 10_000, "cannot read a key"),
    ],
)
def test_a_file_that_is_no_private_key(tmp_path, data, summary):
    with pytest.raises(Failure) as caught:
        keys.read_private_key(_write(tmp_path / "k", data), lambda: b"x")
    assert caught.value.summary == summary


@given(st.binary(max_size=300))
def test_no_bytes_are_a_surprise(data):
    with pytest.raises(Failure):
        keys.parse_public_key(data, "it")
    with pytest.raises(Failure):
        keys.parse_public_key(b"ssh-ed25519 " + data, "it")
    with pytest.raises(Failure):
        keys.parse_public_key(b"-----BEGIN PUBLIC KEY-----\n" + data, "it")


def test_others_must_not_be_able_to_read_it(tmp_path):
    path = _write(tmp_path / "k", _pem(keys.generate().secret), 0o644)
    with pytest.raises(Failure, match="others can read the private key") as caught:
        keys.read_private_key(path)
    assert "chmod 600" in caught.value.detail


def test_things_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "missing", tmp_path / "x\0y"):
        with pytest.raises(Failure, match="cannot read a key"):
            keys.read_private_key(path)


def test_a_private_key_is_not_taken_for_a_public_one():
    secret = _pem(keys.generate().secret)
    with pytest.raises(Failure, match="a private key where a public one belongs") as caught:
        keys.parse_public_key(secret, "`ann.key`")
    assert secret.decode().split("\n")[1] not in caught.value.detail


def test_public_keys_of_other_kinds():
    other = rsa.generate_private_key(65537, 2048).public_key()
    line = other.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    with pytest.raises(Failure, match="not an Ed25519 key"):
        keys.parse_public_key(line, "it")
    good = keys.generate().public.line.encode()
    with pytest.raises(Failure, match="more than one key"):
        keys.parse_public_key(good + b"\n" + good, "it")


def test_keys_of_small_order_are_refused():
    for y in keys._WEAK_Y:
        for sign in (0, 0x80):
            raw = y[:31] + bytes([y[31] | sign])
            with pytest.raises(Failure, match="a weak public key"):
                keys._strong(raw, "it")
    assert {_order_divides_eight(y) for y in keys._WEAK_Y} == {True}
    assert not _order_divides_eight(keys.generate().public.raw)


P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


def _order_divides_eight(raw: bytes) -> bool:
    """Whether eight times the point is the neutral element (RFC 8032, section 5.1.4)."""
    y = int.from_bytes(raw, "little") % (1 << 255) % P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert x * x % P == square
    for _ in range(3):
        product = D * x * x * y * y % P
        x, y = 2 * x * y * pow(1 + product, -1, P) % P, (y * y + x * x) * pow(1 - product, -1, P) % P
    return (x, y) == (0, 1)
