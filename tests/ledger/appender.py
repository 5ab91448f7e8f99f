"""A process to be killed: appends to a ledger one by one and says which record is acknowledged.

    appender.py FOLDER COUNT FIRST [early]

Prints `ready`, then `SEQ LEAF` for each receipt. With `early` it has the bug that the crash tests are there to find:
it acknowledges before the commit. After a failure it shows that the handle is closed for good, prints
`failed SUMMARY` and exits with the failure's code.
"""

import os
import sys
import time
from pathlib import Path

from ledger_samples import opened

from charter.runtime.failure import Failure
from charter.runtime.ledger import Event


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def main() -> int:
    folder, count, first, early = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), "early" in sys.argv
    try:
        ledger = opened(folder)
    except Failure as failure:
        say(f"failed {failure.summary}")
        return failure.exit_code
    say("ready")
    for number in range(first, first + count):
        event = Event("test.event", "thing:1", {"n": number, "filling": "x" * 300}, f"event-{number}")
        if early:
            say(f"event-{number}")
            time.sleep(0.002)  # a slow disk must not make the window too small to hit
        try:
            ledger.append([event])
        except Failure as failure:
            try:
                ledger.append([event])
            except Failure as second:
                assert second.summary in {"ledger handle is closed", failure.summary}, second
            else:
                say("appended after a failure")
                return 99
            say(f"failed {failure.summary}")
            return failure.exit_code
        if not early:
            say(f"event-{number}")
    return 0


sys.exit(main())
