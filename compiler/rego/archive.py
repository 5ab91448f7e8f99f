"""Writes a bundle as OPA reads it: a `.tar.gz` with `.manifest`, `data.json` and the modules, always the same bytes."""

import gzip
import io
import tarfile

import msgspec

from charter.compiler.ir import Bundle

SIGNATURES = ".signatures.json"
TESTS = "charter/bundle_test.rego"
_TESTS = """# METADATA
# title: What `opa test` tries on this bundle, whatever its charter says
package charter.bundle_test

import data.charter.main
import data.charter.plan

test_there_are_gates if count(plan.gates) > 0

test_nothing_asked_is_denied if not main.decision.allow with input as {}

test_every_gate_denies_when_nothing_is_known if {
	every gate, _ in plan.gates {
		not main.decision.allow with input as {"transition": {"gate": gate}}
	}
}

test_another_lifecycle_is_denied if {
	every gate, _ in plan.gates {
		not main.decision.allow with input as {"lifecycle": {"name": ""}, "transition": {"gate": gate}}
	}
}
"""


def bundle_files(bundle: Bundle) -> dict[str, bytes]:
    """The bundle's files by path, without a signature."""
    manifest = {"revision": bundle.revision, "roots": bundle.roots, "rego_version": 1}
    return {
        ".manifest": _json(manifest),
        "data.json": _json(bundle.data),
        TESTS: _TESTS.encode(),
        **{path: text.encode() for path, text in bundle.modules.items()},
    }


def bundle_archive(bundle: Bundle, signatures: bytes | None = None) -> bytes:
    """The bundle as a file for `opa eval -b`, `opa run -b`, Conftest or a bundle server.

    Ask it for `data.charter.main.decision`; the input's schema is `policies/schema/input.schema.json`.
    `signatures` is the content of `.signatures.json`.
    """
    files = bundle_files(bundle) | ({} if signatures is None else {SIGNATURES: signatures})
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(files):
            about = tarfile.TarInfo(f"/{path}")
            about.size = len(files[path])
            about.mode = 0o644
            archive.addfile(about, io.BytesIO(files[path]))
    # Neither the clock nor a file name goes in: one bundle, one archive.
    return gzip.compress(plain.getvalue(), mtime=0)


def _json(document: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"
