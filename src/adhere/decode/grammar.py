"""A JSON Schema as a constraint on tokens, by llguidance in its strict mode."""

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
_RESERVE_BASE = 16
_RESERVE_PER_LEAF = 16
"""Tokens kept back to end an answer properly: a key, its marks and a short value."""
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
        first = [self._first_byte(token) for token in range(self.size)]
        self.brace_V, self.bracket_V, self.quote_V, self.comma_V = (
            np.array([byte == mark for byte in first]) for mark in (b"}", b"]", b'"', b",")
        )
        self.end_V = np.zeros(self.size, dtype=np.bool_)
        self.end_V[sorted(model.stop_tokens)] = True

    def _first_byte(self, token: int) -> bytes:
        return b"" if self.native.is_special_token(token) else self.native.decode_bytes([token])[:1]

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

    In the last tokens before the limit, whatever ends a value is preferred by force, so that an answer in a
    loop is closed instead of cut: what is written then obeys the schema too.

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
        self._reserve = _RESERVE_BASE + _RESERVE_PER_LEAF * len(schema.leaves)
        self._bits = np.zeros((vocabulary.size + 31) // 32, dtype=np.int32)

    def copy(self) -> Self:
        """Return a grammar at the same position that goes its own way."""
        twin = object.__new__(type(self))
        twin._vocabulary, twin._reserve = self._vocabulary, self._reserve
        twin._matcher = self._matcher.deep_copy()
        twin._bits = np.zeros_like(self._bits)
        return twin

    def allowed(self, remaining: int) -> NDArray[np.bool_]:
        """Say which tokens may come next; see `Constraint`."""
        self._matcher.unsafe_compute_mask_ptr(self._bits.ctypes.data, self._bits.nbytes)
        unpacked = np.unpackbits(self._bits.view(np.uint8), bitorder="little")
        allowed_V = unpacked[: self._vocabulary.size].astype(np.bool_)
        return self._vocabulary.closing(allowed_V) if remaining <= self._reserve else allowed_V

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
