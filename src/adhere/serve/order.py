"""What a request asks of a model, whichever API it came in by, and what comes back.

Needs no torch and no HTTP: bodies are read into it, engines and upstreams work from it.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from adhere.records import JSON
from adhere.schema import Schema

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
Reason: TypeAlias = Literal["stop", "length"]
"""stop: the model came to its end, or to a text that it was to stop at. length: its tokens were spent; such
an answer is never called valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of a tool that a model made in an earlier turn."""

    id: str
    name: str
    arguments: str
    """JSON, as the model wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of a conversation."""

    role: Role
    content: str
    calls: tuple[Call, ...] = ()
    """Of an assistant."""
    answers: str = ""
    """The id of the call that a tool's message answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that a model may call."""

    name: str
    description: str
    parameters: Schema


@dataclass(frozen=True, slots=True)
class AnyText:
    """Nothing is promised."""


@dataclass(frozen=True, slots=True)
class AnyObject:
    """Some JSON object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obeying:
    """JSON that obeys a schema."""

    schema: Schema
    lenient: bool = False
    """Whether to answer although the grammar cannot guarantee all that the schema says; the reply is labelled
    so."""


@dataclass(frozen=True, slots=True)
class Matching:
    """Text that a regular expression matches whole."""

    pattern: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of some texts."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spelled:
    """Text of a grammar in Lark's notation, as llguidance reads it."""

    grammar: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Calling:
    """A call of one of some tools, with arguments that obey its parameters."""

    tools: tuple[Tool, ...]
    must: bool = True
    """Whether a call is the only answer; otherwise text is one too."""


Wanted: TypeAlias = AnyText | AnyObject | Obeying | Matching | OneOf | Spelled | Calling


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked for."""

    id: str
    """Of the request; in every log line and in the reply."""
    client: str = ""
    """Who asks: the name of the key, empty where none is asked for. Clients are given turns fairly."""
    turns: tuple[Turn, ...] = ()
    """The conversation; empty where `prompt` is given."""
    prompt: str = ""
    """Text that is continued as it stands."""
    wanted: Wanted
    n: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int | None = None
    """Most tokens of an answer; `None` for the server's own limit, and no more than the context leaves."""
    stop: tuple[str, ...] = ()
    """Texts that end an answer; they are not part of it."""
    seed: int | None = None
    """`None` draws one for the request."""
    alternatives: int | None = None
    """How many likelier tokens are told beside each; `None` tells of no token."""
    begun: Callable[[], None] | None = None
    """Told, once and in any thread, when the order's turn comes: the queue is behind it."""
    deadline: float | None = None
    """When the answer is no use any more, by `time.monotonic`."""
    streamed: bool = False
    """Whether pieces are of use as they come; otherwise each answer has at most one, just before its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token that was written."""

    text: str
    logprob: float
    """Of what the constraint left: 0 where it was forced."""
    alternatives: tuple[tuple[str, float], ...] = ()
    """Likeliest first."""
    raw: bytes = b""
    """Its bytes, where they are part of a character; empty where `text` says it all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A further piece of an answer; pieces together are its text."""

    index: int
    text: str
    """Never ends within a character, nor with what may be the beginning of a text to stop at."""
    tokens: tuple[Token, ...] = ()
    """Where they were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An answer that is over."""

    index: int
    reason: Reason
    text: str
    """All of it."""
    prompt_tokens: int
    cached_tokens: int = 0
    """How many of the prompt's had been read before."""
    tokens: int
    """Written, over all tries."""
    confidence: Mapping[str, float] | None = None
    """How sure the model was of each leaf, raw, by pointer; `None` where that is not known."""
    tries: int = 1
    note: Mapping[str, JSON] | None = None
    """What else the reply's `adhere` block says of it."""


Event: TypeAlias = Written | Ended


class Backend(Protocol):
    """What writes answers: the engine in this process, or a server upstream."""

    def write(self, order: Order) -> AsyncGenerator[Event]:
        """Write the answers to an order: pieces as they come, and each answer's end.

        Closing the iterator, or cancelling who waits on it, ends the work within a step.

        Raises:
            Refusal: It cannot be done, or not now. Nothing was yielded before, unless the deadline passed or
                the model failed on the way.
        """
        ...


class Refusal(Exception):
    """Why a request gets no answer: an HTTP status, and an error as OpenAI's API has it."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        detail: Mapping[str, JSON] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        """One sentence: where, what was given, why it cannot work, what to do."""
        self.param = param
        """The field at fault, as `response_format.json_schema.schema`."""
        self.code = code
        self.retry_after = retry_after
        """Seconds after which it may be asked again."""
        self.detail = detail
        """What else the error says: of a broken promise, the last reply and what all tries took."""
