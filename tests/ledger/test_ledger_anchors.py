"""Anchors: what a file of signed checkpoints holds, and what it shows."""

import pytest
from ledger_samples import fill, opened

from charter.runtime.ledger import Tampered, anchor
from charter.runtime.ledger.anchors import read_anchors


def test_anchors_are_a_file_of_signed_checkpoints_each_size_once(tmp_path, ledger):
    file = tmp_path / "charter.checkpoints"
    notes = []
    for n in range(3):
        fill(ledger, 1, first=n)
        assert anchor(ledger, file)
        assert not anchor(ledger, file)
        notes.append(ledger.checkpoint())
    assert read_anchors(file) == notes


def test_a_ledger_older_than_its_anchor_is_not_appended_to(tmp_path):
    file = tmp_path / "charter.checkpoints"
    with opened(tmp_path) as ledger:
        fill(ledger, 2)
    old = (tmp_path / "ledger.db").read_bytes()
    with opened(tmp_path, anchor_path=file) as ledger:
        fill(ledger, 2, first=2)
        anchor(ledger, file)
    with opened(tmp_path, anchor_path=file) as ledger:
        assert ledger.size == 4
    (tmp_path / "ledger.db").write_bytes(old)
    with pytest.raises(Tampered, match="rolled back"):
        opened(tmp_path, anchor_path=file)
    with opened(tmp_path) as ledger:
        fill(ledger, 9, first=50)
    with pytest.raises(Tampered, match="rewritten"):
        opened(tmp_path, anchor_path=file)
    (tmp_path / "ledger.db").unlink()
    with pytest.raises(Tampered, match="anchored ledger is missing"):
        opened(tmp_path, anchor_path=file)
