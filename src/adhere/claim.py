"""Whose a directory is that is being written: one process's, as long as that process lives."""

import fcntl
import os
import platform
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from adhere.errors import ConfigError

OWNER = "owner"
"""File, in a directory that is being written, that names the process: number, host, and when it began."""


def partial(out: Path) -> Path:
    """Return where a directory stands while it is written: beside its place."""
    return out.with_name(f".{out.name}.partial")


@contextmanager
def one_at_a_time(directory: Path) -> Generator[None]:
    """Let one process of this machine at a time claim a directory within this one, which is made.

    Raises:
        ConfigError: It cannot be made.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, FileNotFoundError, NotADirectoryError, PermissionError) as fault:
        raise ConfigError.at(
            "out",
            str(directory),
            f"it cannot be made ({fault.strerror})",
            fix="Name a place where a directory can be made",
        ) from fault
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        # Some network file systems lock no directory; there the owner's name alone must do.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def take(out: Path, *, keep: bool = False) -> Path:
    """Make the directory in which `out` is written, or keep the one that is there; say in it whose it is.

    Raises:
        ConfigError: Another process is writing it.
    """
    place = partial(out)
    if place.exists():
        refuse_living_owner(out)
        if not keep:
            shutil.rmtree(place)
    place.mkdir(parents=True, exist_ok=keep)
    write_whole(place / OWNER, _owner(os.getpid()))
    return place


def refuse_existing(out: Path) -> None:
    """Refuse a place that is taken; an empty directory is none.

    Raises:
        ConfigError: Something stands there.
    """
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists():
        raise ConfigError.at(
            "out", str(out), "it stands already, and a run is never overwritten", fix="Name another"
        )


def refuse_living_owner(out: Path) -> None:
    """Refuse what another process is writing.

    Raises:
        ConfigError: It is alive, or on a host that cannot be seen from here.
    """
    owner = partial(out) / OWNER
    if not owner.exists():
        return
    pid, host, *began = owner.read_text(encoding="utf-8").split(" ")
    if host == platform.node() and not _is_alive(int(pid), *began):
        return
    raise ConfigError.at(
        "out",
        str(out),
        f"process {pid} on {host} is writing it",
        fix=f"Wait for it, or remove {owner} if that process is gone",
    )


def write_whole(path: Path, text: str) -> None:
    """Write a file that is there with all of `text` or not at all, whenever the process is killed."""
    aside = path.with_name(f".{path.name}")
    aside.write_text(text, encoding="utf-8")
    flush(aside)
    aside.replace(path)


def flush(path: Path) -> None:
    """Make a file's bytes, or a directory's names, outlast a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _owner(pid: int) -> str:
    return f"{pid} {platform.node()} {_began(pid)}"


def _is_alive(pid: int, began: str = "") -> bool:
    """Whether a process of this machine runs; another that has its number by now began at another time."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return began in ("", _began(pid))


def _began(pid: int) -> str:
    """Return when a process began, in ticks of the machine's clock; nothing where the system does not say.

    Source: proc_pid_stat(5), fields 3 and 22.
    """
    told = Path(f"/proc/{pid}/stat")
    fields = told.read_text(encoding="utf-8").rpartition(") ")[2].split() if told.exists() else []
    # A process that was killed stays in the table until its parent asks for it.
    return "dead" if fields[:1] == ["Z"] else "".join(fields[19:20])
