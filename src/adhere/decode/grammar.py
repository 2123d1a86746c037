"""A JSON Schema as a constraint on tokens, by llguidance in its strict mode."""

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from llguidance import LLMatcher, LLTokenizer
from llguidance.hf import from_tokenizer
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from adhere.errors import ModelError, SchemaError
from adhere.model import Model
from adhere.records import JSON
from adhere.schema import Schema

if TYPE_CHECKING:
    from llguidance._lib import JsonCompileOptions  # a shape that stands in the stub file only

_COMPACT: "JsonCompileOptions" = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
"""The spelling that answers are trained on; free whitespace would let a model write blanks for ever."""
_SLACK = 8
"""Tokens kept back beyond the shortest way to the end: the model may spell an option in more of them."""
_LITERALS = frozenset({"enum", "const", "default", "examples"})
"""Keywords whose values are data, not schemas."""
_LARGEST = 1e15
"""Numbers without a bound get this one: a grammar of digits would let a model write numbers past the largest
double."""


class Vocabulary:
    """A model's tokens as a grammar sees them; built once per model, as it takes up to a second."""

    def __init__(self, model: Model) -> None:
        tokenizer = model.tokenizer
        if not isinstance(tokenizer, PreTrainedTokenizerFast):
            raise ModelError.at(
                "model",
                model.reference,
                "constrained decoding needs a tokenizer with a tokenizer.json",
                fix="Save the model with a fast tokenizer, or decode without `--constrain`",
            )
        self.size = model.vocabulary_size
        self.native: LLTokenizer = from_tokenizer(
            tokenizer, n_vocab=self.size, eos_token=sorted(model.stop_tokens)
        )
        first = [self._bytes(token)[:1] for token in range(self.size)]
        self.brace_V, self.bracket_V, self.quote_V, self.comma_V = (
            np.array([byte == mark for byte in first]) for mark in (b"}", b"]", b'"', b",")
        )
        self.length_V = np.array([len(self._bytes(token)) for token in range(self.size)])
        self.end_V = np.zeros(self.size, dtype=np.bool_)
        self.end_V[sorted(model.stop_tokens)] = True

    def _bytes(self, token: int) -> bytes:
        return b"" if self.native.is_special_token(token) else self.native.decode_bytes([token])

    def allowed(self, matcher: LLMatcher) -> NDArray[np.bool_]:
        """Return which tokens a matcher may take next."""
        bits = np.zeros((self.size + 31) // 32, dtype=np.int32)
        matcher.unsafe_compute_mask_ptr(bits.ctypes.data, bits.nbytes)
        return np.unpackbits(bits.view(np.uint8), bitorder="little")[: self.size].astype(np.bool_)

    def closing(self, allowed_V: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Narrow what is allowed to what brings an answer nearer to its end, where there is such a token.

        A brace and a bracket are both allowed only within a string, where neither closes anything.
        """
        closers = [self.end_V, self.brace_V | self.bracket_V, self.quote_V, self.comma_V]
        if (allowed_V & self.brace_V).any() and (allowed_V & self.bracket_V).any():
            closers = [self.quote_V]
        narrowed = (allowed_V & closer_V for closer_V in closers)
        return next((chosen_V for chosen_V in narrowed if chosen_V.any()), allowed_V)


class Grammar:
    """A constraint under which only values of one schema can be written.

    When the tokens left are hardly more than the shortest way to the end takes, only what ends a value is
    allowed, so that an answer in a loop is closed instead of cut: what is written then obeys the schema too.

    Raises:
        SchemaError: The schema says something that the grammar cannot guarantee.
    """

    def __init__(self, schema: Schema, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        grammar = LLMatcher.grammar_from_json_schema(_with_finite_numbers(schema.source), overrides=_COMPACT)
        self._matcher = LLMatcher(vocabulary.native, grammar, log_level=0)
        if self._matcher.is_error():
            raise SchemaError.at(
                schema.name,
                schema.source,
                f"constrained decoding cannot guarantee it ({self._matcher.get_error().splitlines()[0]})",
                fix="Simplify that part of the schema, or decode without `--constrain`",
            )
        self._look_again_at: float = math.inf

    def copy(self) -> Self:
        """Return a grammar at the same position that goes its own way."""
        twin = object.__new__(type(self))
        twin._vocabulary, twin._look_again_at = self._vocabulary, self._look_again_at
        twin._matcher = self._matcher.deep_copy()
        return twin

    def allowed(self, remaining: int) -> NDArray[np.bool_]:
        """Say which tokens may come next; see `Constraint`."""
        allowed_V = self._vocabulary.allowed(self._matcher)
        return self._vocabulary.closing(allowed_V) if self._must_close(remaining) else allowed_V

    def _must_close(self, remaining: int) -> bool:
        """Say whether the tokens left are needed to end the answer.

        A token rarely makes the way to the end longer by more than one, so it is measured again only when
        half of the surplus is spent.
        """
        if remaining > self._look_again_at:
            return False
        surplus = remaining - _SLACK - self._shortest_end(remaining)
        self._look_again_at = remaining - max(1, surplus // 2)
        return surplus <= 0

    def _shortest_end(self, most: int) -> int:
        """Count the tokens of a short way to the end from here, or return `most` if there are more."""
        matcher = self._matcher.deep_copy()
        for count in range(most):
            closing_V = self._vocabulary.closing(self._vocabulary.allowed(matcher))
            if (closing_V & self._vocabulary.end_V).any():
                return count + 1
            length_V = self._vocabulary.length_V * closing_V
            # The last of the longest: a digit rather than the minus sign before it, which needs a digit more.
            matcher.consume_token(int((length_V == length_V.max()).nonzero()[0][-1]))
        return most

    def accept(self, token: int) -> None:
        """Move on by an allowed token."""
        if not self._matcher.consume_token(token):
            raise RuntimeError(
                f"the grammar refused a token that it had allowed: {self._matcher.get_error()}"
            )


def _with_finite_numbers(node: JSON) -> Any:  # Any: llguidance takes a dict of anything
    """Return a schema in which every number has both bounds.

    It admits nothing that the given one does not.
    """
    if isinstance(node, list):
        return [_with_finite_numbers(item) for item in node]
    if not isinstance(node, dict):
        return node
    bounded = {key: value if key in _LITERALS else _with_finite_numbers(value) for key, value in node.items()}
    kinds = node.get("type")
    if {"number", "integer"}.isdisjoint(kinds if isinstance(kinds, list) else [kinds]):
        return bounded
    if {"minimum", "exclusiveMinimum"}.isdisjoint(node):
        bounded["minimum"] = -_LARGEST
    if {"maximum", "exclusiveMaximum"}.isdisjoint(node):
        bounded["maximum"] = _LARGEST
    return bounded
