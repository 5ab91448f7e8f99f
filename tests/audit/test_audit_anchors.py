"""What witnesses cosigned goes with a capsule, and its stand-alone verifier reads it."""

import zipfile

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from charter.runtime.ledger.anchors import add_cosigned, read_anchors
from charter.runtime.ledger.cosignature import Cosigner


def test_cosignatures_go_with_the_capsule(own, audit, tmp_path):
    cosigner = Cosigner("other.example/witness", Ed25519PrivateKey.generate())
    note = read_anchors(own.checkpoints_path)[-1]
    cosigned = note + cosigner.line(note.partition("\n\n")[0] + "\n", 1796000000)
    add_cosigned(own.checkpoints_path, cosigned)

    capsule = tmp_path / "c.zip"
    assert audit("capsule", "-o", capsule, project=own)[0] == 0
    with zipfile.ZipFile(capsule) as file:
        assert cosigned in file.read("ledger/anchors.txt").decode()
        (tmp_path / "anchors").write_bytes(file.read("ledger/anchors.txt"))
    code, out, _ = audit("check-capsule", capsule)
    assert code in (0, 6) and "finding" not in out, out

    copy = ("verify", "--ledger", own.ledger_path, "--anchors", tmp_path / "anchors")
    assert audit(*copy)[0] == 6
    code, out, _ = audit(*copy, "--witness", cosigner.key)
    assert (code, "by witnesses" in out) == (0, True)
