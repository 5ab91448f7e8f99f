"""The pages of `charter explain`: every code has one, and its examples do what they say."""

import re
from datetime import date

import pytest
from base import CASES, whole

from charter.compiler.codes import PAGES, SUMMARIES
from charter.compiler.compile import CompileResult, check_charter, compile_charter

_EXAMPLE = re.compile(r"^```charter (wrong|right)([^\n]*)\n(.*?)^```$", re.M | re.S)


def examples(code: str, kind: str) -> list[tuple[str, str]]:
    text = (PAGES / f"{code}.md").read_text("utf-8")
    return [(options, body) for found, options, body in _EXAMPLE.findall(text) if found == kind]


def compiled(options: str, body: str) -> CompileResult:
    words = options.split()
    overrides = dict(word.split("=", 1) for word in words if "=" in word)
    text = f"charter 1\n\n{body}" if "alone" in words else whole(body)
    if "as-of" in overrides:
        return check_charter(CASES / "page.charter", as_text=text, as_of=date.fromisoformat(overrides["as-of"]))
    return compile_charter(CASES / "page.charter", overrides=overrides, as_text=text)


def test_every_code_has_a_page_and_every_page_a_code():
    assert {path.stem for path in PAGES.glob("*.md")} == set(SUMMARIES)


@pytest.mark.parametrize("code", sorted(SUMMARIES))
def test_page(code: str):
    text = (PAGES / f"{code}.md").read_text("utf-8")
    assert text.startswith(f"# {code}: {SUMMARIES[code]}\n")
    assert examples(code, "wrong") and examples(code, "right")
    for options, body in examples(code, "wrong"):
        assert code in {item.code for item in compiled(options, body).diagnostics}
    for options, body in examples(code, "right"):
        result = compiled(options, body)
        assert [item for item in result.diagnostics if item.code == code or item.severity == "error"] == []
