"""Says whether the signed meaning of a charter is the one that it has now; costs nothing where nobody signed."""

from pathlib import Path

import click

from charter.compiler.ir import IR
from charter.runtime.cli.inert import inert


def signature_words(path: Path, ir: IR) -> tuple[str, ...]:
    """What the signatures beside a charter say of what it means now; nothing when there are none."""
    if not path.with_name(f"{path.name}.signed").exists():
        return ()
    from charter.runtime.trust import file
    from charter.runtime.trust.meaning import judge, read_envelopes, signature_path, words

    trust = file.load(file.find(path.absolute().parent))
    verdict = judge(ir, read_envelopes(signature_path(path)), trust)
    lead = "meaning signed" if verdict.current else "MEANING NOT SIGNED"
    return (lead, *words(verdict))


def show_signatures(path: Path, ir: IR) -> None:
    """Print them, if there are any."""
    told = signature_words(path, ir)
    if told:
        color = "green" if told[0] == "meaning signed" else "yellow"
        click.echo(f"  {click.style(told[0], fg=color)}: {inert('; '.join(told[1:]))}")


def show_signatures_of(path: Path) -> None:
    """The same for a charter that was only checked so far: it is compiled if there is anything to compare it with."""
    if path.with_name(f"{path.name}.signed").exists():
        from charter.runtime.session import compiled

        click.echo()
        show_signatures(path, compiled(path, {}))
