"""Settings of how a server upstream is asked to write answers."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from adhere.config.ranges import above, at_least

Dialect: TypeAlias = Literal["openai", "vllm", "llamacpp", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSettings:
    """How a server upstream is asked."""

    dialect: Dialect | Literal["auto"] = "auto"
    """How it is told what a reply must obey. vllm: structured_outputs. llamacpp: json_schema and grammar.
    openai: response_format. none: it is not told, and replies are checked and asked for again. auto: the
    first of vllm, llamacpp and openai that it turns out to obey."""
    key_from: str = "OPENAI_API_KEY"
    """Environment variable that holds its key; where it is unset, none is sent."""
    unconstrained: bool = False
    """Serve what the server cannot be told, or does not obey, by checking replies and asking again alone;
    such replies say so."""
    tries: int = 3
    """Times that one answer is asked for, the first among them."""
    seconds: float = 60.0
    """Longest wait for one try."""
    concurrency: int = 256
    """Answers asked for at once; the next is refused, and told when to come again."""
    canary: float = 600.0
    """Seconds between the questions that show whether the server still obeys; 0 asks at the start only."""

    def __post_init__(self) -> None:
        at_least("remote.tries", self.tries, 1, "nothing would be asked")
        above("remote.seconds", self.seconds, 0, "no reply can come in no time")
        at_least("remote.concurrency", self.concurrency, 1, "nothing would be asked")
        at_least("remote.canary", self.canary, 0, "a time cannot be negative")
