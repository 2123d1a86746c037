"""The thought before an answer, as a grammar lets it be written."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from llguidance import LLTokenizer
from numpy.typing import NDArray

_BEGIN, _END, _ANSWER, _ANSWERED = "<think>", "</think>", "<answer>", "</answer>"
_NAME = "thought"


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag as a model writes it: one token of its own, or text."""

    text: str
    token: int | None
    """`None` where it is text to the model."""

    @classmethod
    def of(cls, text: str, tokenizer: LLTokenizer) -> Self:
        """Find out how a tokenizer spells a tag."""
        tokens = tokenizer.tokenize_str(text, parse_special=True)
        is_own = len(tokens) == 1 and tokenizer.is_special_token(tokens[0])
        return cls(text, tokens[0] if is_own else None)

    @property
    def rule(self) -> str:
        """The tag in Lark's notation, as llguidance has it."""
        return json.dumps(self.text) if self.token is None else f"<[{self.token}]>"


def grammar(schema: object, tokenizer: LLTokenizer) -> str:
    """Return the grammar of a thought, and of a value in the tags of an answer, in Lark's notation.

    Args:
        schema: Of the value, with llguidance's own settings in it.
        tokenizer: Says which tags are tokens of their own.
    """
    begin, end, answer, answered = (Tag.of(tag, tokenizer) for tag in (_BEGIN, _END, _ANSWER, _ANSWERED))
    # A tag that is text ends the thought at its first occurrence; one that is a token stands in no text.
    thought = f"{_NAME} {end.rule}" if end.token is not None else _NAME
    suffix = "" if end.token is not None else f"[suffix={end.rule}]"
    return (
        f'start: {begin.rule} {thought} "\\n" {answer.rule} value {answered.rule}\n'
        f"{_NAME}{suffix}: /(?s:.*)/\n"
        f"value: %json {json.dumps(schema)}\n"
    )


def pieces(spelled: Sequence[bytes]) -> list[tuple[int, bytes]]:
    """Return the tokens that may be a part of the tag that ends a thought, with their bytes."""
    tag = _END.encode()
    return [(token, part) for token, part in enumerate(spelled) if part and part in tag]


@dataclass(frozen=True, slots=True)
class Thought:
    """How far an answer is from the end of its thought."""

    end: Tag
    written: bytes = b""
    """The last of what was written, as far as it may begin the tag that ends the thought."""
    is_over: bool = False

    @classmethod
    def begun(cls, tokenizer: LLTokenizer) -> Self:
        """Return a thought of which nothing is written."""
        return cls(Tag.of(_END, tokenizer))

    def after(self, token: int, spelled: bytes) -> Self:
        """Return the thought after a token."""
        if self.is_over or token == self.end.token:
            return replace(self, is_over=True)
        tag = self.end.text.encode()
        text = self.written + spelled
        return replace(self, written=text[-len(tag) :], is_over=self.end.token is None and tag in text)

    def closer(self, allowed_V: NDArray[np.bool_], pieces: Sequence[tuple[int, bytes]]) -> int | None:
        """Return the allowed token that brings the thought nearest to its end.

        `None` where none does: within a character of several bytes only its next byte is allowed.

        Args:
            allowed_V: What the grammar allows.
            pieces: As `pieces` returns them.
        """
        if self.end.token is not None:
            return self.end.token if allowed_V[self.end.token] else None
        tag = self.end.text.encode()
        begun = max(size for size in range(len(tag)) if self.written.endswith(tag[:size]))
        fitting = [
            (len(spelled), token)
            for token, spelled in pieces
            if allowed_V[token] and tag[begun:].startswith(spelled)
        ]
        return max(fitting)[1] if fitting else None
