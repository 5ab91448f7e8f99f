"""Where one person's data went, what of it can be erased, and what must be kept and why (GDPR Art. 15 and 17)."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charter.compiler.ir import IR
from charter.runtime.audit.past import Past, input_facts
from charter.runtime.audit.told import finder, read
from charter.runtime.events import StageFinished
from charter.runtime.failure import Failure
from charter.runtime.ledger import Recorded
from charter.runtime.project import Project
from charter.runtime.stages.serving import INFERENCE_LOG
from charter.runtime.store import ArtifactStore

_HOLD_ROWS = frozenset({"acquire", "prepare", "split", "evaluate"})
_READABLE = frozenset({".csv", ".parquet", ".jsonl"})


@dataclass(frozen=True, slots=True)
class Place:
    """One place that was looked at.

    Attributes:
        where: the source file, `stage:artifact`, a deployment's log, or records of the ledger.
        found: rows of the person there; None where they cannot be told apart or nothing could be read.
        do: `erase`, `make anew`, `keep`, `nothing`, or `look yourself`.
        why: in a sentence.
        digest: of the artifact, empty elsewhere.
    """

    where: str
    found: int | None
    do: str
    why: str
    digest: str = ""


def look_up(past: Past, ir: IR, project: Project, person: str, columns: Iterable[str]) -> list[Place]:
    """Every place that may hold data of a person, searched.

    Args:
        past: the ledger.
        ir: the charter of the latest run: where sources lie, which columns tell people apart, what retirement erases.
        project: whose files to search.
        person: the value that stands for them in those columns, compared as text.
        columns: names to look in; empty: those that the charter calls `personal`, or groups its split by.

    Raises:
        Failure: no column is known to tell people apart.
    """
    names = sorted(set(columns) or _personal(ir))
    if not names:
        raise Failure(
            "no column tells people apart",
            "The charter calls no column `personal` and groups no split by one. Name the column with `--column`.",
        )
    places = [*_sources(ir, project, person, names)]
    rows = list(_artifacts(past, ArtifactStore(project.store), ir, person, names))
    places += rows
    holding = {place.digest for place in rows if place.found}
    places += _models(past, holding)
    places += _logs(project, person, names)
    return [*places, *_records(past, person)]


def _personal(ir: IR) -> set[str]:
    found = {str(name) for stage in ir.stages for name in stage.spec.get("personal") or ()}
    found |= {str(stage.spec["grouped_by"]) for stage in ir.stages if stage.spec.get("grouped_by")}
    for declared in ir.declarations.values():
        named = declared.body.get("personal") if declared.kind == "dataset" else None
        found |= {named} if isinstance(named, str) else set(named or ())
    return found


def _sources(ir: IR, project: Project, person: str, columns: list[str]) -> Iterator[Place]:
    for stage in ir.stages:
        location = stage.spec.get("location")
        if stage.kind != "acquire" or not location:
            continue
        path = project.root / str(location)
        if stage.project_code or path.suffix not in _READABLE or not path.is_file():
            yield Place(str(location), None, "look yourself", "it is no table in a file of this project")
            continue
        found = _count(path, path.suffix, person, columns)
        if found:
            yield Place(
                str(location), found, "erase",
                f"delete the rows there; the next `charter run` makes everything from `{stage.name}` on anew",
            )  # fmt: skip
        else:
            yield Place(str(location), found, *_nothing(found, columns))


def _artifacts(past: Past, store: ArtifactStore, ir: IR, person: str, columns: list[str]) -> Iterator[Place]:
    """Files in the store, each once, under the stage that made it first."""
    seen: set[str] = set()
    rows: dict[str, int | None] = {}
    made_from = _made_from(past)
    for _, body in past.results:
        if body.stage.partition("/")[0] not in _HOLD_ROWS:
            continue
        for name, artifact in body.artifacts.items():
            if artifact.digest in seen:
                continue
            seen.add(artifact.digest)
            where = f"{body.stage}:{name}"
            if artifact.digest in past.state.erased:
                yield Place(where, 0, "nothing", "erased when the system was retired", artifact.digest)
            elif not store.has(artifact.digest):
                yield Place(
                    where, None, "look yourself", "it is not in the store; a backup may have it", artifact.digest
                )
            else:
                found = _count(store.path(artifact.digest), ".parquet", person, columns)
                rows[artifact.digest] = found
                sources = made_from.get((body.stage, body.key))
                if found is None and sources and all(rows.get(digest) == 0 for digest in sources):
                    why = "what it was made from has no row of theirs, by the lineage of the ledger"
                    yield Place(where, 0, "nothing", why, artifact.digest)
                    continue
                do, why = ("erase", _until(ir, body)) if found else _nothing(found, columns)
                yield Place(where, found, do, why, artifact.digest)


def _made_from(past: Past) -> dict[tuple[str, str], set[str]]:
    """Digests of the files with rows that each result was made from, by stage and key, as its entry gate saw them."""
    found: dict[tuple[str, str], set[str]] = {}
    for item in past.decisions:
        data = past.input(item.body) if item.body and item.body.point == "entry" and item.body.allow else None
        flows = input_facts(data).get("inputs") if data else None
        if item.body is not None and isinstance(flows, dict):
            held = [flow for flow in flows.values() if str(flow.get("stage")).partition("/")[0] != "train"]
            found[item.body.stage, item.body.key] = {str(flow.get("digest")) for flow in held}
    return found


def _until(ir: IR, body: StageFinished) -> str:
    """When a copy in the store goes."""
    dataset = body.stage.partition("/")[2]
    for stage in ir.stages:
        for order in stage.spec.get("erase") or () if stage.kind == "retire" else ():
            if order.get("dataset") == dataset:
                return "this copy goes with the retirement that erases it; delete the rows at the source, and run again"
    return "no retirement of the charter erases this copy: write an `erase` clause, or delete the file from the store"


def _models(past: Past, holding: set[str]) -> Iterator[Place]:
    """Models that learnt from a file with rows of the person, and the packages made of them."""
    tainted: set[str] = set()
    for item in past.decisions:
        data = past.input(item.body) if item.body and item.body.point == "entry" else None
        flows = input_facts(data).get("inputs") if data else None
        used = {str(flow.get("digest")) for flow in flows.values()} if isinstance(flows, dict) else set()
        if item.body is None or not used & (holding | tainted):
            continue
        kind = item.body.stage.partition("/")[0]
        for _, body in past.results:
            if kind not in {"train", "deploy"} or (body.stage, body.key) != (item.body.stage, item.body.key):
                continue
            for name, artifact in body.artifacts.items():
                if artifact.digest not in tainted:
                    tainted.add(artifact.digest)
                    yield Place(
                        f"{body.stage}:{name}", None, "make anew",
                        "it learnt from rows of theirs, which cannot be taken out of it: train again without them, and "
                        "retire this one if it may be drawn out of it", artifact.digest,
                    )  # fmt: skip


def _logs(project: Project, person: str, columns: list[str]) -> Iterator[Place]:
    for path in sorted(project.serving.glob(f"*/{INFERENCE_LOG}")):
        where = f"inference log of {path.parent.name}"
        found, known = 0, False
        for features in _log_entries(path):
            known |= any(name in features for name in columns)
            found += any(str(features.get(name)) == person for name in columns)
        if not known:
            yield Place(where, None, "look yourself", "its entries have no such column, so whose they are is not known")
        elif found:
            yield Place(
                where, found, "erase", "delete the lines; what monitors measured from them stays, in numbers only"
            )
        else:
            yield Place(where, 0, *_nothing(0, columns))


def _log_entries(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                continue
            features = entry.get("features") if isinstance(entry, dict) else None
            if isinstance(features, dict):
                yield features


def _records(past: Past, person: str) -> Iterator[Place]:
    """Records that have the text in their body or in what they carry: who decided and signed, above all."""
    names = finder(person)
    carried: dict[str, bool | None] = {}
    acted, others, carry, unread = [], [], [], []
    for event in past.events:
        if past.erasures.word(event) == "missing":
            unread.append(event.seq)
        elif person in {event.body.get("person"), event.body.get("actor")}:
            acted.append(event.seq)
        elif names(event.body):
            others.append(event.seq)
        elif any(_carried(past, digest, names, carried) for digest in _attached(event)):
            carry.append(event.seq)
        elif any(_carried(past, digest, names, carried) is None for digest in _attached(event)):
            unread.append(event.seq)
    if acted:
        yield Place(
            f"ledger, records {_listed(acted)}", len(acted), "keep",
            "who ran and signed what is the evidence of a decision (GDPR Art. 17(3)(b) and (e), EU AI Act Art. 12, 19)",
        )  # fmt: skip
    if others:
        yield Place(
            f"ledger, records {_listed(others)}", len(others), "erase",
            "a record's body can be erased and the chain still verifies, if nothing obliges you to keep it",
        )  # fmt: skip
    if carry:
        yield Place(
            f"ledger, what records {_listed(carry)} carry", len(carry), "erase",
            "policy inputs and signed texts can be erased (`--attachments-only`) and the chain still verifies, if "
            "nothing obliges you to keep them; a decision cannot be made again without its input",
        )  # fmt: skip
    if unread:
        yield Place(
            f"ledger, records {_listed(unread)}", None, "look yourself",
            "text of theirs is missing, and no record says that it was erased; a backup may have it",
        )  # fmt: skip
    if not (acted or others or carry):
        yield Place("ledger", 0, "nothing", "no record, and nothing that a record carries, has this text")


def _attached(event: Recorded) -> list[str]:
    """Digests (hex) of what a record carries."""
    described = event.body.get("attachments")
    items = described.values() if isinstance(described, dict) else ()
    return [str(item.get("digest")).removeprefix("sha256:") for item in items if isinstance(item, dict)]


def _carried(past: Past, digest: str, names: Callable[[Any], bool], known: dict[str, bool | None]) -> bool | None:
    """Whether an attachment names them, each looked through once; None when it is missing without being erased."""
    if digest not in known:
        data = past.ledger.attachment(f"sha256:{digest}")
        if data is not None:
            known[digest] = names(read(data))
        else:
            known[digest] = False if digest in past.erasures.attachments else None
    return known[digest]


def _listed(seqs: list[int]) -> str:
    shown = ", ".join(map(str, seqs[:12]))
    return f"{shown} and {len(seqs) - 12} more" if len(seqs) > 12 else shown


def _nothing(found: int | None, columns: list[str]) -> tuple[str, str]:
    if found is None:
        listed = ", ".join(f"`{name}`" for name in columns)
        return "look yourself", f"it cannot be read, or has no column {listed}: whose its rows are is not known"
    return "nothing", "no row of theirs"


def _count(path: Path, suffix: str, person: str, columns: list[str]) -> int | None:
    """Rows with the value in one of the columns; None when it has none of them or cannot be read."""
    try:
        return _count_rows(_rows(path, suffix, columns), person)
    except (OSError, ValueError, csv.Error, RecursionError):
        return None


def _count_rows(rows: Iterable[tuple[object, ...]] | None, person: str) -> int | None:
    return None if rows is None else sum(any(str(value) == person for value in row) for row in rows)


def _rows(path: Path, suffix: str, columns: list[str]) -> Iterable[tuple[object, ...]] | None:
    """The columns of each row; None when the file has none of them."""
    if suffix == ".parquet":
        import pyarrow.parquet as pq

        present = [name for name in columns if name in pq.read_schema(path).names]
        if not present:
            return None
        table = pq.read_table(path, columns=present)
        return zip(*(table.column(name).to_pylist() for name in present), strict=True)
    if suffix == ".csv":
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            present = [name for name in columns if name in (rows.fieldnames or ())]
            return [tuple(row[name] for name in present) for row in rows] if present else None
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    present = [name for name in columns if any(isinstance(entry, dict) and name in entry for entry in entries)]
    return [tuple(entry.get(name) for name in present) for entry in entries] if present else None
