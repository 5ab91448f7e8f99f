"""A baseline by itself: what can be proved of it before any charter extends it, and the digest to pin it by."""

from pathlib import Path

from charter.compiler.compile import CompileResult, in_order
from charter.compiler.doubt import doubt_of
from charter.compiler.files import ProjectFiles
from charter.compiler.gather import baseline_digest, gather
from charter.compiler.graph import LifecycleGraph
from charter.compiler.named import read_named_files
from charter.compiler.passes import BASELINE_PASSES, Context
from charter.compiler.resolve import resolve
from charter.dsl.diagnostics import has_errors
from charter.dsl.load import load_source


def check_baseline(path: Path) -> tuple[CompileResult, str | None]:
    """Prove of a baseline what does not depend on the charters that extend it.

    Returns:
        the findings, and the digest for `extends`; None where there are errors.
    """
    source, refused = load_source(path)
    if source is None:
        return CompileResult(None, refused), None
    gathered = gather(path, source, template=True)
    home = path.absolute().parent
    charter = resolve(gathered.tree, {})
    files = ProjectFiles(home)
    doubt = doubt_of(gathered)
    context = Context(
        charter,
        LifecycleGraph(),
        files,
        read_named_files(charter, files),
        overrides={},
        will_run=False,
        complete=doubt.complete,
        gathered=gathered,
    )
    examined = (finding for examine in BASELINE_PASSES for finding in examine(context) if not doubt.covers(finding))
    findings = in_order([*gathered.findings, *context.named.findings, *examined])
    digest = None if has_errors(findings) else baseline_digest(gathered.tree, home)
    return CompileResult(None, findings, gathered.sources, charter), digest
