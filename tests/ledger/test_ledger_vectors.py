"""The frozen ledgers verify for ever, and so does a second verifier written from docs/ledger-format.md alone."""

import base64
import hashlib
import json
import re
import shutil
import sqlite3
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from charter.runtime.anchoring.stamps import read_stamps
from charter.runtime.ledger import Ledger
from charter.runtime.ledger.anchors import read_anchors
from charter.runtime.ledger.cosignature import WitnessKey
from charter.runtime.ledger.keys import load_public_key
from charter.runtime.ledger.outside import Trust
from charter.runtime.ledger.proof import check_proof
from charter.runtime.ledger.timestamp import read_authorities
from charter.runtime.ledger.verify import Verdict, verify_ledger

VECTORS = Path(__file__).parents[1] / "vectors" / "ledger-v1"
SPECIFICATION = Path(__file__).parents[2] / "docs" / "ledger-format.md"


@pytest.fixture
def frozen(tmp_path):
    return shutil.copytree(VECTORS, tmp_path / "vectors")


@pytest.fixture
def expected():
    return json.loads((VECTORS / "expected.json").read_text())


def test_the_frozen_ledger_verifies(frozen, expected):
    key = load_public_key(frozen / "ledger.pub", None)
    assert str(key) == expected["key"]
    report = verify_ledger(frozen / "ledger.db", pins=read_anchors(frozen / "charter.checkpoints"), public_key=key)
    assert (report.verdict, report.findings) == (Verdict.ANCHORED, ())
    assert (report.size, report.root.hex(), report.pins) == (expected["size"], expected["root"], 2)
    with Ledger.open_read_only(frozen / "ledger.db", key=key) as ledger:
        events = list(ledger.events())
    assert events[0].body["note"] == 'Grüße, "\\\n\u2028</script>'
    assert events[0].time == "2026-11-22T07:03:39.000000Z"
    header, body, _ = check_proof((frozen / "proof.json").read_bytes().removesuffix(b"\n"), key)
    assert (header.seq, header.idem, body["allow"]) == (1, "gate-1", False)


def test_the_frozen_anchors_of_others_count(frozen):
    given = VECTORS.with_name("anchors-v1")
    expected = json.loads((given / "expected.json").read_text())
    authorities = read_authorities((given / "tsa-ca.pem").read_bytes())
    witness = WitnessKey.parse((given / "witness.pub").read_text())

    def verdict(**trust):
        return verify_ledger(
            frozen / "ledger.db",
            local_pins=read_anchors(given / "charter.checkpoints"),
            stamps=read_stamps(given / "charter.timestamps"),
            trust=Trust(**trust),
        )

    assert verdict().verdict is Verdict.NOT_ANCHORED
    by_witness, by_authority = verdict(witnesses=[witness]), verdict(authorities=authorities)
    assert (by_witness.verdict, by_witness.anchored) == (Verdict.ANCHORED, expected["size"])
    assert by_witness.outside[-1].time == expected["cosigned"]
    assert (by_authority.verdict, by_authority.anchored) == (Verdict.ANCHORED, expected["size"])
    assert by_authority.outside[0].time == expected["stamped"]


def test_a_verifier_written_from_the_specification_agrees(frozen, expected):
    """Standard library and an Ed25519 primitive; nothing of ours. Reads §2's expression from the page itself."""
    page = SPECIFICATION.read_text()
    parts = re.search(r"```\n(\\\{\"body.*?)```", page, re.DOTALL)[1]
    header_form = re.compile(parts.replace("\n", "").encode())
    sha = lambda data: hashlib.sha256(data).digest()  # noqa: E731

    def root(leaves):
        if len(leaves) == 1:
            return leaves[0]
        split = 1 << ((len(leaves) - 1).bit_length() - 1)
        return sha(b"\x01" + root(leaves[:split]) + root(leaves[split:]))

    con = sqlite3.connect(f"file:{frozen / 'ledger.db'}?mode=ro&immutable=1", uri=True)
    prev, leaves, last = "0" * 64, [], ""
    for seq, number, header, salt, body in con.execute("SELECT * FROM record ORDER BY seq"):
        found = header_form.fullmatch(header)
        committed, h_idem, kind, log, h_prev, h_seq, subject, time = (part.decode() for part in found.groups())
        assert (h_prev, int(h_seq), log) == (prev, seq, "charter/vectors")
        assert number == int.from_bytes(sha(h_idem.encode())[:6], "big")
        assert time >= last
        assert len(salt) == 16
        assert committed == sha(b"charter/ledger/v1/body\0" + salt + body).hex()
        if h_idem != "gate-1":
            derived = b"charter/ledger/v1/idem\0" + kind.encode() + b"\0" + subject.encode() + b"\0" + body
            assert h_idem == sha(derived).hex()
        for item in json.loads(body).get("attachments", {}).values():
            digest = item["digest"].removeprefix("sha256:")
            (data,) = con.execute("SELECT data FROM attachment WHERE digest = ?", (digest,)).fetchone()
            assert (sha(data).hex(), len(data)) == (digest, item["size"])
        leaves.append(sha(b"\x00" + header))
        prev, last = leaves[-1].hex(), time
    assert root(leaves).hex() == expected["root"]
    assert con.execute("SELECT n, hash FROM tile").fetchall() == [(0, root(leaves[:256]))]
    assert root(leaves[:256]).hex() == expected["tile_0"]
    (origin, key, note) = con.execute("SELECT origin, key, checkpoint FROM log").fetchone()
    text, signature = note.split("\n\n")
    assert text == f"{origin}\n300\n{base64.b64encode(root(leaves)).decode()}"
    name, key_id, encoded = key.split("+", 2)
    public = base64.b64decode(encoded)
    assert sha(name.encode() + b"\n" + public)[:4].hex() == key_id
    blob = base64.b64decode(signature.split(" ")[2])
    assert blob[:4].hex() == key_id
    Ed25519PublicKey.from_public_bytes(public[1:]).verify(blob[4:], f"{text}\n".encode())


def test_the_schema_on_the_page_is_that_of_the_file(frozen):
    con = sqlite3.connect(f"file:{frozen / 'ledger.db'}?mode=ro&immutable=1", uri=True)
    stored = [sql for (sql,) in con.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")]
    page = re.search(r"```sql\n(.*?)```", SPECIFICATION.read_text(), re.DOTALL)[1]
    assert page.strip().split("\n") == stored
