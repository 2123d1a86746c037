"""Strings that suit a property's name and keep to a pattern, a format and a length."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from adhere.data.filling import vocabulary
from adhere.data.filling.drawing import Undrawable
from adhere.data.filling.formats import FORMATS
from adhere.data.filling.kinds import Called, code_maker, string_maker
from adhere.data.filling.pattern import pattern_maker
from adhere.data.filling.values import Drawn, Maker, invented, remark
from adhere.records import JSON
from adhere.schema.check import compiled
from adhere.schema.limits import MAX_ANSWER_CHARACTERS
from adhere.text.stated import LONGEST, STOP_WORDS, words

Accepts: TypeAlias = Callable[[str], bool]

_TRIALS = (24, 1000)
"""Draws by which each way to draw is judged, once for each schema; many where of few none obeys."""
_ENOUGH = 1 / 3
"""Share of them with which a way is taken, and no other tried."""
_MOST_TRIES = 2000
_PATIENT = 12
"""Tries after which a string that says little, such as a single letter, is taken too."""
_SLACKS = (6, 6, 3, 12, 1, 40)
"""How often endless repetitions are repeated at most, one try like the other."""
_RAGGED = frozenset({"date", "time", "moment"})
"""Kinds of which a part says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a schema asks of a string."""

    patterns: tuple[str, ...] = ()
    format: str | None = None
    encoding: str | None = None
    media_type: str | None = None
    least: int = 0
    """Characters."""
    most: int | None = None

    @property
    def is_free(self) -> bool:
        """Whether any short text will do."""
        is_short = self.least <= 1 and (self.most is None or self.most >= LONGEST)
        return is_short and not self.patterns and self.format not in FORMATS and not self._is_encoded

    @property
    def _is_encoded(self) -> bool:
        return self.encoding == "base64" or self.media_type == "application/json"

    def makers(self, called: Called) -> Iterator[Maker]:
        """Yield ways to draw such strings, the most natural first."""
        if self.format is not None and self.format in FORMATS:
            yield FORMATS[self.format]
        if self._is_encoded:
            yield lambda random: _encoded(random, self)
        yield string_maker(called)
        code = code_maker(called)
        if code is not None:
            yield code
        parts = [_of_pattern(pattern, self) for pattern in self.patterns]
        yield from parts
        if len(parts) > 1:
            yield _joined(parts)
            yield _joined(parts[::-1])
        yield _fitted(string_maker(called), self)


def text_maker(asked: Asked, called: Called, source: Mapping[str, JSON]) -> Maker:
    """Return what draws strings.

    Args:
        asked: What they must be.
        called: The names that they should suit.
        source: The keywords of `asked`, as a schema of its draft has them.

    Raises:
        Undrawable: No way to draw such strings was found.
    """
    if asked.is_free:
        return string_maker(called)
    if asked.least > MAX_ANSWER_CHARACTERS:
        raise Undrawable("minLength", f"asks for more than {MAX_ANSWER_CHARACTERS} characters")
    accepts = _accepts(asked, source)
    makers = list(asked.makers(called))
    for trials in _TRIALS:
        best, most = makers[0], 0
        for maker in makers:
            random = Random(0)
            passed = sum(accepts(str(maker(random).value)) for _ in range(trials))
            if passed > most:
                best, most = maker, passed
            if most >= _ENOUGH * trials:
                break
        if most:
            return _kept(best, accepts, _blamed(asked))
    raise Undrawable(_blamed(asked), "was not met by any string that was drawn")


def _accepts(asked: Asked, source: Mapping[str, JSON]) -> Accepts:
    if not asked.patterns and asked.format not in FORMATS and asked.encoding is None:
        least, most = asked.least, MAX_ANSWER_CHARACTERS if asked.most is None else asked.most
        return lambda text: least <= len(text) <= most
    return compiled(dict(source)).is_valid


def _blamed(asked: Asked) -> str:
    if asked.patterns:
        return "pattern"
    if asked.format in FORMATS:
        return "format"
    return "minLength" if asked.least > 1 else "maxLength"


def _kept(maker: Maker, accepts: Accepts, keyword: str) -> Maker:
    """Return what draws with `maker` until a string obeys, and says something if it can."""

    def drawn(random: Random) -> Drawn:
        for number in range(_MOST_TRIES):
            found = maker(random)
            text = str(found.value)
            if accepts(text) and (number >= _PATIENT or _says_something(text)):
                return found
        raise Undrawable(keyword, f"was not met by any of {_MOST_TRIES} strings that were drawn")

    return drawn


def _says_something(text: str) -> bool:
    """Whether a text that states a string states more than a letter or a stop word."""
    if not 2 <= len(text) <= LONGEST or not text.isprintable() or text.strip() != text or "  " in text:
        return text.isdecimal()
    return not STOP_WORDS.issuperset(words(text))


def _of_pattern(pattern: str, asked: Asked) -> Maker:
    draw, shortest = pattern_maker(pattern)
    least, most = asked.least, asked.most
    is_aimed = least > 0 or most is not None

    def drawn(random: Random) -> Drawn:
        slack = random.choice(_SLACKS)
        if is_aimed and random.random() < 0.5:
            end = least + 2 * _SLACKS[0] if most is None else most
            slack = min(0, shortest - random.randint(least, max(least, min(end, least + LONGEST))))
        value = draw(random, slack)
        return Drawn(value, value, "code")

    return drawn


def _joined(makers: Sequence[Maker]) -> Maker:
    """Return what writes strings of several makers one after the other."""

    def drawn(random: Random) -> Drawn:
        value = "".join(str(maker(random).value) for maker in makers)
        return Drawn(value, value, "code")

    return drawn


def _fitted(maker: Maker, asked: Asked) -> Maker:
    """Return what fills up strings that are too short and cuts those that are too long."""

    def drawn(random: Random) -> Drawn:
        first = maker(random)
        text = invented(random) if first.kind in _RAGGED else str(first.value)
        while len(text) < asked.least:
            missing = asked.least - len(text)
            text += f" {remark(random)}" if missing > LONGEST else f" {invented(random)}"
            text = f"{text}, {text}" if missing > 50 * LONGEST else text
        text = text[: asked.most].strip(" ,-&.")
        text += "x" * (asked.least - len(text))
        return Drawn(text, text, first.kind if first.kind not in _RAGGED else "word")

    return drawn


def _encoded(random: Random, asked: Asked) -> Drawn:
    """Draw text, or JSON where that is asked for, and encode it where that is."""
    text = remark(random)
    if asked.media_type == "application/json":
        text = json.dumps({random.choice(vocabulary.ATTRIBUTES): random.randint(1, 99)})
    value = base64.b64encode(text.encode()).decode() if asked.encoding == "base64" else text
    return Drawn(value, value, "code")
