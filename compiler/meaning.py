"""The digest of what a charter means: places, comments, spelling, version string and pins are no part of it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from charter.compiler import model
from charter.compiler.canonical import digest_of
from charter.compiler.ir import IR
from charter.compiler.normal import normal_body


def meaning_digest(ir: IR) -> str:
    """SHA-256 over declarations, controls and graph without places; an approval binds this."""
    lifecycle = _placeless(ir.lifecycle)
    del lifecycle["version"]
    return digest_of(
        {
            "edition": ir.edition,
            "lifecycle": lifecycle,
            "parameters": ir.parameters,
            "roles": [_placeless(role) for role in ir.roles],
            "declarations": {key: declared.digest for key, declared in ir.declarations.items()},
            "controls": [_placeless(control) for control in ir.controls],
            "waivers": [_placeless(waiver) for waiver in ir.waivers],
            "stages": [_placeless(stage) for stage in ir.stages],
            "edges": ir.edges,
        }
    )


def normal_form_digest(charter: model.Charter, files: Mapping[str, str]) -> str:
    """SHA-256 over what the declarations of a baseline say, which `extends` pins: reformatting does not change it.

    Args:
        files: digests of the Rego and schema files that it names, by path: what stands in them is demanded, too.
    """
    declared = {item.subject: normal_body(item, charter) for item in charter.all()}
    for body in declared.values():
        # Who a baseline extends is in what it says already; where that lies is not.
        body.pop("extends", None)
    return digest_of({"declarations": declared, "files": files})


def _placeless(node: msgspec.Struct) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(node)
    del fields["place"]
    return fields
