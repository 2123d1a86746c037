"""Settings of what stands in front of a server: API keys, and limits of what a stranger may send."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, TypeAlias

from adhere.config.ranges import above, at_least
from adhere.errors import ConfigError

Scope: TypeAlias = Literal["generate", "models", "metrics"]
"""generate: have answers written. models: list the models. metrics: read the server's figures."""
KeyAct: TypeAlias = Literal["add", "list", "revoke", "rotate"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a key may be called: it stands in logs and in figures as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyConfig:
    """Make, list, end and replace the API keys of a server."""

    do: KeyAct
    """add: make a key and print it, once. list: say which there are. revoke: end every key of a name. rotate:
    make a second key for a name, and let the first end later. Its flag may be left out."""
    keys: Path = Path("keys.json")
    """File of the keys, of which it holds hashes only; add makes it. A running server sees its changes."""
    name: str | None = None
    """Whose key it is: letters, digits, points, hyphens and underscores. Logs and figures use it."""
    scopes: tuple[Scope, ...] = ("generate", "models")
    """What a new key may do: generate, models, metrics."""
    days: float | None = None
    """How long a new key works; None for no end."""
    requests_per_minute: int | None = None
    """Of a new key, and most at once; None for no limit."""
    tokens_per_minute: int | None = None
    """Of a new key, read and written; None for no limit."""
    concurrency: int | None = None
    """Requests of a new key that may be under way at once; None for no limit."""
    overlap: float = 24.0
    """Hours that the old keys of a name go on working after rotate."""
    json: bool = False
    """Print one JSON object instead of a table."""

    def __post_init__(self) -> None:
        if self.name is None and self.do != "list":
            fix = "Give --name"
            raise ConfigError.at("key.name", self.name, f"{self.do} is about the keys of one name", fix=fix)
        if self.name is not None and not NAME.fullmatch(self.name):
            why = "it stands in every log line"
            fix = "Use at most 64 letters, digits, points, hyphens and underscores, a letter or digit first"
            raise ConfigError.at("key.name", self.name, why, fix=fix)
        if not self.scopes:
            raise ConfigError.at("key.scopes", self.scopes, "the key could do nothing", fix="Name one")
        if self.days is not None:
            above("key.days", self.days, 0, "the key would never work")
        at_least("key.overlap", self.overlap, 0, "a key cannot have ended before")
        for limit in ("requests_per_minute", "tokens_per_minute", "concurrency"):
            given = getattr(self, limit)
            if given is not None:
                at_least(f"key.{limit}", given, 1, "every request would be refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """What a request may be, and how long it may take to come."""

    header_kib: int = 16
    """Largest head of a request, in KiB."""
    body_mib: float = 4.0
    """Largest body, in MiB; counted while it comes."""
    bodies_mib: float = 256.0
    """Largest sum of the bodies under way, in MiB."""
    receipt: float = 30.0
    """Seconds within which a request must have come, its body too; and for which a reply may wait for its
    reader."""
    connections: int = 1000
    """Most connections. Beyond it the one that has been sending its request longest is closed."""

    def __post_init__(self) -> None:
        at_least("limits.header_kib", self.header_kib, 1, "no request would fit")
        above("limits.body_mib", self.body_mib, 0, "no request would fit")
        at_least("limits.bodies_mib", self.bodies_mib, self.body_mib, "the largest body would not fit")
        above("limits.receipt", self.receipt, 0, "no request would come in time")
        at_least("limits.connections", self.connections, 1, "nobody could connect")

    @property
    def header_bytes(self) -> int:
        """Largest head, in bytes."""
        return self.header_kib * 1024

    @property
    def body_bytes(self) -> int:
        """Largest body, in bytes."""
        return int(self.body_mib * 1024 * 1024)

    @property
    def bodies_bytes(self) -> int:
        """Largest sum of bodies, in bytes."""
        return int(self.bodies_mib * 1024 * 1024)


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is reached from this machine only."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped.is_loopback


def refuse_stranger_address(host: str, *, keys: Path | None, is_open: bool) -> None:
    """Refuse to listen where strangers may ask, without keys and without the user's word for it.

    Raises:
        ConfigError: That is so.
    """
    if keys is None and not is_open and not is_loopback(host):
        raise ConfigError.at(
            "serve.host",
            host,
            "whoever reaches this address could ask anything of the server",
            fix="Give --keys with a file made by adhere key add, or --open to let everyone in",
        )
