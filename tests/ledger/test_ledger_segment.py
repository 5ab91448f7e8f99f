"""Sealed segments verify alone, whatever range they hold, and nothing in them can be changed unseen."""

import gzip
import json
import random

import pytest
from click.testing import CliRunner
from ledger_samples import ORIGIN, fill, opened

from charter.runtime.cli.audit_seal import audit_check_segment, audit_seal
from charter.runtime.ledger import Event, Ledger, Refused, Unavailable, anchor, keys
from charter.runtime.ledger.administration import Keeper
from charter.runtime.ledger.custody import erase, rotate_key
from charter.runtime.ledger.merkle import TILE, Frontier, inclusion_holds, inclusion_proof, subtree_of_tiles
from charter.runtime.ledger.segment import seal, verify_segment


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """600 records, an attachment at 3 and 550, a change of keys at 401; checkpoints of both keys."""
    folder = tmp_path_factory.mktemp("home")
    with opened(folder) as ledger:
        fill(ledger, 3)
        ledger.append([Event("test.attached", "thing:1", {}, attachments={"in": b"\x00\xff"})])
        fill(ledger, 397, first=4)
        anchor(ledger, folder / "early.checkpoints")
        (folder / "first.pub").write_bytes((folder / "ledger.pub").read_bytes())
        rotate_key(ledger, folder / "ledger.key", "yearly", Keeper("ana"))
        fill(ledger, 149, first=500)
        ledger.append([Event("test.attached", "thing:2", {}, attachments={"in": b"\x00\xff"})])
        fill(ledger, 49, first=700)
        anchor(ledger, folder / "late.checkpoints")
    return folder


@pytest.mark.parametrize(
    ("first", "end"), [(0, 601), (0, 1), (3, 4), (255, 257), (256, 512), (257, 600), (600, 601), (1, 401), (500, 601)]
)
def test_any_range_verifies_alone_under_either_key(home, tmp_path, first, end):
    with Ledger.open_read_only(home / "ledger.db") as ledger:
        seal(ledger, first, end, tmp_path / "segment")
        seal(ledger, first, end, tmp_path / "again")
    assert (tmp_path / "segment").read_bytes() == (tmp_path / "again").read_bytes()
    for name in ("first.pub", "ledger.pub"):
        report = verify_segment(tmp_path / "segment", key=keys.load_public_key(home / name, None))
        assert (report.findings, report.first, report.end, report.origin) == ([], first, end, ORIGIN)
        assert (report.bodies_missing, report.attachments_missing, report.anchored) == (0, 0, False)


def test_pins_anchor_a_segment(home, tmp_path):
    with Ledger.open_read_only(home / "ledger.db") as ledger:
        seal(ledger, 100, 601, tmp_path / "segment")
        seal(ledger, 100, 401, tmp_path / "early")
    runner = CliRunner()
    for file, pins, code in (
        ("segment", "late", 0),
        ("segment", "early", 6),
        ("early", "early", 0),
        ("early", "late", 0),
    ):
        arguments = [str(tmp_path / file), "--pin", str(home / f"{pins}.checkpoints"), "--key", str(home / "first.pub")]
        result = runner.invoke(audit_check_segment, arguments)
        assert result.exit_code == code, result.output
    assert json.loads(runner.invoke(audit_check_segment, [*arguments, "--json"]).output)["last"] == 400
    thief = keys.create_signer(tmp_path / "thief.key", ORIGIN)
    assert verify_segment(tmp_path / "early", key=thief.verifier).findings


def test_no_change_goes_unseen(home, tmp_path):
    with Ledger.open_read_only(home / "ledger.db") as ledger:
        seal(ledger, 398, 410, tmp_path / "segment")
    whole = gzip.decompress((tmp_path / "segment").read_bytes())
    key = keys.load_public_key(home / "first.pub", None)
    changed = tmp_path / "changed"

    def tampered(data):
        changed.write_bytes(gzip.compress(data, 1))
        return bool(verify_segment(changed, key=key).findings)

    assert not tampered(whole)
    chance = random.Random()
    for _ in range(60):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        assert tampered(bytes(data)), bytes(data)
    lines = whole.splitlines(keepends=True)
    for at in range(len(lines)):
        assert tampered(b"".join(lines[:at] + lines[at + 1 :]))
        assert tampered(b"".join(lines[:at]))
        assert tampered(b"".join(lines[: at + 1] + lines[at:]))
    assert tampered(b"") and tampered(whole + b"{}\n") and tampered(whole.replace(b"\n", b"", 1))
    compressed = (tmp_path / "segment").read_bytes()
    for data in (compressed[:-9], compressed[:20], b"", b"text", compressed + b"x"):
        changed.write_bytes(data)
        assert verify_segment(changed, key=key).findings


def test_an_attachment_counts_too(home, tmp_path):
    with Ledger.open_read_only(home / "ledger.db") as ledger:
        seal(ledger, 0, 10, tmp_path / "segment")
    lines = gzip.decompress((tmp_path / "segment").read_bytes()).splitlines(keepends=True)
    (tmp_path / "less").write_bytes(gzip.compress(b"".join(lines[:-1])))
    assert verify_segment(tmp_path / "less").attachments_missing == 1
    for data, check in ((b"AP8B", "attachment"), (b"AP9=", "file")):
        (tmp_path / "other").write_bytes(gzip.compress(b"".join(lines).replace(b"AP8=", data)))
        assert [finding.check for finding in verify_segment(tmp_path / "other").findings] == [check]


def test_an_erased_body_stays_erased_and_is_said(tmp_path):
    with opened(tmp_path) as ledger:
        fill(ledger, 5)
        erase(ledger, [2], "x", Keeper("ana"))
        seal(ledger, 1, 4, tmp_path / "segment")
    report = verify_segment(tmp_path / "segment")
    assert (report.bodies_missing, report.findings) == (1, [])


def test_refusals(home, tmp_path):
    result = CliRunner().invoke(
        audit_seal, [str(tmp_path / "one"), "--ledger", str(home / "ledger.db"), "--from", "5", "--to", "9"]
    )
    assert result.exit_code == 0, result.output
    assert "records 5 to 9 sealed" in result.output
    with Ledger.open_read_only(home / "ledger.db") as ledger:
        with pytest.raises(Unavailable, match="segment exists"):
            seal(ledger, 0, 3, tmp_path / "one")
        for first, end in ((3, 3), (0, 602), (-1, 3)):
            with pytest.raises(Refused, match="no such records"):
                seal(ledger, first, end, tmp_path / "two")
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    with pytest.raises(Unavailable, match="not readable"):
        verify_segment(tmp_path / "none")


def test_sealing_and_checking_say_how_far_they_are(tmp_path):
    sealing, checking = [], []
    with opened(tmp_path) as ledger:
        fill(ledger, 600)
        seal(ledger, 5, 590, tmp_path / "part", progress=lambda *at: sealing.append(at))
    verify_segment(tmp_path / "part", progress=lambda *at: checking.append(at))
    assert sealing == [(251, 585), (507, 585)]
    assert checking[-1] == (585, 585) and len(checking) > 1 and checking == sorted(checking)


def test_a_path_among_a_million_records_has_640_bytes():
    """Over made-up leaves: 10^6 records are 3906 whole tiles of 256 and 64 records more."""
    size, seq, leaf = 1_000_000, 654_321, bytes(32)
    frontier = Frontier()
    tiles = frontier.extend([leaf] * size)
    path = inclusion_proof(seq, size, subtree_of_tiles(tiles, lambda tile: [leaf] * min(TILE, size - tile * TILE)))
    assert (len(path), sum(map(len, path))) == (20, 640)
    assert inclusion_holds(leaf, seq, size, path, frontier.root())
    assert not inclusion_holds(leaf, seq, size, [*path[:-1], leaf], frontier.root())
