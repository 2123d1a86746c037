"""Sealed run directories: written aside, hashed, and put in place whole or not at all.

While it is written, the directory `OUT` stands beside its place as `.OUT.partial`.

A sealed directory holds the run's own files, `summary.json` and, written last, `manifest.json`:

    finished    false where the run was cut short and kept what it had
    verb        what made it
    config      every setting, defaults too
    seed        null where the run draws nothing
    inputs      SHA-256 of every file read, by path as given
    outputs     SHA-256 of every other file of the directory, by path within it
    code        version, and SHA-256 over the package's source
    python, platform, packages
    started, ended    UTC
    notes       where the run has any: what its maker says of what it made
"""

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import cast

from adhere import __version__
from adhere.config import Config
from adhere.errors import AdhereError, ConfigError, DataError, TrainingStopped
from adhere.records import JSON

MANIFEST = "manifest.json"
SUMMARY = "summary.json"
PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "peft",
    "llguidance",
    "jsonschema-rs",
    "mimesis",
    "numpy",
)
"""Packages whose version can change a run's numbers."""
_OWNER = "owner"
_OURS = frozenset({MANIFEST, f".{MANIFEST}", _OWNER, f".{_OWNER}"})
"""What stands in a directory that is being written without being any of the run's own files."""
_NO_MATTER = frozenset(
    {
        "config.endpoint.attempts",
        "config.endpoint.budget",
        "config.endpoint.cache",
        "config.endpoint.concurrency",
        "config.endpoint.key_from",
        "config.endpoint.price_in",
        "config.endpoint.price_out",
        "config.endpoint.seconds",
        "config.json",
        "config.out",
        "config.workers",
        "platform",
        "started",
    }
)
"""What may change between two attempts of which one goes on from the other: how the work is done and where,
but not what comes of it."""


class Run:
    """A directory being written.

    The caller puts files under `path` and sets `summary` before it leaves the `with` block.
    """

    __slots__ = ("keep_on_error", "keep_on_interrupt", "notes", "path", "resumed", "summary")

    def __init__(self, path: Path, *, resumed: bool = False) -> None:
        self.path = path
        """Where to write; nothing stands at the final place before the run is sealed."""
        self.summary: Mapping[str, JSON] = {}
        """What the verb prints."""
        self.notes: Mapping[str, JSON] = {}
        """What the manifest says besides what it says of every run."""
        self.resumed = resumed
        """Whether `path` holds the files of an earlier attempt; only ever in `resuming`."""
        self.keep_on_interrupt = False
        """In `writing`: set once there is something worth keeping, such as a checkpoint."""
        self.keep_on_error = False
        """In `resuming`: set where the same command may get further after an `AdhereError`."""


@contextmanager
def writing(out: Path, config: Config, *, inputs: Iterable[Path] = ()) -> Generator[Run]:
    """Write the directory `out`, which appears whole at the end or not at all.

    An error removes what was written. So do Ctrl-C and `TrainingStopped`, unless `keep_on_interrupt` is set:
    then the directory is sealed as unfinished. All go on to the caller. What a killed process left is
    removed; what another process is writing is not.

    Args:
        out: Made with its parents; an empty directory is replaced.
        config: Goes into the manifest.
        inputs: Files, and directories with all that is in them, hashed before the run starts.

    Raises:
        ConfigError: `out` stands already, or another process is writing it.
        DataError: An input does not exist.
    """
    out = out.absolute()
    _refuse_existing(out)
    opening = _opening(config, inputs)
    run = Run(_claim(out))
    try:
        yield run
        _seal(run, out, {"finished": True, **opening})
    except (KeyboardInterrupt, TrainingStopped):
        if run.keep_on_interrupt and run.path.exists():
            _seal(run, out, {"finished": False, **opening})
        raise
    finally:
        shutil.rmtree(run.path, ignore_errors=True)


@contextmanager
def resuming(out: Path, config: Config, *, inputs: Iterable[Path] = ()) -> Generator[Run]:
    """Write the directory `out` as `writing` does, going on from what an earlier attempt left.

    What a process left that was killed, stopped with Ctrl-C, or met a fault such as a full disk, is given to
    the next that asks for the same: `run.resumed` is true then, and `run.path` holds its files. The same is:
    equal settings, but for those that say only how the work is done (`json`, `workers`, and all of `endpoint`
    but `temperature` and `max_tokens`); inputs with equal bytes; and the same code, Python and packages.
    What was left of anything else is removed. What another process is writing is refused.

    The caller goes on from the files alone: `summary` and `notes` are empty again. A file that was appended
    to may have lost what was written last, up to the middle of a line, so write a line at a time and drop
    what stands after the last newline. A file that was replaced by renaming another is whole.

    An `AdhereError` removes what was written, for the same command would meet it again; with
    `run.keep_on_error` it does not. Every other exception leaves it where any file was written. All go on to
    the caller; a `KeyboardInterrupt` has a note then that says how to go on.

    Args:
        out: Made with its parents; an empty directory is replaced.
        config: Goes into the manifest.
        inputs: Files, and directories with all that is in them, hashed before the run starts.

    Raises:
        ConfigError: `out` stands already, or another process is writing it.
        DataError: An input does not exist.
    """
    out = out.absolute()
    _refuse_existing(out)
    opening = {**_opening(config, inputs), **_environment()}
    earlier = _earlier(_partial(out), opening)
    opening |= earlier
    run = Run(_claim(out, keep=bool(earlier)), resumed=bool(earlier))
    _write_whole(run.path / MANIFEST, _spelled({"finished": False, **opening}))
    kept = False
    try:
        yield run
        _seal(run, out, {"finished": True, **opening})
    except BaseException as fault:
        kept = _has_work(run.path) and (run.keep_on_error or not isinstance(fault, AdhereError))
        if kept and isinstance(fault, KeyboardInterrupt):
            fault.add_note("Run the same command again, and it goes on where it stood.")
        raise
    finally:
        if kept:
            (run.path / _OWNER).unlink(missing_ok=True)
        else:
            shutil.rmtree(run.path, ignore_errors=True)


def verify(directory: Path) -> Mapping[str, JSON]:
    """Check every file of a sealed directory against its manifest, and return the manifest.

    Raises:
        DataError: There is no manifest; or a file was changed, removed or added since.
    """
    manifest = directory / MANIFEST
    try:
        sealed = json.loads(manifest.read_bytes())
    except (OSError, ValueError) as fault:
        raise DataError.at(
            str(manifest), str(fault), "a sealed directory has one", fix="Make the directory again"
        ) from fault
    expected = cast("dict[str, str]", sealed["outputs"])
    found = {name: digest for name, digest in _hashes_under(directory).items() if name != MANIFEST}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise DataError.at(
                str(directory / name),
                found.get(name, "missing"),
                f"its manifest says {expected.get(name, 'that there is no such file')}",
                fix="Restore it, or make the directory again",
            )
    return sealed


def write_json(path: Path, value: Mapping[str, JSON]) -> None:
    """Write one JSON object, indented, ending in a newline.

    Raises:
        ValueError: A number in it is not finite.
    """
    path.write_text(_spelled(value), encoding="utf-8")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_existing(out: Path) -> None:
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists():
        raise ConfigError.at(
            "out", str(out), "it stands already, and a run is never overwritten", fix="Name another"
        )


def _spelled(value: Mapping[str, JSON]) -> str:
    return f"{json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)}\n"


def _write_whole(path: Path, text: str) -> None:
    """Write a file that is there with all of `text` or not at all, whenever the process is killed."""
    aside = path.with_name(f".{path.name}")
    aside.write_text(text, encoding="utf-8")
    _flush(aside)
    aside.replace(path)


def _partial(out: Path) -> Path:
    return out.with_name(f".{out.name}.partial")


def _claim(out: Path, *, keep: bool = False) -> Path:
    """Make the directory in which `out` is written, or keep the one that is there; say in it whose it is."""
    partial = _partial(out)
    if partial.exists():
        _refuse_living_owner(out, partial)
        if not keep:
            shutil.rmtree(partial)
    partial.mkdir(parents=True, exist_ok=keep)
    _write_whole(partial / _OWNER, _owner(os.getpid()))
    return partial


def _earlier(partial: Path, opening: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return when an attempt at the same started of which something is left, or nothing."""
    try:
        left = cast("dict[str, JSON]", json.loads((partial / MANIFEST).read_bytes()))
    except (OSError, ValueError):
        return {}
    same = _what_matters({name: left.get(name) for name in opening}) == _what_matters(opening)
    return {"started": left["started"]} if same else {}


def _what_matters(manifest: Mapping[str, JSON], prefix: str = "") -> dict[str, JSON]:
    """Return a manifest without what changes nothing of what is made."""
    return {
        name: _what_matters(inner, f"{prefix}{name}.") if isinstance(inner, dict) else inner
        for name, inner in manifest.items()
        if f"{prefix}{name}" not in _NO_MATTER
    }


def _has_work(partial: Path) -> bool:
    return any(path.name not in _OURS for path in partial.glob("*"))


def _owner(pid: int) -> str:
    return f"{pid} {platform.node()}"


def _refuse_living_owner(out: Path, partial: Path) -> None:
    owner = partial / _OWNER
    if not owner.exists():
        return
    pid, _, host = owner.read_text(encoding="utf-8").partition(" ")
    if host == platform.node() and not _is_alive(int(pid)):
        return
    raise ConfigError.at(
        "out",
        str(out),
        f"process {pid} on {host} is writing it",
        fix=f"Wait for it, or remove {partial} if that process is gone",
    )


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _opening(config: Config, inputs: Iterable[Path]) -> dict[str, JSON]:
    started = datetime.now(UTC).isoformat()
    verb = type(config).__name__.removesuffix("Config").lower()
    settings = {name: _plain(value) for name, value in asdict(config).items()}
    return {
        "verb": verb,
        "config": settings,
        "seed": settings.get("seed"),
        "inputs": _hashes_of_inputs(inputs),
        "started": started,
    }


def _plain(value: object) -> JSON:
    match value:
        case Path():
            return str(value)
        case dict():
            return {name: _plain(inner) for name, inner in cast("dict[str, object]", value).items()}
        case tuple():
            return [_plain(item) for item in cast("tuple[object, ...]", value)]
        case _:
            return cast("JSON", value)


def _hashes_of_inputs(inputs: Iterable[Path]) -> dict[str, JSON]:
    hashes: dict[str, JSON] = {}
    for path in inputs:
        if path.is_dir():
            hashes |= {str(path / name): digest for name, digest in _hashes_under(path).items()}
        elif path.exists():
            hashes[str(path)] = sha256(path)
        else:
            raise DataError.at(
                "input", str(path), "there is no such file or directory", fix="Name one that exists"
            )
    return hashes


def _hashes_under(directory: Path) -> dict[str, str]:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): sha256(path) for path in files}


def _seal(run: Run, out: Path, opening: Mapping[str, JSON]) -> None:
    write_json(run.path / SUMMARY, run.summary)
    hashes = _hashes_under(run.path)
    outputs: JSON = {name: digest for name, digest in hashes.items() if name not in _OURS}
    for name in outputs:
        _flush(run.path / name)
    notes: dict[str, JSON] = {"notes": dict(run.notes)} if run.notes else {}
    ended = datetime.now(UTC).isoformat()
    manifest = {**opening, "outputs": outputs, **notes, **_environment(), "ended": ended}
    _write_whole(run.path / MANIFEST, _spelled(manifest))
    (run.path / _OWNER).unlink(missing_ok=True)
    for directory in (path for path in run.path.rglob("*") if path.is_dir()):
        _flush(directory)
    _flush(run.path)
    run.path.replace(out)
    _flush(out.parent)


def _flush(path: Path) -> None:
    """Make a file's bytes, or a directory's names, outlast a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def versions() -> dict[str, str]:
    """Return the versions of adhere, of Python, and of the packages that can change a run's numbers."""
    found = {name: version for name in PACKAGES if (version := installed(name))}
    return {"adhere": __version__, "python": platform.python_version(), **found}


def _environment() -> dict[str, JSON]:
    return {
        "code": {"version": __version__, "sha256": _source_hash()},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: version for name in PACKAGES if (version := installed(name))},
    }


def installed(package: str) -> str | None:
    """Return a package's version, or `None`; asked of the installation, which is quicker than an import."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _source_hash() -> str:
    """Tell two states of the code apart where the version does not, as between two commits."""
    source = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(source.rglob("*.py")):
        digest.update(f"{path.relative_to(source).as_posix()} {sha256(path)}\n".encode())
    return digest.hexdigest()
