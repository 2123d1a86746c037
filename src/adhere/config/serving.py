"""Settings of the verb that answers over HTTP."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from adhere.config.guarding import LimitSettings, refuse_stranger_address
from adhere.config.ranges import above, at_least, within
from adhere.config.remote import RemoteSettings
from adhere.errors import ConfigError

Manner: TypeAlias = Literal["trained", "chat"]
"""How a conversation becomes a prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeConfig:
    """Answer over HTTP as OpenAI's API does, with every promise kept."""

    model: str = "nano"
    """nano, a directory, or a Hugging Face id."""
    name: str | None = None
    """What requests call the model; None for the last part of what --model says, or the name upstream."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for every network."""
    port: int = 8000
    """Port to listen on; 0 takes one that is free."""
    schema: str | None = None
    """JSON Schema, or file.py:Model for a Pydantic model, that answers obey where a request says nothing of
    their form."""
    manner: Manner | None = None
    """trained: where JSON of a schema is wanted, the prompt is the one that models trained here know. chat:
    the messages go through the model's own chat template as they are. None for trained, or upstream for
    chat."""
    fields: bool = False
    """Say in every reply how sure the model is of each field, and where in the prompt it was found."""
    undecided_below: float | None = None
    """Confidence, in [0, 1], below which a field is undecided; None leaves that to the request."""
    temperature: float = 0.0
    """Of requests that give none."""
    max_new_tokens: int = 1024
    """Longest answer, in tokens, whatever a request asks for."""
    seconds: float = 120.0
    """Longest time that a request may wait and be answered."""
    drain: float = 30.0
    """Seconds that answers under way have when the server is told to stop."""
    queue: int = 256
    """Requests that may wait; the next is refused, and told when to come again."""
    rows: int = 32
    """Answers that a worker writes at once."""
    workers: int | None = None
    """Threads that answer, each on one core; None for one per core, and a single one on a GPU."""
    deterministic: bool = False
    """Give the same bytes for the same request, whatever else is answered at the time; slower."""
    remembered_mib: int = 256
    """Memory for what prompts begin with, so that it is read once."""
    room_mib: int = 2048
    """Memory of each worker for what it has read and written of answers under way."""
    upstream: str | None = None
    """Address of an OpenAI-compatible server that writes the answers, as http://host:8000/v1; no model is
    loaded here."""
    upstream_model: str | None = None
    """The model's name there; None for the only one that it has."""
    remote: RemoteSettings = field(default_factory=RemoteSettings)
    """How that server is asked."""
    keys: Path | None = None
    """File made by `adhere key add`: only who has one of its keys is answered."""
    open: bool = False
    """Answer everyone who reaches the address, without keys."""
    limits: LimitSettings = field(default_factory=LimitSettings)
    """What a request may be."""
    log_content: bool = False
    """Write prompts and answers into the log."""
    json: bool = False
    """Print one JSON object at the end instead of a table."""

    def __post_init__(self) -> None:
        within("serve.port", self.port, 0, 65535, "there is no such port")
        if self.undecided_below is not None:
            within("serve.undecided_below", self.undecided_below, 0, 1, "a confidence is a share")
        within("serve.temperature", self.temperature, 0, 2, "OpenAI's API knows no other")
        at_least("serve.max_new_tokens", self.max_new_tokens, 1, "an answer needs a token")
        above("serve.seconds", self.seconds, 0, "no answer can come in no time")
        at_least("serve.drain", self.drain, 0, "a time cannot be negative")
        at_least("serve.queue", self.queue, 1, "nothing would be answered")
        at_least("serve.rows", self.rows, 1, "nothing would be answered")
        if self.workers is not None:
            at_least("serve.workers", self.workers, 1, "nothing would be answered")
        at_least("serve.remembered_mib", self.remembered_mib, 0, "a memory cannot be negative")
        refuse_stranger_address(self.host, keys=self.keys, is_open=self.open)
        at_least("serve.room_mib", self.room_mib, 1, "no answer would have room")
        self._refuse_names()

    def _refuse_names(self) -> None:
        """Refuse names and addresses that are none."""
        if self.name is not None and not self.name.strip():
            raise ConfigError.at("serve.name", self.name, "requests could not name it", fix="Give a name")
        if self.upstream is None:
            if self.upstream_model is not None:
                why = "there is no server upstream that could have it"
                fix = "Give --upstream too, or name it with --model"
                raise ConfigError.at("serve.upstream_model", self.upstream_model, why, fix=fix)
            return
        if not _is_address(self.upstream):
            # What is not shown may be a secret.
            given = self.upstream.partition("//")[0]
            why = "it is no plain address of a server"
            fix = "Write http://host:8000/v1, and name the key's variable with --remote.key-from"
            raise ConfigError.at("serve.upstream", given, why, fix=fix)

    @property
    def prompted(self) -> Manner:
        """How a conversation becomes a prompt."""
        return self.manner or ("trained" if self.upstream is None else "chat")

    @property
    def called(self) -> str:
        """What requests call a model that is loaded here."""
        return self.name or Path(self.model).name or self.model


def _is_address(given: str) -> bool:
    """Whether it is the address of a server and nothing else, such as a password."""
    try:
        parts = urlsplit(given)
        parts.port  # noqa: B018
    except ValueError:
        return False
    beside = parts.username or parts.password or parts.query or parts.fragment
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not beside
