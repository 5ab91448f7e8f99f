"""What every signed statement must show before it is looked at: whole, and signed with a key of who it says."""

from charter.compiler.canonical import digest
from charter.runtime.failure import Failure
from charter.runtime.trust import dsse
from charter.runtime.trust.root import TrustRoot
from charter.runtime.trust.times import parse_time

PAYLOAD_TYPE = "application/vnd.in-toto+json"


class NotGenuineError(Exception):
    """Why a signed statement does not count, as a clause."""


def demand(condition: bool, otherwise: str) -> None:
    """Refuse a statement unless `condition` holds.

    Raises:
        NotGenuineError: it does not.
    """
    if not condition:
        raise NotGenuineError(otherwise)


def signed_payload(
    envelope: bytes, expected: str, trust: TrustRoot, person: str, recorded: str
) -> tuple[bytes, frozenset[str]]:
    """What an envelope holds, and under which of a person's keys it was signed.

    Args:
        envelope: the DSSE envelope as it was recorded.
        expected: its digest, as the record says.
        trust: the trust root of now.
        person: who the record says signed.
        recorded: the time that the ledger wrote: keys that had ended by then do not count.

    Raises:
        NotGenuineError: another envelope, or none.
    """
    demand(digest(envelope) == expected, "the recorded envelope is not the one that was signed")
    try:
        return dsse.open_envelope(envelope, PAYLOAD_TYPE, trust.keys_at(person, parse_time(recorded)))
    except Failure as failure:
        raise NotGenuineError(f"{failure.summary}: {failure.detail}") from failure
    except ValueError as error:
        raise NotGenuineError("the time of its record cannot be read") from error


def demand_signer(trust: TrustRoot, key: str, signers: frozenset[str], version: str) -> None:
    """The key that the statement names must have signed it, under a version that the present trust root continues.

    Raises:
        NotGenuineError: it did not, or it was another trust root.
    """
    demand(key in signers, _not_theirs(trust, key))
    demand(trust.includes(version), "it was signed under a trust root that is not in the history of the present one")


def _not_theirs(trust: TrustRoot, key: str) -> str:
    ended = trust.why_ended(key)
    if ended is None:
        return "no key that the trust root gives to this person signed it"
    why = "its owner left" if ended.because == "left" else f"it was {ended.because}"
    return f"the key that signed it does not count from {ended.since} on: {why}"
