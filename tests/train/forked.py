"""Runs command lines of adhere in children of one process, so that torch is loaded once.

Takes a command line of its own, which loads what is only loaded when it is used. Then it reads a JSON object
a line: `words`, the command line after `adhere`; `within`, the directory to run it in, where `errors` takes
its stderr; and where wanted

    change    the number of the change of files just before which the child sends itself the signal `by`
    after     seconds after which it is killed
    most      bytes that a file may have

It prints the child's number, and its exit status when it has ended.
"""

import gc
import json
import os
import resource
import signal
import sys
import time
import traceback
from contextlib import redirect_stdout
from typing import Any

from adhere.cli import main

CHANGES = frozenset({"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate"})
BUG = 70
"""Status of a child that ended with an exception."""


def changes_files(event: str, arguments: tuple[object, ...], within: str) -> bool:
    """Whether what the interpreter is about to do changes the files of a run."""
    if event != "open" and event not in CHANGES:
        return False
    path = os.fspath(arguments[0]) if isinstance(arguments[0], str | os.PathLike) else ""
    if event == "open":
        flags = arguments[2] if isinstance(arguments[2], int) else 0
        return str(path).startswith(within) and bool(flags & (os.O_WRONLY | os.O_RDWR))
    # What is removed within an open directory is named by its last part alone.
    return str(path).startswith(within) or "/" not in str(path)


def end_at(change: int, within: str, by: int) -> None:
    """Send this process a signal just before it changes files for the n-th time."""
    made = 0

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal made
        if changes_files(event, arguments, within):
            made += 1
            if made == change:
                os.kill(os.getpid(), by)

    sys.addaudithook(hear)


def child(asked: dict[str, Any]) -> int:
    """Run a command line in a directory; return the exit status."""
    os.chdir(asked["within"])
    os.dup2(os.open("errors", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if "most" in asked:
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["most"], resource.RLIM_INFINITY))
    if "change" in asked:
        end_at(asked["change"], asked["within"], asked["by"])
    return main(asked["words"])


def serve() -> None:
    """Answer until there is nothing to read."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with redirect_stdout(sys.stderr):
        main(sys.argv[1:])
    gc.freeze()
    for line in sys.stdin:
        asked = json.loads(line)
        if not (pid := os.fork()):
            status = BUG
            try:
                status = child(asked)
            finally:
                # At once: to tidy up what it shares with its parent would take a child longer than its run.
                if any(sys.exc_info()):
                    traceback.print_exc()
                sys.stderr.flush()
                os._exit(status)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        if "after" in asked:
            time.sleep(asked["after"])
            # Nobody has asked for its status yet, so that the number is still its own.
            os.kill(pid, signal.SIGKILL)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
