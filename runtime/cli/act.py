"""What the commands that sign an act share: who signs, and recording it beside whatever runs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from charter.runtime.cli.signing import check_comment, key_owner, signing_key
from charter.runtime.events import ActSigned
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger import anchor
from charter.runtime.people import trusted
from charter.runtime.report.source import Source, read_source
from charter.runtime.session import open_journal
from charter.runtime.suspension import RECALL
from charter.runtime.trust import file
from charter.runtime.trust.acts import Act, sign_act
from charter.runtime.trust.keys import PrivateKey
from charter.runtime.trust.root import Person, TrustRoot
from charter.runtime.trust.statement import Signatory

_HOLD_BACK = frozenset({"halt", RECALL})
"""Acts that only ever stop something: also where records are gone."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs, with which key, under which trust root."""

    person: Person
    key: PrivateKey
    trust: TrustRoot


def signer_of(source: Source, key_path: Path, claimed: str | None, comment: str) -> Signer:
    """The person whose key it is.

    Raises:
        Failure: no trust root, or one that was replaced; nobody's key; a comment that cannot be shown.
    """
    # The second also refuses a trust root that does not continue the one that runs went by.
    trust = trusted(source.project, source.state) or file.load(source.project)
    key = signing_key(key_path)
    person = key_owner(trust, key, claimed, key_path)
    check_comment(comment)
    return Signer(person, key, trust)


def demand_role(signer: Signer, role: str, what: str) -> None:
    """Refuse who does not hold the role that an act asks for.

    Raises:
        Failure: they do not.
    """
    if signer.person.id in signer.trust.members(role):
        return
    members = ", ".join(f"`{member}`" for member in signer.trust.members(role)) or "nobody yet"
    raise Failure(
        "not in the role",
        f"{what} is for `{role}`: {members}. `{signer.person.id}` is none of them.",
        exit_code=ExitCode.DENIED,
    )


def refuse_own(reason: str | None, what: str) -> None:
    """Refuse a person who stands too near to what they would sign for.

    Args:
        reason: why, beginning with `they` where it is about them; None: they do not.
        what: who cannot do what, as the beginning of a sentence, with what would mend it after a `{}`.

    Raises:
        Failure: there is a reason.
    """
    if reason is not None:
        summary = "duties are separated" if reason.startswith("they") else "duties cannot be separated"
        raise Failure(summary, what.format(reason), exit_code=ExitCode.DENIED)


def record_act(source: Source, act: Act, signer: Signer, still: Callable[[Source], Act]) -> ActSigned:
    """Sign an act and record it, if it would still be about the same.

    Args:
        source: what the person was shown.
        act: what they agreed to.
        signer: they.
        still: the act as it would be made now.

    Raises:
        Failure: what it is about changed while they were reading, or records are gone that it may build on.
    """
    holds_back = act.act in _HOLD_BACK
    with open_journal(source.project, source.ir.lifecycle.name, create=False, holds_back=holds_back) as journal:
        if still(read_source(source.project)) != act:
            raise Failure(
                "what there is to sign changed",
                "a run recorded something new while you were reading, so nothing was signed. Look again.",
                exit_code=ExitCode.WAITING,
            )
        by = Signatory(signer.person.id, signer.key, signer.trust.digest)
        run, iteration = source.state.runs[-1].run, source.state.iteration
        body, envelope = sign_act(act, by, journal.now(), run=run, iteration=iteration)
        journal.note(body, f"{act.act}/{act.name}"[:128], {body.envelope: envelope})
        journal.commit()
        anchor(journal.ledger, source.project.checkpoints_path)
    return body
