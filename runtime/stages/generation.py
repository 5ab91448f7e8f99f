"""Stages of models that make text: compiled with all their gates, and refused here by name until they can be run."""

from charter.runtime.stages.api import StageContext, StageRefused, StageResult


def train(context: StageContext) -> StageResult:
    """Train, fine-tune or align a model that makes text, or reach one that is hosted."""
    ways = [way for way in ("fine-tuned from", "aligned with", "hosted at") if way in context.spec]
    raise _not_yet(context, " and ".join(f"`{way}`" for way in ways) or "the training of a model that makes text")


def evaluate(context: StageContext) -> StageResult:
    """Have a model make texts, and measure them."""
    raise _not_yet(context, "the evaluation of texts that a model makes")


def deploy(context: StageContext) -> StageResult:
    """Bring a model that makes text into service."""
    raise _not_yet(context, "the deployment of a model that makes text")


def monitor(context: StageContext) -> StageResult:
    """Watch a model that makes text."""
    raise _not_yet(context, "a monitor of texts that a model makes")


def _not_yet(context: StageContext, what: str) -> StageRefused:
    return StageRefused(
        "not run yet",
        f"`{context.name}` asks for {what}. The charter is proved and compiled, and this version cannot run it; "
        "nothing was done, and no gate behind it opens.",
    )
