"""Records in sentences, for people; a body that is not as Charter writes it still gets one."""

from collections.abc import Callable, Mapping
from typing import Any

from charter.runtime.ledger import Recorded, administration

Body = Mapping[str, Any]

_SHORT = 48
_SKIPPED = {"run", "stage", "attachments", "meaning", "key", "iteration"}


def sentence(event: Recorded, gone: str = "") -> str:
    """What a record says, in one line of plain text (not yet inert); `gone` as for `outcome`."""
    if event.erased:
        why = ", and no record says why" if gone == "missing" else ""
        return f"{gone or 'no body'}: only its header is left{why}"
    if event.kind in administration.KINDS:
        return administration.sentence(event)
    say = _SENTENCES.get(event.kind)
    return say(event.body) if say else _values(event.body)


def outcome(event: Recorded, gone: str = "") -> str:
    """What a decision said in one word, empty for events that decide nothing.

    Args:
        event: the record.
        gone: what is said of a body that is gone: `erased`, `missing`, or empty when that was not looked up.
    """
    if event.erased:
        return gone or "no body"
    allow = event.body.get("allow")
    if event.kind == "gate.decided" and isinstance(allow, bool):
        return "allowed" if allow else "waiting" if event.body.get("waiting") is True else "denied"
    return ""


def reasons(body: Body, name: str = "violations") -> list[str]:
    """The messages of a decision's findings; of one without a message, its code."""
    found = body.get(name)
    items = found if isinstance(found, list | tuple) else ()
    return [str(item.get("message") or item.get("code") or "?") for item in items if isinstance(item, Mapping)]


def waivers(body: Body) -> list[str]:
    """The waivers that a decision went by."""
    found = body.get("warnings")
    items = found if isinstance(found, list | tuple) else ()
    return sorted({str(item["waiver"]) for item in items if isinstance(item, Mapping) and item.get("waiver")})


def _run_opened(body: Body) -> str:
    who = _text(body, "actor")
    shown = "" if body.get("key") else " (nobody was authenticated)"
    overrides = body.get("overrides")
    set_ = "".join(f", with {name} set to {value}" for name, value in _pairs(overrides))
    return f"{who}{shown} ran {_text(body, 'lifecycle')} {_text(body, 'version')} with {_text(body, 'engine')}{set_}"


def _decided(body: Body) -> str:
    way = "leave" if body.get("point") == "exit" else "enter"
    stage = _text(body, "stage")
    if body.get("allow") is True:
        said = f"{stage} may {way}" if way == "enter" else f"the result of {stage} may go on"
        under = f", under the waiver {', '.join(waivers(body))}" if waivers(body) else ""
        warned = f"; warned: {'; '.join(reasons(body, 'warnings'))}" if reasons(body, "warnings") else ""
        return f"allowed: {said.replace('may enter', 'may begin')}{under}{warned}"
    word = "waiting" if body.get("waiting") is True else "denied"
    return f"{word}: {'; '.join(reasons(body)) or 'no reason was recorded'}"


def _finished(body: Body) -> str:
    facts, files = _count(body, "evidence"), _count(body, "artifacts")
    made = f"{facts} fact{'' if facts == 1 else 's'}, {files} file{'' if files == 1 else 's'}"
    if body.get("reused") is True:
        return f"{_text(body, 'stage')} was taken over unchanged: {made}"
    took = body.get("milliseconds")
    seconds = f" in {took / 1000:.1f} s" if isinstance(took, int) and took else ""
    return f"{_text(body, 'stage')} finished{seconds}: {made}"


def _signed(body: Body) -> str:
    did = {"approve": "approved", "reject": "rejected"}.get(str(body.get("type")), f"signed ({_text(body, 'type')})")
    return f"{_text(body, 'person')} {did} {_text(body, 'approval')} as {_text(body, 'role')}"


def _acted(body: Body) -> str:
    said = f": {body['comment']}" if body.get("comment") else ""
    role = f" as {body['role']}" if body.get("role") else ""
    return f"{_text(body, 'person')} signed `{_text(body, 'act')}` of {_text(body, 'name')}{role}{said}"


def _reacted(body: Body) -> str:
    to = f" {body['to']}" if body.get("to") else ""
    return f"{_text(body, 'control')} was breached, so: {_text(body, 'reaction')}{to} ({_text(body, 'outcome')})"


_SENTENCES: dict[str, Callable[[Body], str]] = {
    "run.opened": _run_opened,
    "run.closed": lambda body: f"the run ended: {_text(body, 'outcome')}",
    "iteration.opened": lambda body: f"iteration {_text(body, 'iteration')} began: {_text(body, 'because')}",
    "stage.started": lambda body: f"{_text(body, 'stage')} began",
    "stage.finished": _finished,
    "stage.failed": lambda body: f"{_text(body, 'stage')} failed ({_text(body, 'reason')}): {_text(body, 'summary')}",
    "gate.decided": _decided,
    "gate.applied": lambda body: f"what record {_text(body, 'decision')} allowed has happened",
    "statement.signed": _signed,
    "act.signed": _acted,
    "reaction.taken": _reacted,
    "server.stopped": lambda body: f"stopped serving at {_text(body, 'address')}: {_text(body, 'because')}",
    "subject.answered": lambda body: (
        f"{_text(body, 'person')} answered where one person's data went: "
        + (", ".join(f"{count} {word}" for word, count in _pairs(body.get("places"))) or "nowhere")
    ),
    "artifact.erased": lambda body: f"{_text(body, 'digest')} of {_text(body, 'dataset')} left the store",
}


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    return str(value) if isinstance(value, str | int) and value != "" else "?"


def _pairs(value: object) -> list[tuple[object, object]]:
    return sorted(value.items(), key=str) if isinstance(value, Mapping) else []


def _count(body: Body, name: str) -> int:
    value = body.get(name)
    return len(value) if isinstance(value, list | tuple | Mapping) else 0


def _values(body: Body) -> str:
    """The short values of a body that nobody has written a sentence for."""
    short = [
        f"{name} {value}"
        for name, value in body.items()
        if name not in _SKIPPED and isinstance(value, str | int) and value != "" and len(str(value)) <= _SHORT
    ]
    return ", ".join(short)
