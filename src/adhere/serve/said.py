"""What a server upstream replied, whole or in pieces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adhere.endpoint.reply import count, step
from adhere.records import JSON
from adhere.serve.order import Reason, Token

_REASONS: Mapping[str, Reason] = {
    "stop": "stop",
    "tool_calls": "stop",
    "function_call": "stop",
    "length": "length",
}
"""Other reasons, and none, end no whole reply: vLLM's `abort`, or a filter that kept it back."""


@dataclass(slots=True)
class Said:
    """One answer of a chat completion or a completion, as far as it was heard."""

    pieces: list[str] = field(default_factory=list[str])
    ended: str = ""
    """Why, as the server says; empty where it has not said so."""
    model: str = ""
    prompt_tokens: int | None = None
    """`None` where the server does not count."""
    cached_tokens: int = 0
    written_tokens: int | None = None
    tokens: list[Token] = field(default_factory=list[Token])
    """Where they were asked for and told."""
    calls: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Name and arguments of each call."""
    is_reply: bool = False
    """Whether anything was heard that has the shape of a reply."""

    @property
    def text(self) -> str:
        """All that was written beside calls."""
        return "".join(self.pieces)

    @property
    def reason(self) -> Reason | None:
        """Why the answer ended; `None` where it is not whole."""
        return _REASONS.get(self.ended)

    def hear(self, reply: JSON) -> tuple[str, tuple[Token, ...]]:
        """Take in a whole reply, or a piece of one; return the text and the tokens that are new.

        Never raises: what a server sends is judged by what is there when it has ended.
        """
        self.model = _text(step(reply, "model")) or self.model
        self._count(step(reply, "usage"))
        choice = step(step(reply, "choices"), 0)
        if not isinstance(choice, dict):
            return "", ()
        self.is_reply = True
        self.ended = _text(choice.get("finish_reason")) or self.ended
        message = choice.get("message", choice.get("delta"))
        text = _text(step(message, "content")) or _text(choice.get("text"))
        tokens = tuple(_tokens(choice.get("logprobs")))
        self.pieces.append(text)
        self.tokens += tokens
        self._call(step(message, "tool_calls"))
        return text, tokens

    def _count(self, usage: JSON) -> None:
        """Take in what a server counts; where several pieces tell of it, the last one counts."""
        prompt, written = count(step(usage, "prompt_tokens")), count(step(usage, "completion_tokens"))
        self.prompt_tokens = self.prompt_tokens if prompt is None else prompt
        self.written_tokens = self.written_tokens if written is None else written
        cached = count(step(step(usage, "prompt_tokens_details"), "cached_tokens"))
        self.cached_tokens = self.cached_tokens if cached is None else cached

    def _call(self, calls: JSON) -> None:
        """Take in calls; pieces of one have its place in the list."""
        for position, call in enumerate(calls if isinstance(calls, list) else ()):
            place = count(step(call, "index"))
            place = position if place is None else place
            function = step(call, "function")
            name, arguments = _text(step(function, "name")), _text(step(function, "arguments"))
            if place < len(self.calls):
                known = self.calls[place]
                self.calls[place] = known[0] + name, known[1] + arguments
            else:
                self.calls.append((name, arguments))


def _tokens(given: JSON) -> Sequence[Token]:
    """Read the tokens of a chat completion or a completion; none where they are told in no such way."""
    content = step(given, "content")
    if isinstance(content, list):
        return [
            Token(
                text=_text(step(each, "token")),
                logprob=_number(step(each, "logprob")),
                alternatives=tuple(
                    (_text(step(other, "token")), _number(step(other, "logprob")))
                    for other in _list(step(each, "top_logprobs"))
                ),
                raw=_raw(step(each, "bytes"), _text(step(each, "token"))),
            )
            for each in content
        ]
    texts, logprobs = _list(step(given, "tokens")), _list(step(given, "token_logprobs"))
    tops = _list(step(given, "top_logprobs")) or [None] * len(texts)
    if not len(texts) == len(logprobs) == len(tops):
        return []
    return [
        Token(text=_text(text), logprob=_number(logprob), alternatives=_alternatives(top))
        for text, logprob, top in zip(texts, logprobs, tops, strict=True)
    ]


def _raw(given: JSON, text: str) -> bytes:
    """Read the bytes of a token, where its text does not say them."""
    octets = [octet for octet in _list(given) if isinstance(octet, int) and octet in range(256)]
    return b"" if bytes(octets) == text.encode() else bytes(octets)


def _alternatives(top: JSON) -> tuple[tuple[str, float], ...]:
    found = top.items() if isinstance(top, dict) else ()
    return tuple(sorted(((text, _number(each)) for text, each in found), key=lambda each: -each[1]))


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else ""


def _list(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []


def _number(value: JSON) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
