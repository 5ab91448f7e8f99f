"""Made the files beside it, once: what others say about the ledger of ledger-v1. Run again, it makes other ones."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "ledger"))

from time_authority import Authority  # noqa: E402

from charter.runtime.anchoring.stamps import add_stamp  # noqa: E402
from charter.runtime.ledger.anchors import add_cosigned, read_anchors  # noqa: E402
from charter.runtime.ledger.checkpoint import read_note  # noqa: E402
from charter.runtime.ledger.cosignature import Cosigner  # noqa: E402
from charter.runtime.ledger.timestamp import make_request, read_stamp  # noqa: E402

if __name__ == "__main__":
    note = read_anchors(HERE.parent / "ledger-v1" / "charter.checkpoints")[-1]
    text = note.partition("\n\n")[0] + "\n"
    cosigner = Cosigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes([2] * 32)))
    add_cosigned(HERE / "charter.checkpoints", note + cosigner.line(text, 1796000000))
    (HERE / "witness.pub").write_text(f"{cosigner.key}\n")
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder), shutil.which("openssl") or "openssl")
        answer = authority.reply(make_request(text)[0])
        shutil.copy(authority.ca, HERE / "tsa-ca.pem")
    add_stamp(HERE / "charter.timestamps", read_note(note).size, answer)
    expected = {"size": read_note(note).size, "cosigned": 1796000000, "stamped": read_stamp(answer, text).time}
    (HERE / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")
