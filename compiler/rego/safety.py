"""Has the engine prepare the team's files without evaluating them: it finds variables that nothing binds."""

from collections.abc import Mapping

from charter.compiler.rego.module import Problem, error_place, error_words
from charter.compiler.rego.parser import new_engine


def unsafe_variable(sources: Mapping[str, str]) -> list[Problem]:
    """The first that the engine finds, in files that it has read before; an empty list if it takes them all."""
    engine = new_engine()
    numbered = dict(enumerate(sources))
    for number, path in numbered.items():
        engine.add_policy(f"{number}.rego", sources[path])
    try:
        engine.eval_query("1")  # no rule is asked for, so none is evaluated
    except RuntimeError as error:
        file, line, column = error_place(str(error))
        path = numbered[int(file.removesuffix(".rego"))] if file else next(iter(sources))
        detail = f"It cannot be evaluated: {error_words(str(error))}."
        return [Problem("CH1001", path, line, column, detail)]
    return []
