"""A JSON Schema as a constraint on tokens, by llguidance in its strict mode."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from llguidance import LLMatcher
from numpy.typing import NDArray

from adhere.config import JsonForm
from adhere.decode import thought as thoughts
from adhere.decode.rules import COMPACT, LOOSE, rules
from adhere.decode.thought import Thought
from adhere.decode.value import Value
from adhere.decode.vocabulary import Vocabulary
from adhere.decode.walk import Walk
from adhere.errors import SchemaError
from adhere.schema import Schema
from adhere.schema.unique import lists_of

_SLACK = 8
"""Tokens kept back beyond the shortest way to the end: the model may spell an option in more of them."""
_PLAIN = 12
"""Tokens in a row that are chosen for their length; then marks have their turn."""
_WAYS_KEPT = 4096
"""Most ways to the end that a grammar remembers."""


@dataclass(frozen=True, slots=True)
class _Way:
    """A way from where an answer stands to its end."""

    tokens: int
    """How many it takes, the end included."""
    first: int
    """The first of them."""
    ends: bool
    """Whether it was followed to the end."""


class Grammar:
    """A constraint under which only values of one schema can be written, or texts of another grammar.

    When the tokens left are hardly more than the shortest way to the end of a value takes, only what ends it
    is allowed, and at last that way alone, so that an answer in a loop is closed instead of cut: what is
    written then obeys the schema too. Where even that way is too long, the answer is cut.
    """

    def __init__(
        self, schema: Schema, vocabulary: Vocabulary, *, form: JsonForm = "plain", lenient: bool = False
    ) -> None:
        """Stand before the answer.

        Args:
            schema: Of the values.
            vocabulary: Of the model that writes them.
            form: Whether a thought comes first, of any text, and the value in the tags of an answer.
            lenient: Whether to leave out what cannot be guaranteed.

        Raises:
            SchemaError: The schema says something that the grammar cannot guarantee.
        """
        source = rules(schema.source)
        options = LOOSE if lenient else COMPACT
        if form == "think":
            text = thoughts.grammar({**source, "x-guidance": options}, vocabulary.native)
        else:
            text = LLMatcher.grammar_from_json_schema(source, overrides=options)
        matcher = vocabulary.matcher(text)
        if matcher.is_error():
            raise SchemaError.at(
                schema.name,
                schema.source,
                f"constrained decoding cannot guarantee it ({matcher.get_error().splitlines()[0]})",
                fix="Simplify that part of the schema, or decode without `--constrain`",
            )
        self._begin(text, vocabulary, matcher, Value(lists=lists_of([schema.source])))
        if form == "think":
            self._thought = Thought.begun(vocabulary.native)

    @classmethod
    def written(cls, text: str, vocabulary: Vocabulary, *, value: Value | None = None) -> Self:
        """Stand before an answer of another grammar.

        Args:
            text: The grammar, as `LLMatcher.grammar_from_…` returns it.
            vocabulary: Of the model.
            value: The value that is written, or may be; `None` where it is other text, which is not hurried.

        Raises:
            SchemaError: It is no grammar, or one that takes too much work.
        """
        matcher = vocabulary.matcher(text)
        if matcher.is_error():
            raise SchemaError(matcher.get_error().partition("\n")[0])
        grammar = object.__new__(cls)
        grammar._begin(text, vocabulary, matcher, value)
        return grammar

    def _begin(self, text: str, vocabulary: Vocabulary, matcher: LLMatcher, value: Value | None) -> None:
        self._vocabulary = vocabulary
        self._walk = Walk(vocabulary, matcher, value, has_patterns="patternProperties" in text)
        self._thought: Thought | None = None
        self._look_again_at: float = 0 if value is None else math.inf
        self._accepted: list[int] = []
        self._ways: dict[tuple[int, ...], _Way] = {}
        """What was measured, by the tokens accepted before it. Copies share it: samples
        begin alike, and a replay asks what was asked before."""
        self._said: tuple[int, NDArray[np.bool_]] | None = None
        """What was allowed here last, and for how many tokens left."""

    @property
    def faults(self) -> Sequence[str]:
        """Why an answer under this grammar, or a copy, could go no further; then no later one may go far."""
        return self._walk.faults

    def copy(self) -> Self:
        """Return a grammar at the same position that goes its own way."""
        twin = object.__new__(type(self))
        twin._vocabulary, twin._look_again_at = self._vocabulary, self._look_again_at
        twin._accepted, twin._ways, twin._thought = self._accepted[:], self._ways, self._thought
        twin._walk, twin._said = self._walk.copy(), self._said
        return twin

    def forced(self, remaining: int) -> Sequence[int]:
        """Return tokens that must come next; see `Constraint`.

        Forced text comes in the tokenizer's own spelling, which may have more tokens than the shortest. So no
        more of it comes at once than may be written before the way to the end is measured again.
        """
        if self._said is None or self._said[0] != remaining:
            way = self._hurried(remaining)
            if way is None and (forced := self._walk.forced()):
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
        allowed_V = self._walk.allowed()
        if way is not None:
            is_last_chance = way.tokens <= remaining < way.tokens + _SLACK // 2
            is_one_way = is_last_chance or _goes_on(self._thought)
            # What is seen to beside the grammar may bar the way.
            is_one_way = is_one_way and allowed_V[way.first]
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
        if remaining > self._look_again_at or (self._thought is None and self._walk.is_aside):
            return None
        way = self._way_to_end(remaining)
        surplus = remaining - _SLACK - way.tokens
        self._look_again_at = remaining - max(1, surplus // 2)
        return way if surplus <= 0 else None

    def _way_to_end(self, most: int) -> "_Way":
        """Return a short way to the end from here; what is longer than `most` is not followed to its end."""
        key = tuple(self._accepted)
        way = self._ways.get(key)
        if way is None or (not way.ends and way.tokens < most):
            if len(self._ways) >= _WAYS_KEPT:
                self._ways.clear()  # by one thread, perhaps, while another looks
            way = self._ways[key] = self._way(most)
        return way

    def _way(self, most: int) -> "_Way":
        matcher, thought = self._walk.ahead(), self._thought
        path: list[int] = []
        chosen = 0
        while len(path) <= most:
            forced = matcher.compute_ff_tokens()
            chosen = 0 if forced else chosen + 1
            taken = forced or [self._closer(matcher, thought, chosen=chosen)]
            path += taken
            if self._vocabulary.end_V[taken[-1]] or not matcher.consume_tokens(taken):
                return _Way(len(path), path[0], ends=True)
            thought = _after(thought, taken, self._vocabulary)
        return _Way(len(path), path[0], ends=False)

    def _closer(self, matcher: LLMatcher, thought: Thought | None, *, chosen: int) -> int:
        """Return the token that brings an answer nearest to its end.

        Args:
            matcher: Where the answer stands.
            thought: How far its thought is.
            chosen: How many tokens were chosen in a row: a text that must have a mark in it, as an address
                has, is not ended by more letters.
        """
        allowed_V = self._vocabulary.allowed(matcher)
        if thought is None or thought.is_over:
            closers = self._vocabulary.closers(allowed_V)
            if chosen > _PLAIN and len(marks := self._vocabulary.marking(allowed_V, closers)):
                return int(marks[chosen % len(marks)])
            return int(next(iter(closers), self._vocabulary.end_V.argmax()))
        closer = thought.closer(allowed_V, self._vocabulary.of_thought)
        return int(self._vocabulary.longest(allowed_V)[0]) if closer is None else closer

    def accept(self, token: int) -> None:
        """Move on by an allowed token."""
        self._said = None
        self._accepted.append(token)
        self._walk.accept(token, is_value=not _goes_on(self._thought))
        self._thought = _after(self._thought, (token,), self._vocabulary)


def _after(thought: Thought | None, tokens: Sequence[int], vocabulary: Vocabulary) -> Thought | None:
    """Return a thought after further tokens."""
    for token in tokens:
        thought = thought and thought.after(token, vocabulary.spelled[token])
    return thought


def _goes_on(thought: Thought | None) -> bool:
    return thought is not None and not thought.is_over
