"""Charter's own OPA: guarded by its token, without our secrets, and gone when we are; TLS to an OPA elsewhere."""

import datetime
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import gate_samples as s
import psutil
import pytest
import requests

from charter.runtime.failure import ExitCode, Failure
from charter.runtime.gates.choose import open_engine
from charter.runtime.gates.decide import decide
from charter.runtime.gates.engine import EngineFailure
from charter.runtime.gates.input import build_input
from charter.runtime.gates.loopback import LoopbackServer, find_opa
from charter.runtime.gates.server import ServerAddress, ServerEngine
from charter.runtime.store import digest_file

OPA = find_opa()
BUNDLE = s.bundle(s.requirement())
GOOD = build_input(s.document(BUNDLE), s.facts(evidence=(s.evidence(),)))

opa = pytest.mark.opa
needs_opa = pytest.mark.usefixtures("opa")


def gone(pid: int) -> bool:
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


@opa
@needs_opa
def test_nobody_else_may_ask(opa_server: LoopbackServer) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        for path in ("/v1/data", "/v1/policies", "/v1/config", "/health"):
            answer = requests.get(opa_server.address.url + path, headers=headers, timeout=5)
            assert answer.status_code == 401, path


@opa
@needs_opa
def test_only_this_machine_is_listened_to(opa_server: LoopbackServer) -> None:
    assert opa_server.pid is not None
    listening = [item for item in psutil.Process(opa_server.pid).net_connections() if item.status == "LISTEN"]
    assert [item.laddr.ip for item in listening] == ["127.0.0.1"]


@opa
@needs_opa
def test_no_secret_of_ours_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARTER_TEST_SECRET", "hunter2")
    assert OPA is not None
    server = LoopbackServer(OPA)
    engine = ServerEngine(server.address)
    answer = engine._client.ad_hoc_query("x := opa.runtime()")
    assert "hunter2" not in str(answer)
    assert server.pid is not None
    assert server.token not in " ".join(psutil.Process(server.pid).cmdline())
    engine.close()
    server.close()


@opa
@needs_opa
def test_a_decision_says_which_program_decided() -> None:
    assert OPA is not None
    with open_engine("opa") as engine:
        engine.load(BUNDLE)
        decision = decide(engine, BUNDLE, GOOD)
        assert decision.engine_digest == digest_file(OPA).digest


@opa
@needs_opa
def test_of_a_server_that_was_not_started_here_the_program_is_unknown(opa_server: LoopbackServer) -> None:
    engine = ServerEngine(opa_server.address)
    assert engine.digest == "unknown"
    engine.close()


@opa
@needs_opa
def test_close_stops_it_and_leaves_nothing() -> None:
    assert OPA is not None
    server = LoopbackServer(OPA)
    pid, folder = server.pid, server._folder
    assert pid is not None
    assert folder.exists()
    server.close()
    server.close()
    assert gone(pid)
    assert not folder.exists()


@opa
@needs_opa
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_dies_with_its_parent(how: signal.Signals) -> None:
    program = (
        "import sys, time\n"
        "from charter.runtime.gates.loopback import LoopbackServer, find_opa\n"
        "server = LoopbackServer(find_opa())\n"
        "print(server.pid, server._folder, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid, folder = parent.stdout.readline().split()
    try:
        parent.send_signal(how)
        parent.wait()
        assert gone(int(pid))
    finally:
        parent.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("#!/bin/sh\necho 'no such flag' >&2\nexit 1\n", "no such flag"),
        ("#!/bin/sh\nexit 0\n", "it says nothing"),
        ("not a program", "opa"),
    ],
    ids=["fails", "ends", "no program"],
)
def test_opa_that_does_not_start(tmp_path: Path, script: str, words: str) -> None:
    fake = tmp_path / "opa"
    fake.write_text(script)
    fake.chmod(0o755)
    with pytest.raises(EngineFailure, match="does not start") as caught:
        LoopbackServer(str(fake))
    assert words in caught.value.message


def test_no_opa_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPA_BIN", "/nonexistent/opa")
    with pytest.raises(Failure) as caught, open_engine("opa"):
        pass
    assert caught.value.summary == "no opa command"
    assert caught.value.exit_code == ExitCode.ENVIRONMENT


@opa
@needs_opa
def test_open_engine_starts_and_stops_its_own() -> None:
    with open_engine("opa") as engine:
        engine.load(BUNDLE)
        assert decide(engine, BUNDLE, GOOD).allow
        assert engine.version[0].isdigit()
        assert isinstance(engine, ServerEngine)
        port = int(engine.address.url.rpartition(":")[2])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


@opa
@needs_opa
def test_open_engine_at_an_address(opa_server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARTER_OPA_TOKEN", opa_server.token)
    with open_engine("opa", url=opa_server.address.url) as engine:
        engine.load(BUNDLE)
        assert (engine.name, decide(engine, BUNDLE, GOOD).allow) == ("opa", True)


def test_open_engine_at_no_address() -> None:
    with pytest.raises(Failure) as caught, open_engine("opa", url="http://opa.example.org:8181"):
        pass
    assert "not encrypted" in caught.value.detail
    assert caught.value.exit_code == ExitCode.WRONG_INPUT


def test_open_engine_embedded_by_default() -> None:
    with open_engine("embedded") as engine:
        engine.load(BUNDLE)
        assert decide(engine, BUNDLE, GOOD).allow


# --- TLS ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority of our own, a server on 127.0.0.1 and a client, as PEM files."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = tmp_path_factory.mktemp("tls")
    now = datetime.datetime.now(datetime.UTC)

    def make(
        name: str, authority: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None
    ) -> tuple[x509.Name, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        issuer, signer = authority or (subject, key)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
        )
        if authority is None:
            usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        certificate = builder.sign(signer, hashes.SHA256())
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return subject, key

    authority = make("ca", None)
    make("server", authority)
    make("client", authority)
    make("other", None)
    return folder


@pytest.fixture
def tls_server(certificates: Path) -> Iterator[str]:
    """A real OPA that speaks TLS and asks for a client's certificate."""
    assert OPA is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [OPA, "run", "--server", "--addr", f"https://127.0.0.1:{port}", "--log-level", "error", "--disable-telemetry",
         "--tls-cert-file", "server.pem", "--tls-private-key-file", "server.key",
         "--tls-ca-cert-file", "ca.pem", "--authentication", "tls"],
        cwd=certificates,
    )  # fmt: skip
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"https://127.0.0.1:{port}"
    process.terminate()
    process.wait()


@opa
@needs_opa
def test_own_authority_and_client_certificate(tls_server: str, certificates: Path) -> None:
    client = (certificates / "client.pem", certificates / "client.key")
    engine = ServerEngine(ServerAddress(tls_server, ca=certificates / "ca.pem", certificate=client))
    engine.load(BUNDLE)
    assert decide(engine, BUNDLE, GOOD).allow
    engine.close()


@opa
@needs_opa
def test_commands_take_the_client_certificate_from_the_environment(
    tls_server: str, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARTER_OPA_CERT", str(certificates / "client.pem"))
    monkeypatch.setenv("CHARTER_OPA_KEY", str(certificates / "client.key"))
    monkeypatch.setenv("CHARTER_OPA_SECONDS", "30")
    with open_engine(None, url=tls_server, ca=certificates / "ca.pem") as engine:
        engine.load(BUNDLE)
        assert decide(engine, BUNDLE, GOOD).allow


@pytest.mark.parametrize(
    ("variables", "ca", "said"),
    [
        ({"CHARTER_OPA_CERT": "here.pem"}, None, "takes both"),
        ({"CHARTER_OPA_KEY": "here.pem"}, None, "takes both"),
        ({"CHARTER_OPA_CERT": "away.pem", "CHARTER_OPA_KEY": "here.pem"}, None, "`$CHARTER_OPA_CERT` names `away.pem`"),
        ({}, "away.pem", "`--opa-ca` names `away.pem`"),
        ({"CHARTER_OPA_SECONDS": "soon"}, None, "not a number of seconds"),
        ({"CHARTER_OPA_SECONDS": "-1"}, None, "not a number of seconds"),
        ({"CHARTER_OPA_SECONDS": "nan"}, None, "not a number of seconds"),
    ],
)
def test_what_the_environment_says_wrong_is_said(
    variables: dict[str, str], ca: str | None, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "here.pem").touch()
    monkeypatch.chdir(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Failure) as caught, open_engine("opa", url="https://127.0.0.1:9", ca=Path(ca) if ca else None):
        pass
    assert said in caught.value.detail


@opa
@needs_opa
@pytest.mark.parametrize(
    ("ca", "client"),
    [(None, "client"), ("other", "client"), ("ca", None), ("ca", "other")],
    ids=["authority unknown", "other authority", "no client certificate", "client of another authority"],
)
def test_who_cannot_be_trusted_is_not_asked(
    tls_server: str, certificates: Path, ca: str | None, client: str | None
) -> None:
    engine = ServerEngine(
        ServerAddress(
            tls_server,
            ca=certificates / f"{ca}.pem" if ca else None,
            certificate=(certificates / f"{client}.pem", certificates / f"{client}.key") if client else None,
        )
    )
    with pytest.raises(EngineFailure) as caught:
        engine.load(BUNDLE)
    assert caught.value.code == "engine_unreachable"
    engine.close()
