"""The door to a policy engine. What comes out of it is not trusted: `decide` checks every answer."""

from typing import Any, Protocol

from charter.compiler.ir import Bundle


class EngineFailure(Exception):
    """The engine gave no answer; the gate denies.

    Args:
        code: `engine_failed`, `engine_timeout`, `engine_unreachable`, `engine_not_loaded`, `bundle_altered`,
            `bundle_refused`, `bundle_mismatch`, `result_undefined`, `result_malformed` or `result_mismatch`.
        message: full sentence: what happened and what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class PolicyEngine(Protocol):
    """A real OPA or compatible engine.

    Attributes:
        name: `regorus` or `opa`.
        version: of the engine.
        digest: SHA-256 of the code that decides, where it can be known; recorded with each decision.
        revision: of the bundle that is loaded, None before.
    """

    name: str
    version: str
    revision: str | None

    @property
    def digest(self) -> str:
        """See above; may be worked out when it is first asked for."""
        ...

    def load(self, bundle: Bundle) -> None:
        """Load one bundle, in place of any other.

        Raises:
            EngineFailure: it cannot be loaded, or its digest is not that of its content.
        """
        ...

    def decide(self, input_bytes: bytes) -> dict[str, Any]:
        """The decision document, as the engine gave it. May be called from any thread.

        Raises:
            EngineFailure: no answer.
        """
        ...

    def close(self) -> None:
        """Let go of processes and connections; safe to call twice."""
        ...
