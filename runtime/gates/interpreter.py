"""One regorus interpreter with one bundle's modules and data, for the thread that made it.

The interpreter decides, not regorus' faster virtual machine: in 0.13.0 that one leaves out `not rule` when the rule
is undefined, and a gate must not be decided by what is left out.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from charter.compiler.rego.parser import new_engine

if TYPE_CHECKING:
    from regorus import Engine


class InterpreterFailure(Exception):
    """Loading or evaluating failed; the message is the engine's, in one line.

    Args:
        panicked: the engine is in no state to be used again.
    """

    def __init__(self, message: str, *, panicked: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.panicked = panicked


class Interpreter:
    """Modules by path and data as JSON, loaded; `query` is a rule's full path, such as `data.charter.main.decision`."""

    def __init__(self, modules: Mapping[str, str], data: str, query: str) -> None:
        self.query = query
        self._engine = _loaded(modules, data)

    def evaluate(self, input_text: str) -> str:
        """The rule's value as JSON; the text `<undefined>`, which is no JSON, if there is none.

        Raises:
            MemoryError: there is none left; in a limited process that ends it.
            InterpreterFailure: the engine's error, or a panic: a `BaseException`, as when another thread uses it.
        """
        try:
            self._engine.set_input_json(input_text)
            # Not `eval_query_as_json`: the same answer, but it prepares the query anew each time (85 us).
            answer: str = self._engine.eval_rule_as_json(self.query)
        except MemoryError:
            raise
        except Exception as error:
            raise InterpreterFailure(words(error)) from error
        except BaseException as error:
            reraise_unless_panic(error)
            raise InterpreterFailure(words(error), panicked=True) from error
        return answer


def _loaded(modules: Mapping[str, str], data: str) -> "Engine":
    engine = new_engine()
    try:
        for path, text in modules.items():
            engine.add_policy(path, text)
        engine.add_data_json(data)
    except Exception as error:
        raise InterpreterFailure(f"the bundle does not load: {words(error)}") from error
    except BaseException as error:
        reraise_unless_panic(error)
        raise InterpreterFailure(f"the bundle does not load: {words(error)}", panicked=True) from error
    return engine


def reraise_unless_panic(error: BaseException) -> None:
    """Ctrl-C and exit pass; a Rust panic is an engine failure."""
    if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
        raise error


def words(error: BaseException) -> str:
    """The engine's message in one line, without its stack."""
    message, _, _ = str(error).partition("Stack backtrace")
    return " ".join(message.split())[:500] or type(error).__name__
