"""Which roles there are to fill: a misspelt role would be filled by people whom no gate ever asks."""

import difflib

from charter.runtime.failure import Failure
from charter.runtime.project import Project
from charter.runtime.trust.root import TrustRoot


def charter_roles(project: Project) -> frozenset[str]:
    """Roles that the charters beside the trust root name, as far as they can be read."""
    from charter.dsl.load import load_source
    from charter.dsl.parse import parse

    found = set()
    for path in sorted(project.root.glob("*.charter")):
        source, _ = load_source(path) if path.is_file() else (None, ())
        if source is not None:
            tree, _ = parse(source)
            found |= {declared.name.text for declared in tree.declarations if declared.kind == "role"}
    return frozenset(found)


def refuse_unknown_roles(project: Project, trust: TrustRoot, roles: tuple[str, ...]) -> None:
    """Refuse a role that neither a charter here nor the trust root knows.

    Raises:
        Failure: there is such a role.
    """
    known = charter_roles(project) | trust.current.roles.keys()
    for role in roles:
        if role not in known:
            near = difflib.get_close_matches(role, known, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else "Nobody would ever be asked to act in it."
            raise Failure(
                "no such role",
                f"no charter in `{project.root}` and nobody in the trust root has the role `{role}`. {hint} "
                "Declare it in the charter first, or say `--new-role` if it comes later.",
            )
