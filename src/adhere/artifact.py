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
import platform
import shutil
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import cast

from adhere import __version__, claim
from adhere.claim import flush, refuse_existing, write_whole
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
_OURS = frozenset({MANIFEST, f".{MANIFEST}", claim.OWNER, f".{claim.OWNER}"})
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
        "config.report_to",
        "config.saving.every",
        "config.stop",
        "config.workers",
        "platform",
        "started",
    }
)
"""What may change between two attempts of which one goes on from the other: how the work is done, how long
and where, but not what comes of it."""


class Run:
    """A directory being written.

    The caller puts files under `path` and sets `summary` before it leaves the `with` block.
    """

    __slots__ = ("keep_on_error", "keep_on_interrupt", "notes", "path", "resumed", "scratch", "summary")

    def __init__(self, path: Path, *, resumed: bool = False, scratch: str | None = None) -> None:
        self.path = path
        """Where to write; nothing stands at the final place before the run is sealed."""
        self.summary: Mapping[str, JSON] = {}
        """What the verb prints."""
        self.notes: Mapping[str, JSON] = {}
        """What the manifest says besides what it says of every run."""
        self.resumed = resumed
        """Whether `path` holds the files of an earlier attempt; only ever in `resuming`."""
        self.keep_on_interrupt = False
        """Set once there is something worth showing, such as a model."""
        self.keep_on_error = False
        """In `resuming`: set where the same command may get further after an `AdhereError`."""
        self.scratch = scratch
        """Name of the directory in `path` that goes when the run is sealed as finished; in `resuming`."""


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
    refuse_existing(out)
    opening = _opening(config, inputs)
    with claim.one_at_a_time(out.parent):
        refuse_existing(out)
        run = Run(claim.take(out))
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
def resuming(
    out: Path, config: Config, *, inputs: Iterable[Path] = (), scratch: str | None = None
) -> Generator[Run]:
    """Write the directory `out` as `writing` does, going on from what an earlier attempt left.

    What a process left that was killed, stopped with Ctrl-C, or met a fault such as a full disk, is given to
    the next that asks for the same: `run.resumed` is true then, and `run.path` holds its files. The same is:
    equal settings, but for those that say only how the work is done, how long and how it is watched (`json`,
    `workers`, `stop`, `report_to`, `saving.every`, and all of `endpoint` but `temperature` and `max_tokens`);
    inputs with equal bytes; and the same code, Python and packages. What was left of anything else is
    removed, save where it has a `scratch`. What another process is writing is refused.

    The caller goes on from the files alone: `summary` and `notes` are empty again, save where the run was
    done and the kill came before it stood in its place; then they are those of the run. A file that was
    appended to may have lost what was written last, up to the middle of a line, so write a line at a time and
    drop what stands after the last newline. A file that was replaced by renaming another is whole.

    An `AdhereError` removes what was written, for the same command would meet it again; with
    `run.keep_on_error` it does not. Every other exception leaves it where any file was written. With
    `run.keep_on_interrupt`, Ctrl-C and `TrainingStopped` seal the directory as unfinished, in its place, and
    the same command takes it up from there. All go on to the caller; a `KeyboardInterrupt` has a note then
    that says how to go on.

    Args:
        out: Made with its parents; an empty directory is replaced.
        config: Goes into the manifest.
        inputs: Files, and directories with all that is in them, hashed before the run starts.
        scratch: Name of a directory in `run.path` that the next attempt needs and a finished run does not. It
            goes when the run is sealed as finished. What is left of another run is refused where it has one.

    Raises:
        ConfigError: `out` stands already, and not unfinished and of the same run; or there is an unfinished
            one of another run; or another process is writing it.
        DataError: An input does not exist.
    """
    out = out.absolute()
    if _left(out).get("finished") is not False:
        refuse_existing(out)
    opening = {**_opening(config, inputs), **_environment()}
    with claim.one_at_a_time(out.parent):
        _take_back(out, opening)
        run = _taken_up(out, opening, scratch)
    kept = False
    try:
        yield run
        _seal(run, out, {"finished": True, **opening})
    except BaseException as fault:
        kept = _has_work(run.path) and (run.keep_on_error or not isinstance(fault, AdhereError))
        if kept and isinstance(fault, KeyboardInterrupt):
            fault.add_note("Run the same command again, and it goes on from what was saved.")
        if kept and run.keep_on_interrupt and isinstance(fault, (KeyboardInterrupt, TrainingStopped)):
            _seal(run, out, {"finished": False, **opening})
        raise
    finally:
        if kept:
            (run.path / claim.OWNER).unlink(missing_ok=True)
        else:
            shutil.rmtree(run.path, ignore_errors=True)


def ended(out: Path, config: Config, *, look_at_inputs: bool = True) -> Mapping[str, JSON] | None:
    """Return the summary of the run of these settings that stands at `out`; `None` where none has ended.

    A run has ended that is finished, and one that ended itself because it taught nothing; one that was cut
    short has not. Settings that say only how the work is done may differ, as in `resuming`; so may the code.

    Args:
        out: Where it may stand.
        config: The settings.
        look_at_inputs: Whether what it read must still be there, with equal bytes.

    Raises:
        ConfigError: A run of other settings or other inputs stands there.
    """
    left = _left(out)
    summary: Mapping[str, JSON] = _read(out / SUMMARY) if left else {}
    if not left or (left.get("finished") is False and not summary):
        return None
    asked: dict[str, JSON] = {"verb": verb_of(config), "config": _settings(config)}
    if look_at_inputs:
        read = cast("dict[str, str]", left["inputs"])
        asked["inputs"] = {name: sha256(Path(name)) if Path(name).is_file() else "gone" for name in read}
    if differing := _differing(left, asked):
        raise ConfigError.at(
            "out",
            str(out),
            f"another run stands there, which differs in {', '.join(differing)}",
            fix="Ask for what it was asked for, remove it to have it made anew, or name another directory",
        )
    return summary


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


def _spelled(value: Mapping[str, JSON]) -> str:
    return f"{json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)}\n"


def _take_back(out: Path, opening: Mapping[str, JSON]) -> None:
    """Make what was sealed as unfinished a directory that is being written, where it is of the same run."""
    left = _left(out)
    if left.get("finished") is not False:
        refuse_existing(out)
        return
    if differing := _differing(left, opening):
        raise ConfigError.at(
            "out",
            str(out),
            f"it holds an unfinished run, which differs in {', '.join(differing)}",
            fix="Ask for the same as that run to go on with it, or name another directory",
        )
    partial = claim.partial(out)
    claim.refuse_living_owner(out)
    shutil.rmtree(partial, ignore_errors=True)
    out.replace(partial)


def _taken_up(out: Path, opening: dict[str, JSON], scratch: str | None) -> Run:
    """Return the run that goes on from what is left of the same one, which then says when it started."""
    partial = claim.partial(out)
    left = _left(partial)
    differing = _differing(left, opening)
    if differing and left and scratch and (partial / scratch).exists():
        claim.refuse_living_owner(out)
        raise ConfigError.at(
            "out",
            str(out),
            f"{partial} holds an unfinished run, which differs in {', '.join(differing)}",
            fix="Ask for the same as that run to go on with it, remove it, or name another directory",
        )
    run = Run(claim.take(out, keep=not differing), resumed=not differing, scratch=scratch)
    says: dict[str, JSON] = {"finished": False}
    if run.resumed:
        opening["started"] = left["started"]
        if left["finished"] is True:
            run.summary = _read(run.path / SUMMARY)
            run.notes = cast("Mapping[str, JSON]", left.get("notes", {}))
            says = dict(left)
    write_whole(run.path / MANIFEST, _spelled({**says, **opening}))
    return run


def _left(directory: Path) -> Mapping[str, JSON]:
    """Return the manifest of a directory; an empty one where there is none that can be read."""
    try:
        return _read(directory / MANIFEST)
    except (OSError, ValueError):
        return {}


def _read(path: Path) -> Mapping[str, JSON]:
    return cast("Mapping[str, JSON]", json.loads(path.read_bytes()))


def _differing(left: Mapping[str, JSON], opening: Mapping[str, JSON]) -> list[str]:
    """Return what two attempts differ in, of what changes what is made."""
    theirs, ours = _what_matters({name: left.get(name) for name in opening}), _what_matters(opening)
    return sorted(name for name in theirs.keys() | ours.keys() if theirs.get(name) != ours.get(name))


def _what_matters(manifest: Mapping[str, JSON], prefix: str = "") -> dict[str, JSON]:
    """Return what a manifest says, by path, without what changes nothing of what is made."""
    found: dict[str, JSON] = {}
    for name, value in manifest.items():
        if isinstance(value, dict) and value:
            found |= _what_matters(value, f"{prefix}{name}.")
        elif f"{prefix}{name}" not in _NO_MATTER:
            found[f"{prefix}{name}"] = value
    return found


def _has_work(partial: Path) -> bool:
    return any(path.name not in _OURS for path in partial.glob("*"))


def _opening(config: Config, inputs: Iterable[Path]) -> dict[str, JSON]:
    started = datetime.now(UTC).isoformat()
    settings = _settings(config)
    return {
        "verb": verb_of(config),
        "config": settings,
        "seed": settings.get("seed"),
        "inputs": _hashes_of_inputs(inputs),
        "started": started,
    }


def verb_of(config: Config) -> str:
    """Return the verb whose settings these are."""
    return type(config).__name__.removesuffix("Config").lower()


def _settings(config: Config) -> dict[str, JSON]:
    return {name: _plain(value) for name, value in asdict(config).items()}


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
    return {name: sha256(directory / name) for name in _files_under(directory)}


def _files_under(directory: Path, *, but: Path | None = None) -> list[str]:
    """Return the paths of all files within a directory, save those within another, in order."""
    files = sorted(path for path in directory.rglob("*") if path.is_file() and but not in path.parents)
    return [path.relative_to(directory).as_posix() for path in files]


def _seal(run: Run, out: Path, opening: Mapping[str, JSON]) -> None:
    write_json(run.path / SUMMARY, run.summary)
    scratch = run.path / run.scratch if run.scratch and opening["finished"] else None
    files = [name for name in _files_under(run.path, but=scratch) if name not in _OURS]
    outputs: JSON = {name: sha256(run.path / name) for name in files}
    for name in files:
        flush(run.path / name)
    notes: dict[str, JSON] = {"notes": dict(run.notes)} if run.notes else {}
    ended = datetime.now(UTC).isoformat()
    manifest = {**opening, "outputs": outputs, **notes, **_environment(), "ended": ended}
    write_whole(run.path / MANIFEST, _spelled(manifest))
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)
    with claim.one_at_a_time(out.parent):
        (run.path / claim.OWNER).unlink(missing_ok=True)
        for directory in (path for path in run.path.rglob("*") if path.is_dir()):
            flush(directory)
        flush(run.path)
        run.path.replace(out)
        flush(out.parent)


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
