"""A JSON Schema as a constraint on tokens, by llguidance in its strict mode."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from llguidance import LLMatcher, LLTokenizer
from llguidance.hf import from_tokenizer
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from adhere.config import JsonForm
from adhere.decode import thought as thoughts
from adhere.decode.thought import Thought
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
_WAYS_KEPT = 4096
"""Most ways to the end that a grammar remembers."""
_LITERALS = frozenset({"enum", "const", "default", "examples"})
"""Keywords whose values are data, not schemas."""
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
"""Keywords whose values hold schemas by names of the user's, which may be those of keywords."""
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
        spelled = self.spelled = [self._bytes(token) for token in range(self.size)]
        # Of the longest the last: a digit rather than the minus sign before it, which needs a digit more.
        self._longest_first = np.array(
            sorted(range(self.size), key=lambda token: (len(spelled[token]), token), reverse=True)
        )
        self._braces, self._brackets, self._quotes, self._commas = (
            np.array([token for token in self._longest_first if spelled[token][:1] == mark], dtype=np.intp)
            for mark in (b"}", b"]", b'"', b",")
        )
        self.of_thought = thoughts.pieces(spelled)
        self._ends = np.array(sorted(model.stop_tokens), dtype=np.intp)
        self.end_V = np.zeros(self.size, dtype=np.bool_)
        self.end_V[self._ends] = True

    def _bytes(self, token: int) -> bytes:
        return b"" if self.native.is_special_token(token) else self.native.decode_bytes([token])

    def allowed(self, matcher: LLMatcher) -> NDArray[np.bool_]:
        """Return which tokens a matcher may take next."""
        bits = np.zeros((self.size + 31) // 32, dtype=np.int32)
        matcher.unsafe_compute_mask_ptr(bits.ctypes.data, bits.nbytes)
        # Zeros and ones of a byte each are claims already.
        return np.unpackbits(bits.view(np.uint8), count=self.size, bitorder="little").view(np.bool_)

    def closers(self, allowed_V: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the allowed tokens that bring an answer nearer to its end, or all where there are none.

        The longest comes first. A brace and a bracket are both allowed only within a string, where neither
        closes anything.
        """
        braces, brackets = (kind[allowed_V[kind]] for kind in (self._braces, self._brackets))
        if allowed_V[self._ends].any():
            return self._ends[allowed_V[self._ends]]
        if not (braces.size and brackets.size) and (braces.size or brackets.size):
            return braces if braces.size else brackets
        for kind in (self._quotes, self._commas)[: 1 if braces.size else 2]:
            if (chosen := kind[allowed_V[kind]]).size:
                return chosen
        return self.longest(allowed_V)

    def longest(self, allowed_V: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the allowed tokens, the longest first."""
        return self._longest_first[allowed_V[self._longest_first]]


@dataclass(frozen=True, slots=True)
class _Way:
    """A way from where an answer stands to its end."""

    tokens: int
    """How many it takes, the end included."""
    first: int
    """The first of them."""


class Grammar:
    """A constraint under which only values of one schema can be written.

    When the tokens left are hardly more than the shortest way to the end takes, only what ends a value is
    allowed, and at last that way alone, so that an answer in a loop is closed instead of cut: what is written
    then obeys the schema too.

    Raises:
        SchemaError: The schema says something that the grammar cannot guarantee.
    """

    def __init__(self, schema: Schema, vocabulary: Vocabulary, *, form: JsonForm = "plain") -> None:
        """Stand before the answer.

        Args:
            schema: Of the values.
            vocabulary: Of the model that writes them.
            form: Whether a thought comes first, of any text, and the value in the tags of an answer.
        """
        self._vocabulary = vocabulary
        self._thought: Thought | None = None
        source = _with_finite_numbers(schema.source)
        if form == "think":
            self._thought = Thought.begun(vocabulary.native)
            grammar = thoughts.grammar({**source, "x-guidance": _COMPACT}, vocabulary.native)
        else:
            grammar = LLMatcher.grammar_from_json_schema(source, overrides=_COMPACT)
        self._matcher = LLMatcher(vocabulary.native, grammar, log_level=0)
        if self._matcher.is_error():
            raise SchemaError.at(
                schema.name,
                schema.source,
                f"constrained decoding cannot guarantee it ({self._matcher.get_error().splitlines()[0]})",
                fix="Simplify that part of the schema, or decode without `--constrain`",
            )
        self._look_again_at: float = math.inf
        self._accepted: list[int] = []
        self._ways: dict[tuple[int, ...], _Way] = {}
        """What was measured, by the tokens accepted before it and the number left. Copies share it: samples
        begin alike, and a replay asks what was asked before."""
        self._said: tuple[int, NDArray[np.bool_]] | None = None
        """What was allowed here last, and for how many tokens left."""

    def copy(self) -> Self:
        """Return a grammar at the same position that goes its own way."""
        twin = object.__new__(type(self))
        twin._vocabulary, twin._look_again_at = self._vocabulary, self._look_again_at
        twin._accepted, twin._ways, twin._thought = self._accepted[:], self._ways, self._thought
        twin._matcher, twin._said = self._matcher.deep_copy(), self._said
        return twin

    def forced(self, remaining: int) -> Sequence[int]:
        """Return tokens that must come next; see `Constraint`.

        Forced text comes in the tokenizer's own spelling, which may have more tokens than the shortest. So no
        more of it comes at once than may be written before the way to the end is measured again.
        """
        if self._said is None or self._said[0] != remaining:
            way = self._hurried(remaining)
            if way is None and (forced := self._matcher.compute_ff_tokens()):
                return forced[: int(remaining - self._look_again_at)]
            self._say(remaining, way)
        allowed_V = self.allowed(remaining)
        return (int(allowed_V.argmax()),) if np.count_nonzero(allowed_V) == 1 else ()

    def allowed(self, remaining: int) -> NDArray[np.bool_]:
        """Say which tokens may come next; see `Constraint`."""
        if self._said is None or self._said[0] != remaining:
            return self._say(remaining, self._hurried(remaining))
        return self._said[1]

    def _say(self, remaining: int, way: "_Way | None") -> NDArray[np.bool_]:
        allowed_V = self._vocabulary.allowed(self._matcher)
        if way is not None:
            is_last_chance = way.tokens <= remaining < way.tokens + _SLACK // 2
            is_one_way = is_last_chance or _goes_on(self._thought)
            chosen = way.first if is_one_way else self._vocabulary.closers(allowed_V)
            allowed_V = np.zeros_like(allowed_V)
            allowed_V[chosen] = True
        self._said = remaining, allowed_V
        return allowed_V

    def _hurried(self, remaining: int) -> "_Way | None":
        """Return the way to the end where the tokens left are needed for it.

        A token rarely makes that way longer by more than one, so it is measured again only when half of the
        surplus is spent.
        """
        if remaining > self._look_again_at:
            return None
        way = self._way_to_end(remaining)
        surplus = remaining - _SLACK - way.tokens
        self._look_again_at = remaining - max(1, surplus // 2)
        return way if surplus <= 0 else None

    def _way_to_end(self, most: int) -> "_Way":
        """Return a short way to the end from here; what is longer than `most` is not followed to its end."""
        key = (*self._accepted, most)
        way = self._ways.get(key)
        if way is None:
            if len(self._ways) >= _WAYS_KEPT:
                self._ways.clear()  # by one thread, perhaps, while another looks
            way = self._ways[key] = self._way(most)
        return way

    def _way(self, most: int) -> "_Way":
        matcher, thought = self._matcher.deep_copy(), self._thought
        path: list[int] = []
        while len(path) <= most:
            taken = matcher.compute_ff_tokens() or [self._closer(matcher, thought)]
            path += taken
            if self._vocabulary.end_V[taken[-1]]:
                break
            matcher.consume_tokens(taken)
            thought = self._after(thought, taken)
        return _Way(len(path), path[0])

    def _closer(self, matcher: LLMatcher, thought: Thought | None) -> int:
        """Return the token that brings an answer nearest to its end."""
        allowed_V = self._vocabulary.allowed(matcher)
        if thought is None or thought.is_over:
            return int(self._vocabulary.closers(allowed_V)[0])
        closer = thought.closer(allowed_V, self._vocabulary.of_thought)
        return int(self._vocabulary.longest(allowed_V)[0]) if closer is None else closer

    def _after(self, thought: Thought | None, tokens: Sequence[int]) -> Thought | None:
        """Return a thought after further tokens."""
        for token in tokens:
            thought = thought and thought.after(token, self._vocabulary.spelled[token])
        return thought

    def accept(self, token: int) -> None:
        """Move on by an allowed token."""
        self._said = None
        self._accepted.append(token)
        self._thought = self._after(self._thought, (token,))
        if not self._matcher.consume_token(token):
            raise RuntimeError(
                f"the grammar refused a token that it had allowed: {self._matcher.get_error()}"
            )


def _goes_on(thought: Thought | None) -> bool:
    return thought is not None and not thought.is_over


def _with_finite_numbers(node: JSON) -> Any:  # Any: llguidance takes a dict of anything
    """Return a schema in which every number has both bounds.

    It admits nothing that the given one does not.
    """
    if isinstance(node, list):
        return [_with_finite_numbers(item) for item in node]
    if not isinstance(node, dict):
        return node
    bounded = {key: _within(key, value) for key, value in node.items()}
    kinds = node.get("type")
    if {"number", "integer"}.isdisjoint(kinds if isinstance(kinds, list) else [kinds]):
        return bounded
    if {"minimum", "exclusiveMinimum"}.isdisjoint(node):
        bounded["minimum"] = -_LARGEST
    if {"maximum", "exclusiveMaximum"}.isdisjoint(node):
        bounded["maximum"] = _LARGEST
    return bounded


def _within(keyword: str, value: JSON) -> Any:  # Any: as above
    if keyword in _LITERALS:
        return value
    if keyword in _NAMED and isinstance(value, dict):
        return {name: _with_finite_numbers(schema) for name, schema in value.items()}
    return _with_finite_numbers(value)
