"""The name of a model on a server: `openai:<model>@<base url>`."""

import re
from dataclasses import dataclass

import httpx2

from adhere.config import SERVED
from adhere.errors import ConfigError

PREFIX = SERVED
_PARTS = re.compile(rf"{PREFIX}(?P<model>.+?)@(?P<url>[A-Za-z][A-Za-z0-9+.-]*://\S+)")
_EXAMPLE = "Write openai:<model>@<base url>, such as openai:qwen3@http://localhost:8000/v1"


@dataclass(frozen=True, slots=True)
class Reference:
    """A model and the server that has it."""

    model: str
    """As the server calls it."""
    base_url: str
    """What `/chat/completions` is put behind; without a slash at its end."""


def is_reference(name: str) -> bool:
    """Whether the name of a model means one on a server."""
    return name.startswith(PREFIX)


def parse_reference(reference: str, *, where: str = "teacher") -> Reference:
    """Read the name of a model on a server.

    Args:
        reference: `openai:<model>@<base url>`.
        where: The setting that it is the value of.

    Raises:
        ConfigError: It is none; or its URL is not plain http or https, or holds a key, which would be written
            down with it.
    """
    found = _PARTS.fullmatch(reference)
    url = None if found is None else _url(found["url"])
    if found is None or url is None or not url.host:
        raise ConfigError.at(where, reference, "it names no model on a server", fix=_EXAMPLE)
    if url.scheme not in ("http", "https"):
        raise ConfigError.at(where, reference, f"servers are not asked by {url.scheme}", fix=_EXAMPLE)
    if url.userinfo or url.query or url.fragment:
        raise ConfigError.at(
            where,
            f"{PREFIX}{found['model']}@{url.scheme}://…",
            "a URL with a user, a query or a fragment may hold a secret, and it is written into manifests",
            fix="Put the key into the environment variable that --endpoint.key-from names",
        )
    return Reference(found["model"], found["url"].rstrip("/"))


def _url(text: str) -> httpx2.URL | None:
    """Take a URL apart; `None` where it is none."""
    try:
        return httpx2.URL(text)
    except httpx2.InvalidURL:
        return None
