"""What witnesses cosigned goes along with a copy of a ledger or with a capsule, as a file of checkpoints."""

import shutil

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from charter.runtime.ledger.anchors import add_cosigned, read_anchors
from charter.runtime.ledger.cosignature import Cosigner


def test_cosignatures_go_with_a_copy_and_are_no_obstacle_in_a_pin(own, audit, tmp_path):
    cosigner = Cosigner("other.example/witness", Ed25519PrivateKey.generate())
    note = read_anchors(own.checkpoints_path)[-1]
    cosigned = note + cosigner.line(note.partition("\n\n")[0] + "\n", 1796000000)
    add_cosigned(own.checkpoints_path, cosigned)
    anchors = tmp_path / "anchors"
    shutil.copy(own.checkpoints_path, anchors)

    capsule = tmp_path / "c.zip"
    assert audit("capsule", "-o", capsule, project=own)[0] == 0
    assert audit("check-capsule", capsule, "--pin", anchors)[0] == 0

    copy = ("verify", "--ledger", own.ledger_path, "--anchors", anchors)
    assert audit(*copy)[0] == 6
    code, out, _ = audit(*copy, "--witness", cosigner.key)
    assert (code, "by witnesses" in out) == (0, True)
