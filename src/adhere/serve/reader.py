"""How a model's tokenizer reads what strangers wrote: its control tokens are none of theirs to write."""

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from jinja2 import TemplateError

from adhere.prompt import Tokenizer
from adhere.records import JSON
from adhere.serve.order import Refusal

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Native

Message: TypeAlias = dict[str, JSON]

_CHARACTERS = 8
"""Characters of a text for each token of the context: of longer ones so many are looked at first, as nearly
all of them are too long."""
_CUT = 64
"""Tokens that a text may have more than the whole because it was cut within a word."""
_PRIVATE = range(0xF0000, 0xFFFFE)
"""Characters that no standard gives a meaning."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A model's tokenizer."""

    tokenizer: Tokenizer
    native: "Native"
    """Reads the names of control tokens as these tokens."""
    plain: "Native"
    """Reads them as text."""
    controls: re.Pattern[str] | None
    """Their names; `None` where there are none."""
    knows_tools: bool
    """Whether the chat template shows tools."""

    def continued(self, text: str, context: int) -> tuple[int, ...]:
        """Return the tokens of a text as it stands, the names of control tokens as these tokens.

        Raises:
            Refusal: It leaves no room for an answer.
        """
        self._refuse_long(text, context, param="prompt")
        tokens = tuple(self.native.encode(text, add_special_tokens=True).ids)
        _refuse_full(len(tokens), context, param="prompt")
        return tokens

    def opened(self, messages: list[Message], tools: JSON, context: int) -> tuple[int, ...]:
        """Return the tokens of a conversation up to the answer, the names of control tokens as text.

        Args:
            messages: As OpenAI's API spells them, but for the arguments of calls, which are objects.
            tools: The same, for a template that shows them.
            context: Most tokens, prompt and answer together, that the model takes.

        Raises:
            Refusal: They leave no room for an answer, or the chat template takes no such conversation.
        """
        marked, shown, names = self._marked(messages, tools)
        text = self._rendered(marked, shown)
        self._refuse_long(text, context, param="messages")
        if not names:
            tokens = self.native.encode(text, add_special_tokens=False).ids
        else:
            tokens = [
                token
                for piece in re.split(f"([{''.join(names)}])", text)
                for token in (
                    self.plain.encode(names[piece], add_special_tokens=False).ids
                    if piece in names
                    else self.native.encode(piece, add_special_tokens=False).ids
                )
            ]
        _refuse_full(len(tokens), context, param="messages")
        return tuple(tokens)

    def _refuse_long(self, text: str, context: int, *, param: str) -> None:
        """Refuse a text of which a part is too long already, before all of it is read."""
        part = _CHARACTERS * context
        if len(text) > part:
            tokens = len(self.native.encode(text[:part], add_special_tokens=False).ids)
            if tokens > context + _CUT:
                raise _full(f"more than {tokens - _CUT}", context, param=param)

    def _marked(self, messages: list[Message], tools: JSON) -> tuple[list[Message], JSON, dict[str, str]]:
        """Put a mark for each name of a control token in what the caller said.

        A mark is a character that stands nowhere in it, so that a template does nothing with it but copy it.
        """
        said = "\n".join(_strings([messages, tools]))
        found = sorted(set(self.controls.findall(said))) if self.controls is not None else []
        if not found or self.controls is None:
            return messages, tools, {}
        used = frozenset(said)
        free = (chr(code) for code in _PRIVATE if chr(code) not in used)
        marks = dict(zip(found, free, strict=False))
        controls = self.controls

        def told(value: JSON) -> JSON:
            match value:
                case str():
                    return controls.sub(lambda name: marks[name[0]], value)
                case list():
                    return [told(each) for each in value]
                case dict():
                    return {cast("str", told(key)): told(each) for key, each in value.items()}
                case _:
                    return value

        names = {mark: name for name, mark in marks.items()}
        return [cast("Message", told(message)) for message in messages], told(tools), names

    def _rendered(self, messages: list[Message], tools: JSON) -> str:
        """Return the text of a conversation.

        A template that takes system messages only at the beginning, or turns only one after the other, gets
        the same words in fewer messages.
        """
        if not self.tokenizer.chat_template:
            return "\n\n".join(f"{message['content']}" for message in messages) + "\n\n"
        try:
            return self._filled(messages, tools)
        except TemplateError:
            pass
        try:
            return self._filled(_gathered(messages), tools)
        except TemplateError as fault:
            why = f"the model's chat template takes no such conversation ({fault})"
            fix = "Send a system message first, then turns of user and assistant"
            raise Refusal(
                400, f"messages: {why}. {fix}.", param="messages", code="conversation_not_supported"
            ) from fault

    def _filled(self, messages: list[Message], tools: JSON) -> str:
        tokenizer: Any = self.tokenizer  # its signature promises less than it takes
        return tokenizer.apply_chat_template(
            messages,
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=False,
            **({} if tools is None else {"tools": tools}),
        )


@lru_cache(maxsize=8)
def read_by(tokenizer: Tokenizer) -> Reader:
    """Return how a tokenizer reads; remembered, as it is copied once."""
    fast: Any = tokenizer  # a PreTrainedTokenizerFast, whose module would load torch
    plain: Native = copy.deepcopy(fast.backend_tokenizer)
    plain.encode_special_tokens = True
    names = [token.content for token in fast.added_tokens_decoder.values() if token.special]
    # The longest first, so that none is taken for one that it begins with.
    names.sort(key=len, reverse=True)
    template = tokenizer.chat_template
    templates = template.values() if isinstance(template, dict) else [template or ""]
    return Reader(
        tokenizer=tokenizer,
        native=fast.backend_tokenizer,
        plain=plain,
        controls=re.compile("|".join(map(re.escape, names))) if names else None,
        knows_tools=any("tools" in each for each in templates),
    )


def _refuse_full(tokens: int, context: int, *, param: str) -> None:
    if tokens >= context:
        raise _full(str(tokens), context, param=param)


def _full(tokens: str, context: int, *, param: str) -> Refusal:
    why = f"the prompt has {tokens} tokens, and the model takes {context} with its answer"
    return Refusal(400, f"{param}: {why}. Send a shorter text.", param=param, code="context_length_exceeded")


def _gathered(messages: Sequence[Message]) -> list[Message]:
    """Join messages in a row of one role, and a system message that is not first with the one after it."""
    joined: list[Message] = []
    for message in messages:
        last = joined[-1] if joined else None
        is_one = last is not None and last["role"] == message["role"]
        is_within = last is not None and last["role"] == "system" and len(joined) > 1
        if last is not None and (is_one or is_within) and message.keys() == last.keys():
            joined[-1] = {**message, "content": f"{last['content']}\n\n{message['content']}"}
        else:
            joined.append(message)
    return joined


def _strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for each in cast("list[object]", value):
                yield from _strings(each)
        case dict():
            for key, each in cast("dict[str, object]", value).items():
                yield key
                yield from _strings(each)
        case _:
            pass
