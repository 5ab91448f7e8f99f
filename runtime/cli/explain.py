"""`charter explain`: the page of a finding's code, with a wrong and a right example."""

import click

from charter.runtime.failure import Failure


@click.command()
@click.argument("code", metavar="CODE")
def explain(code: str) -> None:
    """Explain CODE, such as CH0402: what was found, why it matters, and a wrong and a right example."""
    from charter.compiler.codes import PAGES
    from charter.dsl.codes import explain_page

    wanted = code.strip().upper()
    page = explain_page(wanted, [PAGES])
    if page is None:
        raise Failure("no such code", f"`{code}` is not a code that Charter reports.{_near(wanted)}")
    click.echo(page.rstrip("\n"))


def _near(code: str) -> str:
    from charter.compiler.codes import SUMMARIES as OF_COMPILER
    from charter.dsl.codes import SUMMARIES as OF_LANGUAGE
    from charter.dsl.suggest import did_you_mean

    hint = did_you_mean(code, (*OF_LANGUAGE, *OF_COMPILER))
    return hint or " Codes are `CH` and four digits; every finding of `charter check` shows its own."
