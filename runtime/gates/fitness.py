"""Whether a bundle may be loaded at all: it is what its digest says, and nothing in it reaches outside."""

from charter.compiler.ir import Bundle
from charter.compiler.rego.digest import bundle_digest
from charter.compiler.rego.unfit import unfit_modules
from charter.runtime.gates.engine import EngineFailure


def require_fit(bundle: Bundle) -> None:
    """Check a bundle before an engine sees it; it may come from another machine, or from nobody's compiler.

    Raises:
        EngineFailure: `bundle_altered` or `bundle_refused`.
    """
    if bundle_digest(bundle) != bundle.digest:
        message = "the bundle's content is not what its digest says; compile the charter again"
        raise EngineFailure("bundle_altered", message)
    for problem in unfit_modules(bundle.modules):
        message = f"`{problem.path}`, line {problem.line} of the bundle: {problem.detail}"
        raise EngineFailure("bundle_refused", message)
