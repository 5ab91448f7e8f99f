"""Whatever the text is, the compiler answers with findings or an IR, never with an exception."""

import random
import re
from pathlib import Path

import pytest
from base import BASE, CASES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from charter.compiler.codec import decode_ir, encode_ir
from charter.compiler.compile import compile_charter
from charter.dsl.diagnostics import has_errors

SPINE = Path(__file__).parent.parent / "cases" / "credit-spine" / "credit-spine.charter"
TEXT = SPINE.read_text("utf-8")
WORDS = sorted(set(re.findall(r"\S+", TEXT)))


def compiled_or_explained(text: str, path: Path = SPINE) -> None:
    result = compile_charter(path, as_text=text)
    assert (result.ir is None) == has_errors(result.diagnostics)
    for item in result.diagnostics:
        if item.span is not None:
            assert 0 <= item.span.start <= item.span.end <= len(result.sources[item.span.path].text)
    if result.ir is not None:
        assert decode_ir(encode_ir(result.ir)) == result.ir


@pytest.mark.parametrize("seed", range(150))
def test_mutated_charter(seed: int):
    """Words swapped, dropped and doubled, lines cut: the mistakes that people and tools make."""
    rng = random.Random(seed)
    pieces = re.findall(r"\s+|\S+", TEXT)
    for _ in range(rng.choice((1, 1, 2, 5, 30))):
        at = rng.randrange(len(pieces))
        match rng.randrange(5):
            case 0:
                pieces[at] = rng.choice(WORDS)
            case 1:
                del pieces[at]
            case 2:
                pieces.insert(at, f" {rng.choice(WORDS)} ")
            case 3:
                pieces[at] = rng.choice(["0", "-1", "1e300", "200%", "{", "}", '"', "\n", "..", "é", "9" * 60])
            case 4:
                other = rng.randrange(len(pieces))
                pieces[at], pieces[other] = pieces[other], pieces[at]
    compiled_or_explained("".join(pieces))


LINES = sorted({line for line in TEXT.splitlines() if line.strip()})


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(LINES), max_size=40))
def test_lines_in_any_order(lines: list[str]):
    compiled_or_explained("charter 1\n" + "\n".join(lines))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(sorted(BASE.values())), max_size=9))
def test_declarations_missing_or_doubled(declarations: list[str]):
    compiled_or_explained("charter 1\n" + "\n\n".join(declarations), CASES / "any.charter")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text(text: str):
    compiled_or_explained(text)
