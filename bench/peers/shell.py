"""The shell baseline: one `sh` a stage, graphlib, 2 threads, content hashes, and one durable record a stage.

python shell.py [--no-record]     in a directory with `graph.json`
"""

# ruff: noqa: PTH110, PTH123
# A baseline is as quick as it can be, and pathlib is not.

import graphlib
import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Lock


def main() -> None:
    """Run what is due, and remember what it was made of."""
    with open("graph.json") as file:
        graph = json.load(file)
    known: dict[str, list[str]] = {}
    if os.path.exists("hashes.json"):
        with open("hashes.json") as file:
            known = json.load(file)
    record = None if "--no-record" in sys.argv else os.open("records", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    lock = Lock()
    outputs: dict[str, str] = {}

    def work(stage: str) -> str:
        command = graph[stage]["sh"]
        key = hashlib.sha256("\n".join([command, *(outputs[need] for need in graph[stage]["needs"])]).encode())
        made = known.get(stage)
        if made and made[0] == key.hexdigest() and os.path.exists(stage) and digest(stage) == made[1]:
            outputs[stage] = made[1]
            return stage
        subprocess.run(["sh", "-c", command], check=True)
        outputs[stage] = digest(stage)
        known[stage] = [key.hexdigest(), outputs[stage]]
        if record is not None:
            with lock:
                os.write(record, json.dumps({"stage": stage, "key": known[stage]}).encode() + b"\n")
                os.fdatasync(record)
        return stage

    order = graphlib.TopologicalSorter({stage: item["needs"] for stage, item in graph.items()})
    order.prepare()
    running: set[Future[str]] = set()
    with ThreadPoolExecutor(2) as pool:
        while order.is_active():
            running |= {pool.submit(work, stage) for stage in order.get_ready()}
            done, running = wait(running, return_when=FIRST_COMPLETED)
            order.done(*(future.result() for future in done))
    with open("hashes.json", "w") as file:
        json.dump(known, file)


def digest(path: str) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    main()
