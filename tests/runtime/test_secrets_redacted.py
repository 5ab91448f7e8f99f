"""Secrets that stages inherit reach neither the ledger nor anything that is made or shown of it."""

import base64
import json
import sqlite3

import msgspec
import pytest
from sandbox import Sandbox

from charter.compiler.ir import IR
from charter.runtime.executor import Ending, Outcome
from charter.runtime.secrets_redacted import MOST_DETAIL, redactor, without_secrets

PASSWORD = 'hunter2-"correct\\horse'
TOKEN = "tok-9f8e7d6c5b4a"
PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----"
_STEPS = """
def raises(context):
    print("connecting with", os.environ["DB_PASSWORD"])
    os.write(2, ("x" * 200 + chr(10)).encode() * 100)
    print("token is", os.environ["SERVICE_TOKEN"], flush=True)
    raise ValueError("cannot log in with " + os.environ["DB_PASSWORD"] + " at postgres://u:pw-in-address@db/x")

def refuses(context):
    from charter.runtime.stages.api import StageRefused
    raise StageRefused("no answer for " + os.environ["SERVICE_TOKEN"], repr(os.environ["DB_PASSWORD"]))

def tells(context):
    result = made(context)
    other = context.out / "other"
    other.write_text("x")
    told = [Evidence("rows", 1), Evidence("dialect", "as " + os.environ["DB_PASSWORD"])]
    return StageResult(result.artifacts | {os.environ["SERVICE_TOKEN"]: other}, told)
"""
_SECRETS = (PASSWORD, TOKEN, "pw-in-address")


def test_no_secret_reaches_anything_that_is_kept_or_shown(sandbox: Sandbox) -> None:
    sandbox.steps(_STEPS)
    others = [f'dataset {name} {{\n  source python "steps:{name}"\n}}\n' for name in ("raises", "refuses")]
    sandbox.chain(["tells", "step"], head="\n".join(others))
    environment = {"DB_PASSWORD": PASSWORD, "SERVICE_TOKEN": TOKEN}
    done = sandbox.charter("run", env=environment)
    assert done.code == 1, done
    assert done.out.count("[secret DB_PASSWORD]") >= 3
    told = {event.body["stage"]: json.dumps(event.body) for event in sandbox.of_kind("stage.failed")}
    told |= {event.body["stage"]: json.dumps(event.body) for event in sandbox.of_kind("stage.finished")}
    assert [name for name, text in told.items() if "[secret DB_PASSWORD]" not in text] == ["acquire/d1"]
    shown = [done.out, done.err]
    for command in (
        ("report", "-o", "report.html"),
        ("status",),
        ("audit", "capsule", "-o", "a.zip"),
        ("audit", "log"),
    ):
        more = sandbox.charter(*command, env=environment)
        shown += [more.out, more.err]
    for form in ("jsonl", "csv", "oscal", "ocsf"):
        shown.append(sandbox.charter("audit", "export", "--format", form, env=environment).out)
    with sqlite3.connect(sandbox.root / ".charter" / "ledger.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    files = [path for path in sandbox.root.rglob("*") if path.is_file() and not path.name.startswith("steps.")]
    assert {"ledger.db", "report.html", "a.zip"} <= {path.name for path in files}
    for secret in _SECRETS:
        for spelt in (secret, json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode()):
            assert not [text for text in shown if spelt in text], secret
            for path in files:
                assert spelt.encode() not in path.read_bytes(), (secret, path.name)


@pytest.fixture(scope="module")
def ir(tmp_path_factory: pytest.TempPathFactory) -> IR:
    """A charter that names a secret."""
    from charter.compiler.compile import compile_charter

    sandbox = Sandbox(tmp_path_factory.mktemp("named"))
    sandbox.steps()
    sandbox.chain(["step"])
    compiled = compile_charter(sandbox.root / "chain.charter", overrides={}).ir
    assert compiled is not None
    stage = msgspec.structs.replace(compiled.stages[0], spec={"hosted": {"secret": "WAREHOUSE"}})
    return msgspec.structs.replace(compiled, stages=(stage, *compiled.stages[1:]))


@pytest.mark.parametrize(
    ("name", "hidden"),
    [("WAREHOUSE", True), ("aws_secret_access_key", True), ("GITHUB_TOKENS", True), ("DB_PWD", True), ("APIKEY", True),
     ("MY_CREDENTIALS", True), ("PWD", False), ("OLDPWD", False), ("TOKENIZERS_PARALLELISM", False), ("HOME", False)],
)  # fmt: skip
def test_which_variables_are_secrets(ir: IR, name: str, hidden: bool) -> None:
    redact = redactor(ir, {name: "value-of-it"})
    assert redact("it is value-of-it.") == (f"it is [secret {name}]." if hidden else "it is value-of-it.")


def test_every_usual_spelling_is_found(ir: IR) -> None:
    redact = redactor(ir, {"A_KEY": PASSWORD, "B_KEY": PASSWORD + "-longer", "C_KEY": PEM, "D_KEY": "short"})
    for spelt in (PASSWORD, json.dumps(PASSWORD)[1:-1], repr(PASSWORD), base64.b64encode(PASSWORD.encode()).decode()):
        assert "A_KEY" in redact(f"<{spelt}>")
        assert "horse" not in redact(f"<{spelt}>")
    assert redact(PASSWORD + "-longer") == "[secret B_KEY]"
    assert "b3Blbn" not in redact("line b3BlbnNzaC1rZXktdjEAAAAA alone")
    assert redact("short") == "short"


def test_shapes_of_secrets_need_no_variable(ir: IR) -> None:
    redact = redactor(ir, {})
    assert redact(f"a {PEM} b") == "a [secret private key] b"
    assert "b3Blbn" not in redact(PEM[:60])
    assert "b3Blbn" not in redact(PEM[40:])
    assert redact("Authorization: Bearer abc.def-123456") == "Authorization: Bearer [secret Bearer]"
    assert redact("postgres://me:pass@db/x") == "postgres://[secret password in an address]db/x"
    for plain in ("https://bank.example/a?b=c", "the bearer of this", "sha256:" + "0" * 64, "a: b@c", ""):
        assert redact(plain) == plain


def test_nothing_is_cut_before_it_is_looked_through(ir: IR) -> None:
    redact = redactor(ir, {"A_KEY": "secret-value-of-it"})
    detail = "x" * (MOST_DETAIL - 205) + "secret-value-of-it" + "y" * 9000 + " (steps.py, line 7)."
    made = without_secrets(Outcome(Ending.RAISED, 1.0, 1, detail=detail), redact).detail
    assert len(made) <= MOST_DETAIL
    assert "secret-v" not in made
    assert made.endswith("(steps.py, line 7).")
