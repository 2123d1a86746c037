"""Sealed run directories: written aside, hashed, and put in place whole or not at all.

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
from adhere.errors import ConfigError, DataError, TrainingStopped
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
    "numpy",
)
"""Packages whose version can change a run's numbers."""
_OWNER = "owner"


class Run:
    """A directory being written.

    The caller puts files under `path` and sets `summary` before it leaves the `with` block.
    """

    __slots__ = ("keep_on_interrupt", "path", "summary")

    def __init__(self, path: Path) -> None:
        self.path = path
        """Where to write; nothing stands at the final place before the run is sealed."""
        self.summary: Mapping[str, JSON] = {}
        """What the verb prints."""
        self.keep_on_interrupt = False
        """Set once there is something worth keeping, such as a checkpoint."""


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
    started = datetime.now(UTC)
    read = _hashes_of_inputs(inputs)
    run = Run(_claim(out))

    def seal(*, finished: bool) -> None:
        opening = {"finished": finished, **_settings(config), "inputs": read, "started": started.isoformat()}
        _seal(run, out, opening)

    try:
        yield run
        seal(finished=True)
    except (KeyboardInterrupt, TrainingStopped):
        if run.keep_on_interrupt and run.path.exists():
            seal(finished=False)
        raise
    finally:
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
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(f"{text}\n", encoding="utf-8")


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


def _claim(out: Path) -> Path:
    """Make the directory in which `out` is written, and say in it whose it is."""
    partial = out.with_name(f".{out.name}.partial")
    if partial.exists():
        _refuse_living_owner(out, partial)
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    (partial / _OWNER).write_text(_owner(os.getpid()), encoding="utf-8")
    return partial


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


def _settings(config: Config) -> dict[str, JSON]:
    verb = type(config).__name__.removesuffix("Config").lower()
    settings = {name: _plain(value) for name, value in asdict(config).items()}
    return {"verb": verb, "config": settings, "seed": settings.get("seed")}


def _plain(value: object) -> JSON:
    match value:
        case Path():
            return str(value)
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
    (run.path / _OWNER).unlink(missing_ok=True)
    write_json(run.path / SUMMARY, run.summary)
    outputs = _hashes_under(run.path)
    for name in outputs:
        _flush(run.path / name)
    closing = {"outputs": dict[str, JSON](outputs), **_environment(), "ended": datetime.now(UTC).isoformat()}
    write_json(run.path / MANIFEST, {**opening, **closing})
    _flush(run.path / MANIFEST)
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
