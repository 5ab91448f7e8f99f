"""Makes the frozen ledger of format 1. Run once; a change of the format makes a new folder, not a new run."""

import json
from hashlib import sha256, shake_256
from pathlib import Path
from unittest import mock

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from charter.runtime.ledger import Event, Ledger, anchor
from charter.runtime.ledger.merkle import leaf_hash

HERE = Path(__file__).parent
ORIGIN = "charter/vectors"


def main() -> None:
    key_path = HERE / "ledger.key"
    key = Ed25519PrivateKey.from_private_bytes(sha256(b"charter test vectors").digest())
    key_path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key_path.chmod(0o600)
    numbers = iter(range(10**6))
    ticks = iter(range(1_795_331_019_000_000_000, 2**63, 1_000_000))
    with (
        mock.patch("os.urandom", lambda length: shake_256(b"salts %d" % next(numbers)).digest(length)),
        Ledger.open(
            HERE / "ledger.db", key_path=key_path, origin=ORIGIN, create=True, clock=lambda: next(ticks)
        ) as ledger,
    ):
        ledger.append([Event("run.opened", "run:1", {"actor": "ana", "note": 'Grüße, "\\\n\u2028</script>'})])
        anchor(ledger, HERE / "charter.checkpoints")
        ledger.append(
            [Event("gate.decided", "train.exit", {"allow": False}, "gate-1", attachments={"input": b'{"auc": 0.70}'})]
        )
        ledger.append([Event("test.event", f"thing:{n}", {"n": n, "value": f"0.{n}"}) for n in range(298)])
        anchor(ledger, HERE / "charter.checkpoints")
        (HERE / "proof.json").write_bytes(ledger.prove(1) + b"\n")
        size, root = ledger.size, ledger.root
        with ledger._store.snapshot() as reader:
            expected = {
                "size": size,
                "root": root.hex(),
                "first_leaf": leaf_hash(reader.rows(0, 1)[0].header).hex(),
                "last_leaf": leaf_hash(reader.rows(299, 300)[0].header).hex(),
                "tile_0": reader.tiles(0, 1)[0][1].hex(),
                "key": str(ledger.key),
            }
    (HERE / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")
    key_path.unlink()


main()
