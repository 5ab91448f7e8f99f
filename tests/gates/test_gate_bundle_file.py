"""The bundle as a file of its own: signed as OPA verifies it, served by `opa run -b`, asked as Conftest asks."""

import contextlib
import io
import json
import socket
import subprocess
import tarfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gate_samples as s
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from gate_cases import recorded_cases

from charter.compiler import ir
from charter.compiler.rego.archive import bundle_archive
from charter.runtime.failure import Failure
from charter.runtime.gates.loopback import find_opa
from charter.runtime.gates.signature import signed_archive

KEYS: dict[str, Any] = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": rsa.generate_private_key(65537, 2048),
}


def bundle() -> ir.Bundle:
    nasty = 'x"]} \n\t\x01\x7f <&> {{ 7 * 7 }} \u2028\u2029 \U0001f600 ü'
    return s.bundle(s.requirement(), s.requirement(id=nasty, metric=nasty, text=nasty, bound=1e-7), s.approval())


def written(key: Any, folder: Path) -> tuple[Path, Path]:
    """Files of the private and of the public key."""
    secret, public = folder / "key.pem", folder / "key.pub"
    encoding = serialization.Encoding.PEM
    secret.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    public.write_bytes(key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo))
    return secret, public


def verify(archive: bytes, public: Path, algorithm: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """`opa build`, which verifies what it reads."""
    (folder / "b.tar.gz").write_bytes(archive)
    return opa(
        "build", "-b", "b.tar.gz", "-o", "out.tar.gz", "--verification-key", str(public), "--signing-alg", algorithm,
        at=folder,
    )  # fmt: skip


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
@pytest.mark.opa
@pytest.mark.usefixtures("opa")
def test_opa_verifies_the_signature(tmp_path: Path, algorithm: str) -> None:
    secret, public = written(KEYS[algorithm], tmp_path)
    done = verify(signed_archive(bundle(), secret), public, algorithm, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", ["data.json", ".manifest", "charter/main.rego", "charter/more.rego"])
@pytest.mark.opa
@pytest.mark.usefixtures("opa")
def test_opa_refuses_a_changed_bundle(tmp_path: Path, path: str) -> None:
    secret, public = written(KEYS["ES256"], tmp_path)
    done = verify(changed(signed_archive(bundle(), secret), path), public, "ES256", tmp_path)
    assert done.returncode != 0


@pytest.mark.opa
@pytest.mark.usefixtures("opa")
def test_opa_refuses_an_unsigned_bundle_and_another_key(tmp_path: Path) -> None:
    secret, public = written(KEYS["ES256"], tmp_path)
    assert verify(bundle_archive(bundle()), public, "ES256", tmp_path).returncode != 0
    signed = signed_archive(bundle(), secret)
    _, other = written(ec.generate_private_key(ec.SECP256R1()), tmp_path)
    assert verify(signed, other, "ES256", tmp_path).returncode != 0


@pytest.mark.opa
@pytest.mark.usefixtures("opa")
def test_opa_run_serves_a_verified_bundle_and_decides_as_the_runtime(tmp_path: Path) -> None:
    """Every recorded input of one bundle, asked of `opa run -b` over HTTP."""
    recorded = recorded_cases()
    asked = Counter(case.bundle.revision for case in recorded).most_common(1)[0][0]
    cases = [case for case in recorded if case.bundle.revision == asked]
    assert len(cases) > 10
    secret, public = written(KEYS["ES256"], tmp_path)
    (tmp_path / "b.tar.gz").write_bytes(signed_archive(cases[0].bundle, secret))
    with served(tmp_path / "b.tar.gz", public) as url:
        for case in cases:
            theirs = ask(f"{url}/v1/data/charter/main/decision", case.input)
            if case.decision.failure is None:
                assert theirs["allow"] is case.decision.allow, case.test
                assert sorted(theirs["evaluated"]) == list(case.decision.evaluated)
                for part in ("violations", "warnings", "obligations"):
                    assert alike(theirs[part]) == alike(getattr(case.decision, part)), case.test
            else:
                assert theirs["allow"] is False
            denied = ask(f"{url}/v1/data/charter/conftest/deny", case.input)
            assert bool(denied) is not theirs["allow"], "Conftest's answer is the decision's"
            assert {item["msg"] for item in denied} >= {item["message"] for item in theirs["violations"]}
            warned = ask(f"{url}/v1/data/charter/conftest/warn", case.input)
            assert {item["msg"] for item in warned} == {item["message"] for item in theirs["warnings"]}
        assert ask(f"{url}/v1/data/charter/conftest/deny", b"{}"), "what cannot be decided is denied"


def test_unfit_keys_are_refused(tmp_path: Path) -> None:
    secret, _ = written(ed25519.Ed25519PrivateKey.generate(), tmp_path)
    for path, said in ((secret, "P-256"), (tmp_path / "key.pub", "no unencrypted private key"), (tmp_path, "read")):
        with pytest.raises(Failure, match="signing key") as caught:
            signed_archive(bundle(), path)
        assert said in caught.value.detail


def test_charter_compile_writes_it(tmp_path: Path) -> None:
    from charter.runtime.cli.compile import compile_

    charter = tmp_path / "x.charter"
    charter.write_text(
        'charter 1\n\nlifecycle x {\n  version "1"\n  owner "o@example.org"\n  purpose "Y."\n  risk minimal\n'
        '  use policies core\n}\n\ndataset d {\n  source csv "d.csv"\n}\n'
    )
    (tmp_path / "d.csv").write_text("a\n1\n")
    secret, _ = written(KEYS["ES256"], tmp_path)
    plain, signed = tmp_path / "plain.tar.gz", tmp_path / "signed.tar.gz"
    for arguments in (["--bundle", plain], ["--bundle", signed, "--bundle-key", secret]):
        done = CliRunner().invoke(compile_, [str(item) for item in (charter, *arguments)])
        assert done.exit_code == 0, done.output
    assert set(names(signed.read_bytes())) - set(names(plain.read_bytes())) == {"/.signatures.json"}
    for arguments in (["--bundle-key", secret], ["--bundle", charter], ["--bundle", secret, "--bundle-key", secret]):
        done = CliRunner().invoke(compile_, [str(item) for item in (charter, *arguments)])
        assert isinstance(done.exception, Failure), done.output


def alike(items: Any) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True) for item in items)


def names(archive: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return opened.getnames()


def changed(archive: bytes, path: str) -> bytes:
    """The archive with one file changed, or added."""
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive)) as old, tarfile.open(fileobj=made, mode="w:gz") as new:
        files = {item.name: old.extractfile(item).read() for item in old}  # type: ignore[union-attr]
        before = files.get(f"/{path}", b"package more\n")
        files[f"/{path}"] = before.replace(b'"sample', b'"simple') if path != "charter/main.rego" else before + b"\n"
        for name, content in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            new.addfile(about, io.BytesIO(content))
    return made.getvalue()


@contextlib.contextmanager
def served(archive: Path, public: Path) -> Iterator[str]:
    """`opa run --server` with a verified bundle, on a free port of this machine."""
    command = find_opa()
    assert command is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [command, "run", "--server", "--addr", f"127.0.0.1:{port}", "--log-level", "error", "--disable-telemetry",
         "--verification-key", str(public), "--signing-alg", "ES256", "-b", str(archive)],
        cwd=archive.parent,
    )  # fmt: skip
    try:
        for _ in range(600):
            assert process.poll() is None, "opa does not start"
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
                assert answer.status == 200
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def ask(url: str, data: bytes) -> Any:
    question = urllib.request.Request(url, b'{"input":' + data + b"}", {"Content-Type": "application/json"})
    with urllib.request.urlopen(question) as answer:
        return json.load(answer).get("result")


def opa(*arguments: str, at: Path) -> "subprocess.CompletedProcess[str]":
    command = find_opa()
    assert command is not None
    return subprocess.run([command, *arguments], cwd=at, capture_output=True, text=True, check=False)
