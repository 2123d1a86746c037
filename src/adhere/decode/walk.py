"""Where an answer stands under a grammar, and beside the grammar."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from llguidance import LLMatcher
from numpy.typing import NDArray

from adhere.decode.constraint import Stuck
from adhere.decode.value import MOST_DIGITS, MOST_OPEN, Rivals, Value
from adhere.decode.vocabulary import Vocabulary

_LOOKS = 64
"""Most steps that are looked ahead for a way out of what is under way."""
_NEAR = 32
"""So near a limit every token is tried that might pass it: no token opens more, or has more digits."""


class Walk:
    """A matcher's way through its grammar, together with what is written of the value, if it is one."""

    def __init__(
        self, vocabulary: Vocabulary, matcher: LLMatcher, value: Value | None, *, has_patterns: bool
    ) -> None:
        """Stand at the beginning.

        Args:
            vocabulary: Of the matcher.
            matcher: Not moved by anyone else.
            value: Of which nothing is written; `None` where the grammar is of other text.
            has_patterns: Whether there are keys that must match a pattern: of these there may be few.
        """
        self._vocabulary, self._matcher, self._value = vocabulary, matcher, value
        self._has_patterns = has_patterns
        self.faults: list[str] = []
        """Why the grammar could go no further. Copies share them, as they share the work and the memory that
        it may take."""

    @property
    def is_aside(self) -> bool:
        """Whether what is written is no value."""
        return self._value is None or self._value.at == "aside"

    def copy(self) -> Self:
        """Return a walk at the same place that goes its own way."""
        twin = object.__new__(type(self))
        twin._vocabulary, twin._matcher = self._vocabulary, self._matcher.deep_copy()
        twin._value, twin._has_patterns, twin.faults = self._value, self._has_patterns, self.faults
        return twin

    def ahead(self) -> LLMatcher:
        """Return a matcher here that goes its own way, and sees to nothing beside the grammar."""
        return self._matcher.deep_copy()

    def forced(self) -> Sequence[int]:
        """Return tokens that the grammar forces next.

        Raises:
            Stuck: The grammar can go no further.
        """
        forced = self._matcher.compute_ff_tokens()
        self._check()
        return forced

    def allowed(self) -> NDArray[np.bool_]:
        """Return which tokens may come next, at least one.

        Raises:
            Stuck: There is none, or the grammar takes too much work.
        """
        allowed_V = self._allowed_by_grammar()
        if self._value is not None and not self.is_aside:
            for token in self._suspects(self._value, allowed_V):
                allowed_V[token] = self._may_follow(self._value, int(token))
        if not allowed_V.any():
            raise Stuck("nothing may come next: a key or an item would be there twice")
        return allowed_V

    def accept(self, token: int, *, is_value: bool = True) -> None:
        """Move on by an allowed token.

        Args:
            token: Its number.
            is_value: Whether it is part of the value; otherwise of a thought before it.

        Raises:
            Stuck: The grammar takes too much work, or the token was not allowed.
        """
        if self._value is not None and is_value:
            value = self._value.after(self._vocabulary.spelled[token])
            if value is None:
                raise Stuck("a key or an item would be there twice")
            self._value = value
        self._matcher.consume_token(token)
        self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            self.faults.append(self._matcher.get_error().partition("\n")[0])
            raise Stuck(self.faults[-1])

    def _allowed_by_grammar(self) -> NDArray[np.bool_]:
        allowed_V = self._vocabulary.allowed(self._matcher)
        self._check()
        return allowed_V

    def _suspects(self, value: Value, allowed_V: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the allowed tokens that the value may not go on with, or that may lead into a corner."""
        known, rivals = self._vocabulary, self._rivals(value)
        is_text = value.at in {"string", "key"}
        if rivals is not None and not is_text:
            return np.flatnonzero(allowed_V)
        suspects = [known.naming]
        if value.at == "member":
            suspects.append(known.naming_at_once)
        if value.at in {"value", "scalar"}:
            suspects.append(known.raising)
        if value.differs or self._has_patterns:
            suspects += [known.parting_text] if is_text else [known.parting, known.closing]
        if rivals is not None:
            suspects += [known.quoting, self._towards(rivals.going_on)]
        elif value.at == "key" and value.rivals(of_keys=True) is not None:
            suspects.append(known.quoting)
        if len(value.holders) > MOST_OPEN - _NEAR:
            suspects.append(known.opening)
        if len(value.scalar) > MOST_DIGITS - _NEAR or b"e" in value.scalar.lower():
            suspects.append(known.counting)
        some = [tokens for tokens in suspects if tokens.size]
        if not some:
            return known.naming
        found = some[0] if len(some) == 1 else np.unique(np.concatenate(some))
        return found[allowed_V[found]]

    def _rivals(self, value: Value) -> Rivals | None:
        """Return the rivals of what a value has under way that may lead into a corner."""
        return value.rivals(of_keys=self._has_patterns)

    def _towards(self, rivals: Sequence[bytes]) -> NDArray[np.intp]:
        """Return the tokens that begin what rivals go on with."""
        known = self._vocabulary
        begun = {rival[:size] for rival in rivals for size in range(1, known.longest_spelling + 1)}
        return np.array([known.token_of[part] for part in sorted(begun) if part in known.token_of], np.intp)

    def _may_follow(self, value: Value, token: int) -> bool:
        """Say whether the value can go on with a token, and what is then under way can end."""
        after = value.after(self._vocabulary.spelled[token])
        if after is None:
            return False
        rivals = self._rivals(after)
        return rivals is None or self._after(token, after)._can_end(rivals, set())

    def _after(self, token: int, value: Value) -> Self:
        walk = self.copy()
        walk._matcher.consume_token(token)
        walk._value = value
        return walk

    def _can_end(self, first: Rivals, seen: set[bytes]) -> bool:
        """Say whether what was under way at first can end unlike its rivals; as far as it is looked into."""
        value = self._value
        if value is None or len(seen) >= _LOOKS or self._matcher.is_error():
            return True
        seen.add(value.text)
        allowed_V = self._vocabulary.allowed(self._matcher)
        suspects = self._suspects(value, allowed_V)
        if np.count_nonzero(allowed_V) > len(suspects):
            return True
        return any(self._leads_out(value, int(token), first, seen) for token in suspects)

    def _leads_out(self, value: Value, token: int, first: Rivals, seen: set[bytes]) -> bool:
        after = value.after(self._vocabulary.spelled[token])
        if after is None or after.text in seen:
            return False
        rivals = self._rivals(after)
        if rivals is None or first.under_way.isdisjoint(rivals.under_way):
            return True
        return self._after(token, after)._can_end(first, seen)
