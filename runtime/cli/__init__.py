"""The command line: thin, one file a command, each imported only when it is asked for."""

import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any

import click

from charter.runtime.cli.inert import inert
from charter.runtime.failure import ExitCode, Failure

_EPILOG = """\b
Exit codes, the same for every command:
  0  ok
  1  denied, or findings (tampering included)
  2  the charter or the arguments are wrong
  3  a control was weakened
  4  the policy engine or the environment failed
  5  waiting for someone or something
  6  verified, but not anchored or not complete
130  interrupted; what was finished is recorded
141  whoever read the output went away
"""


class ReaderGone(Exception):
    """Whoever read standard output went away. Not an OSError: click would end those with 1, which means denied."""


class LazyGroup(click.Group):
    """A group whose commands are `module:attribute` strings, imported when used.

    `charter check` must not pay for the imports of `charter run`.
    """

    def __init__(self, *, lazy: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(**options)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table, which is the order of work."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in self.lazy:
            return None
        module, _, attribute = self.lazy[cmd_name][0].partition(":")
        if not module:
            return _GROUPS[attribute]
        command: click.Command = getattr(importlib.import_module(f"charter.runtime.cli.{module}"), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for a misspelt one."""
        if args and args[0] not in self.lazy and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], self.lazy, n=1)
            hint = f" Did you mean `{near[0]}`?" if near else ""
            ctx.fail(f"there is no command `{args[0]}`.{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGone from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line a command, from the table: no command is imported to show the list."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in self.lazy.items()])


def _group(name: str, summary: str, lazy: Mapping[str, tuple[str, str]], epilog: str | None = None) -> LazyGroup:
    return LazyGroup(name=name, help=summary, lazy=lazy, epilog=epilog, no_args_is_help=True)


audit = _group(
    "audit",
    "The audit trail: read, verify, re-decide, hand over, export.",
    {
        "log": ("audit_log:audit_log", "List what was recorded, with filters."),
        "verify": ("audit_verify:audit_verify", "Check that the ledger is whole, unaltered and anchored."),
        "anchor": ("audit_anchor:audit_anchor", "Have others vouch for the newest checkpoint: time stamps, witnesses."),
        "trace": (
            "audit_trace:audit_trace",
            "Follow an artifact back to its sources and forward to its uses.",
        ),
        "prove": ("audit_prove:audit_prove", "Prove that one record is in the ledger."),
        "replay": ("audit_replay:audit_replay", "Decide every recorded gate again; a changed decision is a finding."),
        "whatif": ("audit_whatif:audit_whatif", "List past decisions that other policies would flip."),
        "sample": ("audit_sample:audit_sample", "Draw records at random; the audited cannot choose which."),
        "reconcile": ("audit_reconcile:audit_reconcile", "Compare the ledger's runs with another system's list."),
        "as-of": ("audit_as_of:audit_as_of", "Say how things stood at a date."),
        "subject": ("audit_subject:audit_subject", "Say where one person's data went, and what can be erased."),
        "capsule": ("audit_capsule:audit_capsule", "Hand over everything in one file that verifies itself offline."),
        "export": ("audit_export:audit_export", "Export to JSONL, CSV, CloudEvents, OCSF, OSCAL, in-toto, CycloneDX."),
        "erase": ("audit_erase:audit_erase", "Remove the text of records for good; the chain still holds."),
        "hold": ("audit_hold:audit_hold", "Forbid erasing records; list and release holds."),
        "erasures": ("audit_admin_events:audit_erasures", "List what was erased, by whom and why."),
        "admin-events": ("audit_admin_events:audit_admin_events", "List what was done to the ledger itself."),
        "seal": ("audit_seal:audit_seal", "Write records to a compressed file that verifies alone."),
        "check-segment": ("audit_seal:audit_check_segment", "Check such a file; needs no ledger."),
        "migrate": ("audit_migrate:audit_migrate", "Copy the ledger into another store, or move it there."),
        "check-capsule": ("audit_capsule:audit_check_capsule", "Check such a file."),
    },
)

trust = _group(
    "trust",
    "The signed trust root: who fills which role, with which keys.",
    {
        "init": ("trust_init:trust_init", "Start the trust root with its first administrator."),
        "add": ("trust_add:trust_add", "Add a person, a key or a role, signed by an administrator."),
        "remove": ("trust_remove:trust_remove", "Take a person or a role out: somebody leaves."),
        "revoke": ("trust_revoke:trust_revoke", "End a key that is lost or in other hands."),
        "sign": ("trust_sign:trust_sign", "Sign a change that somebody else proposed."),
        "apply": ("trust_apply:trust_apply", "Make a change that a quorum signed the next version."),
        "show": ("trust_show:trust_show", "Show who may do what."),
    },
)

keys = _group(
    "keys",
    "Ed25519 keys, of people and of the ledger.",
    {
        "new": ("keys_new:keys_new", "Make a key pair."),
        "rotate": ("keys_rotate:keys_rotate", "Give the ledger a new signing key."),
    },
)

witness = _group(
    "witness",
    "A witness for the ledgers of other teams: it cosigns what continues what it has seen.",
    {
        "init": ("witness_init:witness_init", "Make a witness: its key, and a memory that is empty."),
        "serve": ("witness_serve:witness_serve", "Cosign checkpoints, over HTTP."),
    },
)

_GROUPS: dict[str, click.Command] = {"audit": audit, "trust": trust, "keys": keys, "witness": witness}

main = _group(
    "charter",
    "Governance-as-code for the AI lifecycle: check, compile and run a charter, with OPA at every gate "
    "and an audit trail that cannot be quietly changed.",
    {
        "init": ("init:init", "Start a project from the template of a risk class."),
        "check": ("check:check", "Prove what can be proved before a run, and say what was not checked."),
        "diff": ("diff:diff", "Say what a new version of a charter demands more, or less, than the old one."),
        "fmt": ("fmt:fmt", "Bring charters into the one layout; only white space changes."),
        "explain": ("explain:explain", "Explain a finding's code, with a wrong and a right example."),
        "sign": ("sign:sign", "Sign what a charter means, shown in plain English first."),
        "compile": ("compile:compile_", "Compile a charter to its IR."),
        "graph": ("graph:graph", "Draw the lifecycle graph."),
        "plan": ("plan:plan", "Show what would run, what is up to date and why, and which gates are open."),
        "run": ("run:run", "Do what is due; every transition is decided by OPA and recorded first."),
        "status": ("status:status", "Show where the lifecycle stands."),
        "why": ("why:why_", "Say why a gate is closed, and what would turn it green."),
        "inbox": ("inbox:inbox_", "Show what waits for me, since when and until when."),
        "review": ("review:review", "Show what a signature under an approval would be about."),
        "approve": ("approve:approve", "Sign an approval of exactly what was measured."),
        "reject": ("reject:reject", "Sign a rejection; it beats approvals."),
        "waive": ("waive:waive", "Sign a waiver that the charter asks for, or take it back."),
        "recall": ("recall:recall", "Suspend all that depends on a dataset, model, evaluation, file, person or key."),
        "attest": ("attest:attest", "Vouch for recorded evidence, in a role of the charter."),
        "reproduce": ("reproduce:reproduce", "Measure again what a run measured, and sign that it came out the same."),
        "halt": ("halt:halt", "Stop every further effect of a lifecycle at once."),
        "resume": ("resume:resume", "Sign that a halted lifecycle may go on."),
        "break-glass": ("break_glass:break_glass", "Sign an exception at one gate, to be reviewed by a date."),
        "close-review": ("close_review:close_review", "Close the review of broken glass."),
        "report": ("report:report", "Write the audit report as one HTML file."),
        "audit": (":audit", "The audit trail: read, verify, re-decide, hand over, export."),
        "trust": (":trust", "The signed trust root: who fills which role, with which keys."),
        "keys": (":keys", "Ed25519 keys, of people and of the ledger."),
        "witness": (":witness", "A witness for the ledgers of other teams."),
        "doctor": ("doctor:doctor", "Say which policy engines work here, and why the others do not."),
    },
    _EPILOG,
)
main.params.append(click.Option(["--debug"], is_flag=True, help="Show Python tracebacks."))
main.params.append(click.Option(["-V", "--version"], is_flag=True, help="Show the version and exit."))


@click.pass_context
def _entry(ctx: click.Context, debug: bool, version: bool) -> None:
    ctx.ensure_object(dict)["debug"] = debug
    if version:
        from charter.runtime.version import VERSION

        click.echo(f"charter {VERSION}")
        ctx.exit(0)


main.callback = _entry


def run_command_line(arguments: list[str] | None = None) -> int:
    """Run one command and return the process's exit code; no traceback without `--debug`."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    try:
        code = main.main(args=[item for item in given if item != "--debug"], standalone_mode=False)
        return int(code) if isinstance(code, int) else 0
    except Failure as failure:
        show_failure(failure)
        return int(failure.exit_code)
    except click.ClickException as error:
        error.show()
        return int(ExitCode.WRONG_INPUT)
    except (KeyboardInterrupt, click.Abort):
        goes_on = next((item for item in given if not item.startswith("-")), "") == "run"
        what = "what was finished is recorded, and `charter run` goes on from there"
        click.echo(f"interrupted: {what if goes_on else 'the same command starts over'}", err=True)
        return 130
    except ReaderGone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the interpreter flushes once more when it ends
        return 141
    except Exception as error:
        if debug:
            raise
        show_failure(_unexpected(error))
        return int(ExitCode.ENVIRONMENT)


def show_failure(failure: Failure) -> None:
    """Print a failure for people, on standard error."""
    click.echo(click.style("error", fg="red", bold=True) + f": {inert(failure.summary)}", err=True)
    for line in failure.detail.split("\n") if failure.rendered else _wrap(failure.detail):
        click.echo(f"  {inert(line)}", err=True)


def _wrap(text: str) -> list[str]:
    import textwrap

    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += textwrap.wrap(paragraph, 96, break_long_words=False, break_on_hyphens=False) or [""]
    return lines


def _unexpected(error: Exception) -> Failure:
    if isinstance(error, OSError):
        where = f"`{error.filename}`: " if error.filename else ""
        return Failure("the environment failed", f"{where}{error.strerror or error}.", exit_code=ExitCode.ENVIRONMENT)
    return Failure(
        "a bug in Charter",
        f"{type(error).__name__}: {error}. Nothing after this point happened, and nothing recorded is lost. "
        "Please report it with the output of the same command with `--debug`.",
        exit_code=ExitCode.ENVIRONMENT,
    )
