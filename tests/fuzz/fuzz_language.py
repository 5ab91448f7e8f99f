"""Coverage-guided fuzzing of lexer, parser, formatter, completion and compiler, with atheris.

    python tests/fuzz/fuzz_language.py [PROPERTY] [libFuzzer options and a corpus directory]

CONTRIBUTING.md says how to install atheris. A text that breaks something is written to `crash-…`; it goes to
`tests/fuzz/cases`, which the tests replay for ever, with the mend.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
CASES = HERE.parent / "cases"
LONGEST = 4096
"""Characters of a text: what breaks a parser is small."""


def main() -> None:
    """Fuzz until something breaks or libFuzzer's own options say to stop."""
    try:
        import atheris
    except ImportError:
        sys.exit(
            "atheris is not installed: `pip install atheris` (CPython, Linux or macOS), or run the hypothesis tests"
        )
    sys.path.insert(0, str(HERE.parent / "dsl"))
    with atheris.instrument_imports(include=["charter"]):
        import dsl_properties

    by_name = {check.__name__.removeprefix("check_"): check for check in dsl_properties.PROPERTIES}
    wanted = [sys.argv.pop(1)] if len(sys.argv) > 1 and sys.argv[1] in by_name else list(by_name)
    checks = [by_name[name] for name in wanted]
    arguments = [*sys.argv, f"-max_len={LONGEST}", f"-dict={_dictionary()}"]
    if all(option.startswith("-") for option in arguments[1:]):
        arguments.append(_corpus())
    atheris.Setup(arguments, _one_input(checks))
    atheris.Fuzz()


def _one_input(checks: list[Callable[[str], None]]) -> Callable[[bytes], None]:
    def one_input(data: bytes) -> None:
        # Halves of characters are kept: a caller of the library may hand them over, though no file has them.
        text = data.decode("utf-8", "surrogateescape")
        for check in checks:
            check(text)

    return one_input


def _corpus() -> str:
    """A directory to start from and to collect in: every charter of the tests, and what broke before."""
    corpus = tempfile.mkdtemp(prefix="charter-corpus-")
    for path in (*CASES.rglob("*.charter"), *(HERE / "cases").iterdir()):
        text = path.read_bytes()
        for number, start in enumerate(range(0, len(text), LONGEST)):
            Path(corpus, f"{path.stem}-{number}").write_bytes(text[start : start + LONGEST])
    return corpus


def _dictionary() -> str:
    """The words and signs of the language, for libFuzzer to put in."""
    from charter.dsl.slices import KEYWORDS
    from charter.dsl.vocabulary import BLOCKS

    words = {*KEYWORDS, *(word for block in BLOCKS for form in block.clauses for word in form.keyword.split())}
    signs = ("{\\n", "}\\n", '\\"\\"\\"', "->", "..", ">=", "[", "]", "(", ")", "%", "#", "\\n  ", "\\r\\n")
    handle, path = tempfile.mkstemp(prefix="charter-words-")
    with os.fdopen(handle, "w") as file:
        file.writelines(
            f'"{entry}"\n'.replace("\\n", "\\x0a").replace("\\r", "\\x0d") for entry in (*sorted(words), *signs)
        )
    return path


if __name__ == "__main__":
    main()
