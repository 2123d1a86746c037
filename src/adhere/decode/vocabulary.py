"""A model's tokens as a grammar sees them; needs no torch."""

import re
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer
from numpy.typing import NDArray

from adhere.decode import thought as thoughts
from adhere.errors import ModelError

if TYPE_CHECKING:
    from adhere.model import Model

LIMITS = LLParserLimits(max_lexer_states=20_000, step_max_items=20_000, verbose_errors=False)
"""Of the work and the memory of one grammar. A state takes one to two kilobytes, and all answers under a
grammar share them: real schemas need some hundred."""
_CLOSING = tuple(map(re.compile, (rb"}[}\]]*", rb"\][}\]]*", rb'"[}\]]*', rb",.*")))
"""Tokens that end an object, an array or a string, and begin nothing after it; or go on."""
_NAMING = re.compile(rb'[{,]"[^"]*"')
_NAMING_AT_ONCE = re.compile(rb'"[^"]*"')
_PARTING = re.compile(rb'"[}\]]*,')
_RAISING = re.compile(rb"[eE][+-]?[0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """How a model's tokens are spelled: all that a grammar needs to know of it."""

    tokenizer: str
    """Text of its `tokenizer.json`."""
    size: int
    """Tokens that the network can read and write."""
    ends: tuple[int, ...]
    """Tokens that end an answer."""

    @classmethod
    def of(cls, model: "Model") -> Self:
        """Take the spelling of a model.

        Raises:
            ModelError: Its tokenizer has no `tokenizer.json`.
        """
        from transformers import PreTrainedTokenizerFast

        if not isinstance(model.tokenizer, PreTrainedTokenizerFast):
            raise ModelError.at(
                "model",
                model.reference,
                "constrained decoding needs a tokenizer with a tokenizer.json",
                fix="Save the model with a fast tokenizer, or decode without `--constrain`",
            )
        backend = copy(model.tokenizer.backend_tokenizer)
        backend.no_padding()
        backend.no_truncation()
        return cls(
            tokenizer=backend.to_str(), size=model.vocabulary_size, ends=tuple(sorted(model.stop_tokens))
        )


BYTES = Spelling(tokenizer="byte", size=262, ends=(261,))
"""Of no model: every byte is a token, as llguidance has it built in."""


class Vocabulary:
    """A model's tokens as a grammar sees them; built once per model, as it takes up to a second."""

    def __init__(self, model: "Model | Spelling") -> None:
        spelling = model if isinstance(model, Spelling) else Spelling.of(model)
        self.size = spelling.size
        self.native = LLTokenizer(spelling.tokenizer, n_vocab=self.size, eos_token=list(spelling.ends))
        spelled = self.spelled = [self._bytes(token) for token in range(self.size)]
        # Of the longest the last: a digit rather than the minus sign before it, which needs a digit more.
        self._longest_first = np.array(
            sorted(range(self.size), key=lambda token: (len(spelled[token]), token), reverse=True)
        )
        self._braces, self._brackets, self._quotes, self._commas = (
            np.array(
                [token for token in self._longest_first if closing.fullmatch(spelled[token])], dtype=np.intp
            )
            for closing in _CLOSING
        )
        self._letters = self._with(lambda part: part in {b"a", b"z"})
        self.of_thought = thoughts.pieces(spelled)
        self._ends = np.array(spelling.ends, dtype=np.intp)
        self.end_V = np.zeros(self.size, dtype=np.bool_)
        self.end_V[self._ends] = True

    def _bytes(self, token: int) -> bytes:
        return b"" if self.native.is_special_token(token) else self.native.decode_bytes([token])

    def matcher(self, grammar: str) -> LLMatcher:
        """Begin to match a grammar of llguidance, in bounded work and memory."""
        return LLMatcher(self.native, grammar, log_level=0, limits=LIMITS)

    def allowed(self, matcher: LLMatcher) -> NDArray[np.bool_]:
        """Return which tokens a matcher may take next."""
        bits = np.zeros((self.size + 31) // 32, dtype=np.int32)
        matcher.unsafe_compute_mask_ptr(bits.ctypes.data, bits.nbytes)
        # Zeros and ones of a byte each are claims already.
        return np.unpackbits(bits.view(np.uint8), count=self.size, bitorder="little").view(np.bool_)

    def closers(self, allowed_V: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the allowed tokens that bring an answer nearer to its end, or all where there are none.

        The longest comes first. A brace and a bracket are both allowed only within a string, where neither
        closes anything, and so is a letter that begins no word of JSON, as in an address.
        """
        is_text = allowed_V[self._letters].any()
        braces, brackets = (kind[allowed_V[kind] & ~is_text] for kind in (self._braces, self._brackets))
        if allowed_V[self._ends].any():
            return self._ends[allowed_V[self._ends]]
        if not (braces.size and brackets.size) and (braces.size or brackets.size):
            return braces if braces.size else brackets
        for kind in (self._quotes, self._commas)[: 1 if braces.size or is_text else 2]:
            if (chosen := kind[allowed_V[kind]]).size:
                return chosen
        return self.longest(allowed_V)

    def longest(self, allowed_V: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the allowed tokens, the longest first."""
        return self._longest_first[allowed_V[self._longest_first]]

    def marking(self, allowed_V: NDArray[np.bool_], closers: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the allowed tokens of one mark, where none of the closers ends anything."""
        if len(closers) == 0 or self.spelled[closers[0]][:1] in {b"}", b"]", b'"', b",", b""}:
            return closers[:0]
        return self._marks[allowed_V[self._marks]]

    @cached_property
    def _marks(self) -> NDArray[np.intp]:
        return self._with(lambda part: part in {b"@", b".", b":", b"/", b"-", b"0", b"1", b"a"})

    @cached_property
    def quoting(self) -> NDArray[np.intp]:
        """Tokens with a quotation mark: they may end a string or a key."""
        return self._with(lambda part: b'"' in part)

    @cached_property
    def naming(self) -> NDArray[np.intp]:
        """Tokens with a whole key after what opens an object or goes on in it."""
        return self._with(lambda part: _NAMING.search(part) is not None)

    @cached_property
    def naming_at_once(self) -> NDArray[np.intp]:
        """Tokens that begin with a whole key."""
        return self._with(lambda part: _NAMING_AT_ONCE.match(part) is not None)

    @cached_property
    def raising(self) -> NDArray[np.intp]:
        """Tokens with an exponent."""
        return self._with(lambda part: _RAISING.search(part) is not None)

    @cached_property
    def parting(self) -> NDArray[np.intp]:
        """Tokens that may end an item and begin another."""
        return self._with(lambda part: b"," in part)

    @cached_property
    def closing(self) -> NDArray[np.intp]:
        """Tokens that close a list or an object before all else."""
        return np.concatenate([self._braces, self._brackets])

    @cached_property
    def parting_text(self) -> NDArray[np.intp]:
        """The same within a string."""
        return self._with(lambda part: _PARTING.search(part) is not None)

    @cached_property
    def opening(self) -> NDArray[np.intp]:
        """Tokens that may open an array or an object."""
        return self._with(lambda part: b"[" in part or b"{" in part)

    @cached_property
    def counting(self) -> NDArray[np.intp]:
        """Tokens with a part of a number."""
        return self._with(lambda part: any(byte in b"0123456789+-.eE" for byte in part))

    @cached_property
    def token_of(self) -> dict[bytes, int]:
        """The token of each spelling, of several the last."""
        return {part: token for token, part in enumerate(self.spelled) if part}

    @cached_property
    def longest_spelling(self) -> int:
        """Bytes of the longest token."""
        return max(map(len, self.spelled))

    def _with(self, holds: Callable[[bytes], bool]) -> NDArray[np.intp]:
        return np.array([token for token, part in enumerate(self.spelled) if holds(part)], dtype=np.intp)
