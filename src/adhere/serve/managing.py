"""The verb `adhere key`: make, list, end and replace API keys."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from adhere.config.guarding import KeyConfig
from adhere.errors import ConfigError, perhaps
from adhere.records import JSON
from adhere.serve.keys import Key, changing, made, read, write


def manage(config: KeyConfig) -> Mapping[str, JSON]:
    """Do what is asked of the keys of a file, and return what is printed.

    Raises:
        ConfigError: No key has the name, or add is asked for and one has.
        DataError: The file cannot be read or written.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    if config.do == "list":
        return {"keys": [_row(key, now) for key in read(config.keys) if config.name in (None, key.name)]}
    with changing(config.keys):
        is_first = config.do == "add" and not config.keys.exists()
        keys = () if is_first else read(config.keys)
        match config.do:
            case "add":
                return _add(config, keys, now)
            case "revoke":
                return _revoke(config, keys, now)
            case "rotate":
                return _rotate(config, keys, now)


def _add(config: KeyConfig, keys: Sequence[Key], now: datetime) -> Mapping[str, JSON]:
    if any(_works(key, config.name, now) for key in keys):
        why, fix = "a key of this name works", "Use rotate, or another name"
        raise ConfigError.at("key.name", config.name, why, fix=fix)
    secret, id, sha256 = made(taken=(key.id for key in keys))
    key = Key(
        id=id,
        name=str(config.name),
        sha256=sha256,
        scopes=tuple(sorted(set(config.scopes))),
        created=now,
        expires=_after(now, config.days),
        requests_per_minute=config.requests_per_minute,
        tokens_per_minute=config.tokens_per_minute,
        concurrency=config.concurrency,
    )
    write(config.keys, [*keys, key])
    return {"key": secret, **_row(key, now)}


def _revoke(config: KeyConfig, keys: Sequence[Key], now: datetime) -> Mapping[str, JSON]:
    ended = _working(config, keys, now)
    write(config.keys, [replace(key, revoked=now) if key in ended else key for key in keys])
    return {"revoked": [key.id for key in ended]}


def _rotate(config: KeyConfig, keys: Sequence[Key], now: datetime) -> Mapping[str, JSON]:
    """Give the name a new key that may do what its newest may; its others end after the overlap."""
    old = _working(config, keys, now)
    end = now + timedelta(hours=config.overlap)
    secret, id, sha256 = made(taken=(key.id for key in keys))
    new = replace(old[-1], id=id, sha256=sha256, created=now, expires=_after(now, config.days))
    ending = [replace(key, expires=min(end, key.expires or end)) if key in old else key for key in keys]
    write(config.keys, [*ending, new])
    return {
        "key": secret,
        **_row(new, now),
        "until": {key.id: _told(min(end, key.expires or end)) for key in old},
    }


def _working(config: KeyConfig, keys: Sequence[Key], now: datetime) -> list[Key]:
    """Return the keys of the name that work, in the file's order, which is that of their making."""
    found = [key for key in keys if _works(key, config.name, now)]
    if not found:
        why = f"no key of this name works{perhaps(str(config.name), (key.name for key in keys))}"
        raise ConfigError.at("key.name", config.name, why, fix="See adhere key list")
    return found


def _works(key: Key, name: str | None, now: datetime) -> bool:
    return key.name == name and key.standing(now) == "works"


def _row(key: Key, now: datetime) -> dict[str, JSON]:
    return {
        "id": key.id,
        "name": key.name,
        "standing": key.standing(now),
        "scopes": list(key.scopes),
        "created": _told(key.created),
        "expires": _told(key.expires),
        "revoked": _told(key.revoked),
        "requests_per_minute": key.requests_per_minute,
        "tokens_per_minute": key.tokens_per_minute,
        "concurrency": key.concurrency,
    }


def _told(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _after(now: datetime, days: float | None) -> datetime | None:
    return None if days is None else now + timedelta(days=days)
