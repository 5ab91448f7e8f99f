"""The demo: a denied gate, its explanation, the mended charter, signatures, deployment, drift, retirement, audit.

Everything is real: torch trains on census data, OPA policies decide, people's keys sign, a server answers. Each
command is printed as a person would type it, and its exit code is checked.

    make demo        (or: python examples/credit-risk/demo.py [--workspace DIRECTORY])
"""

import argparse
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = ("lessons.md", "policies", "schemas", "trainers", "make_data.py")
PEOPLE = {
    "owner": ("credit-models@bank.example", "Oda Owner", None),
    "engineer": ("eng@bank.example", "Emil Engineer", None),
    "rita": ("rita@bank.example", "Rita Risk", "risk-officer"),
    "sam": ("sam@bank.example", "Sam Second", "risk-officer"),
}


class Demo:
    """Runs commands in the workspace, prints them, and stops when one ends otherwise than it should."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self.started = time.monotonic()

    def say(self, text: str) -> None:
        """A line of the story."""
        print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n== {text}", flush=True)

    def charter(self, line: str, *, ends: int = 0, shown: bool = True) -> None:
        """Run one `charter` command."""
        command = [sys.executable, "-P", "-m", "charter.runtime.main", *shlex.split(line)]
        self.run(command, f"charter {line}", ends, shown)

    def run(self, command: list[str], as_typed: str, ends: int, shown: bool = True) -> None:
        """Run a command, and stop the demo unless it ends with the exit code `ends`."""
        if shown:
            print(f"\n$ {as_typed}", flush=True)
        done = subprocess.run(command, check=False, cwd=self.workspace, capture_output=not shown, text=True)
        if done.returncode != ends:
            print((done.stdout or "") + (done.stderr or ""))
            sys.exit(f"demo: `{as_typed}` ended with exit code {done.returncode}, not {ends}")
        if shown and ends:
            print(f"(exit code {ends}, as it should be)", flush=True)


def main() -> None:
    """Tell the whole story."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, default=HERE / "workspace", help="made anew each time")
    demo = Demo(prepare(parser.parse_args().workspace.resolve()))
    try:
        set_up(demo)
        deny(demo)
        mend(demo)
        approve_and_deploy(demo)
        audit(demo)
    finally:
        stop_servers(demo.workspace)
    print(f"\nThe whole lifecycle took {time.monotonic() - demo.started:.0f} seconds.")
    print(f"Open {demo.workspace / 'report.html'} in a browser, or look around with `charter` in {demo.workspace}.")


def prepare(workspace: Path) -> Path:
    """A fresh workspace with the example's files."""
    stop_servers(workspace)
    if workspace.exists():
        if not (workspace / ".charter-demo").exists() and any(workspace.iterdir()):
            sys.exit(f"demo: `{workspace}` holds something else; name an empty directory with --workspace")
        shutil.rmtree(workspace)
    workspace.mkdir(parents=True)
    (workspace / ".charter-demo").touch()
    for name in FILES:
        source = HERE / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, workspace / name)
    (workspace / "keys").mkdir(mode=0o700)
    shutil.copy(HERE / "credit-risk.charter", workspace / "credit-risk.charter")
    return workspace


def stop_servers(workspace: Path) -> None:
    """Stop what an earlier or an interrupted demo left serving, each by its own pid."""
    from charter.runtime.project import Project
    from charter.runtime.session import recorded_state
    from charter.runtime.stages.serving import stop_server

    if Project(workspace).ledger_path.exists():
        for servers in recorded_state(Project(workspace)).servers.values():
            for server in servers:
                stop_server(server)


def set_up(demo: Demo) -> None:
    """Data, keys and the trust root."""
    demo.say("1. Data, people and their keys (the trust root says who may sign what)")
    demo.run([sys.executable, "make_data.py"], "python make_data.py", 0)
    for name in PEOPLE:
        demo.charter(f"keys new keys/{name}.key", shown=False)
    owner, owner_name, _ = PEOPLE["owner"]
    demo.charter(
        f"trust init --person {owner} --name '{owner_name}' --key keys/owner.key.pub --sign-with keys/owner.key"
    )
    for name, (person, full_name, role) in list(PEOPLE.items())[1:]:
        as_role = f" --role {role}" if role else ""
        demo.charter(
            f"trust add {person} --name '{full_name}' --key keys/{name}.key.pub{as_role} --sign-with keys/owner.key",
            shown=name == "rita",
        )


def deny(demo: Demo) -> None:
    """The first version is denied for a reason that a person can read."""
    demo.say("2. The officer checks the charter: what is proved, and what is not")
    demo.charter("check credit-risk.charter")
    demo.say("3. The engineer runs it: a real model trains, and the parity gate says no")
    demo.charter("run --key keys/engineer.key", ends=1)
    demo.charter("audit log --denied", ends=0)


def mend(demo: Demo) -> None:
    """The mended charter passes, and waits for people."""
    demo.say("4. The mended charter: a fairness penalty in the trainer; only what changed runs again")
    shutil.copy(HERE / "credit-risk-mended.charter", demo.workspace / "credit-risk.charter")
    demo.charter("plan", ends=0)
    demo.charter("run --key keys/engineer.key", ends=5)
    trade_off(demo)


def trade_off(demo: Demo) -> None:
    """What the penalty gave and what it cost, as the ledger has it for the two versions."""
    from charter.runtime.project import Project
    from charter.runtime.session import recorded_events

    wanted = ("roc_auc", "demographic_parity_difference", "equalized_odds_difference")
    measured: dict[str, list[str]] = {metric: [] for metric in wanted}
    for event in recorded_events(Project(demo.workspace)):
        for item in event.body.get("evidence", []) if event.kind == "stage.finished" else []:
            if item["metric"] in measured and event.body["stage"].startswith("evaluate/"):
                measured[item["metric"]].append(f"{float(item['value']):.3f}")
    demo.say("   What the penalty gave, and what it cost (test rows, version 1.0.0 and then 1.1.0)")
    for metric, values in measured.items():
        print(f"   {metric:<32} {' -> '.join(values)}")
    print("   Parity of grants improves; equalised odds and AUC get worse. The charter says which was chosen, and why.")


def approve_and_deploy(demo: Demo) -> None:
    """Two officers sign; the model goes live, drifts, and is retired as the charter says."""
    demo.say("5. Two risk officers sign exactly what was measured; the engineer may not")
    demo.charter("approve release --key keys/engineer.key --yes", ends=1)
    demo.charter("approve release --key keys/rita.key --yes")
    demo.charter("approve release --key keys/sam.key --yes", shown=False)
    demo.say("6. Deployed, served, watched: the later batch drifts, and the charter's retirement criterion is met")
    demo.charter("run --key keys/engineer.key", ends=5)


def audit(demo: Demo) -> None:
    """A stranger checks the trail."""
    demo.say("7. The auditor verifies the trail against a checkpoint kept elsewhere, follows the model, and reads")
    pin = demo.workspace / "auditors-own-copy.checkpoints"
    shutil.copy(demo.workspace / "charter.checkpoints", pin)
    demo.charter(f"audit verify --pin {pin.name}")
    demo.charter("audit trace model/scorecard --back")
    demo.charter("report -o report.html")


if __name__ == "__main__":
    main()
