"""API keys in a file: who may ask, for what, how much and until when.

A key is `adh_<id>_<secret>`. The secret has 256 random bits, so nobody finds it by trying, however fast the
hash is: SHA-256 keeps it as well as a slow hash would, and costs a server a microsecond for each request
instead of its processor. Slow hashes are for secrets that people think up.
"""

import fcntl
import hashlib
import hmac
import os
import re
import secrets
import stat
import tempfile
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

import structlog
from pydantic import AwareDatetime, ConfigDict, PositiveInt, TypeAdapter, ValidationError

from adhere.config.guarding import Scope
from adhere.errors import DataError

Standing: TypeAlias = Literal["works", "expired", "revoked"]

_KEY = re.compile(r"adh_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")
_LOOK = 0.5
"""Seconds between two looks at whether the file has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What the file has of a key."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    id: str
    """Part of the key; no secret."""
    name: str
    """Whose it is; two keys share a name while one replaces the other."""
    sha256: str
    """Of the whole key, in hexadecimal digits."""
    scopes: tuple[Scope, ...]
    created: AwareDatetime
    expires: AwareDatetime | None = None
    revoked: AwareDatetime | None = None
    requests_per_minute: PositiveInt | None = None
    tokens_per_minute: PositiveInt | None = None
    concurrency: PositiveInt | None = None

    def standing(self, now: datetime) -> Standing:
        """Say whether the key works at a time."""
        if self.revoked is not None and self.revoked <= now:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "works"


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody who is not let in."""

    why: str
    """A sentence for them; it tells nothing that only a key's owner may know."""


_FILE = TypeAdapter(dict[Literal["keys"], tuple[Key, ...]])


def made(*, taken: Iterable[str] = ()) -> tuple[str, str, str]:
    """Return a new key, its id and its hash.

    Args:
        taken: Ids that other keys have.
    """
    known = set(taken)
    id = next(drawn for drawn in iter(lambda: secrets.token_hex(4), "") if drawn not in known)
    key = f"adh_{id}_{secrets.token_urlsafe(32)}"
    return key, id, _sha256(key)


def read(path: Path) -> tuple[Key, ...]:
    """Read a file of keys.

    Raises:
        DataError: There is none, or it is not one.
    """
    try:
        return _FILE.validate_json(path.read_bytes()).get("keys", ())
    except OSError as fault:
        why = str(fault.strerror or fault).lower()
        raise DataError.at("keys", str(path), why, fix="Make it with adhere key add") from fault
    except ValidationError as fault:
        first = fault.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        why = f"{place}: {first['msg'].lower()}"
        raise DataError.at("keys", str(path), why, fix="Change it with adhere key only") from fault


@contextmanager
def changing(path: Path) -> Generator[None]:
    """Keep any other process from changing the same file for the length of a block.

    Raises:
        DataError: The file's directory cannot be opened.
    """
    try:
        directory = os.open(path.absolute().parent, os.O_RDONLY)
    except OSError as fault:
        why = str(fault.strerror or fault).lower()
        raise DataError.at("keys", str(path), why, fix="Name a file in a directory that is there") from fault
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def write(path: Path, keys: Iterable[Key]) -> None:
    """Write a file of keys: whoever reads finds the old one or the new one, also after a power cut.

    Only its owner may read a file that is new; one that is there stays as readable as it is.

    Raises:
        DataError: It cannot be written.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
        number, aside = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
        with os.fdopen(number, "wb") as file:
            file.write(_FILE.dump_json({"keys": tuple(keys)}, indent=2) + b"\n")
            os.fchmod(number, mode)
            file.flush()
            os.fsync(number)
        Path(aside).replace(path)
    except OSError as fault:
        why = str(fault.strerror or fault).lower()
        raise DataError.at("keys", str(path), why, fix="Name a file that can be written") from fault


class Keys:
    """The keys of a server. A change of the file is seen within half a second.

    A file that cannot be read any more changes nothing: the keys that were read last stay, and the fault is
    logged once.

    Raises:
        DataError: The file cannot be read at the beginning.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._seen = self._mark()
        self._looked = clock()
        self._by_id = {key.id: key for key in read(path)}

    def owner(self, given: str) -> Key | Stranger:
        """Return the key that was given, where it works.

        How long that takes depends on the id that was given, which is no secret, and on nothing else.
        """
        self._look()
        shape = _KEY.fullmatch(given)
        key = self._by_id.get(shape[1]) if shape else None
        # A key that nobody has is compared as well, so that no time tells which ids there are.
        is_right = hmac.compare_digest(_sha256(given), key.sha256 if key else _sha256(""))
        if key is None or not is_right:
            return Stranger("The API key is not known here. Ask whoever runs the server for one.")
        match key.standing(datetime.now(UTC)):
            case "works":
                return key
            case "expired":
                return Stranger("The API key has expired. Ask whoever runs the server for a new one.")
            case "revoked":
                return Stranger("The API key has been revoked. Ask whoever runs the server for a new one.")

    def __len__(self) -> int:
        return len(self._by_id)

    def _look(self) -> None:
        """Read the file again where it has changed."""
        now = self._clock()
        if now - self._looked < _LOOK:
            return
        self._looked = now
        mark = self._mark()
        if mark == self._seen:
            return
        self._seen = mark
        log = structlog.get_logger("adhere.serve")
        try:
            self._by_id = {key.id: key for key in read(self._path)}
        except DataError as fault:
            log.warning("keys.unreadable", why=str(fault))
        else:
            log.info("keys.read", keys=len(self._by_id))

    def _mark(self) -> tuple[int, ...]:
        """Return what changes when the file does."""
        try:
            now = self._path.stat()
        except OSError:
            return ()
        return now.st_ino, now.st_dev, now.st_size, now.st_mtime_ns


def _sha256(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
