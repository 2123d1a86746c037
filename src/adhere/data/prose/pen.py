"""What every layout writes with: a draft, a source of chance, and the wording of a side."""

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar, cast

from adhere.data.document import Draft
from adhere.data.filling import values
from adhere.data.filling.values import Kind
from adhere.data.prose.outline import Fact
from adhere.data.prose.wording import Blanks, Form, Pieces, Wording

_T = TypeVar("_T")


class Pen:
    """Writes one text."""

    __slots__ = ("_settled", "aside", "distractors", "draft", "random", "wording", "write")

    def __init__(self, random: Random, wording: Wording) -> None:
        self.random = random
        self.wording = wording
        self.draft = Draft()
        self.distractors = 0
        """Facts written that no leaf asks for."""
        self._settled: dict[str, object] = {}
        self.write = self.draft.write
        self.aside = self.draft.aside

    def chance(self, share: float) -> bool:
        """Return true so often."""
        return self.random.random() < share

    def one(self, listed: Sequence[_T]) -> _T:
        """Choose one of several."""
        return listed[int(self.random.random() * len(listed))]

    def pick(self, pieces: Pieces[_T]) -> _T:
        """Choose one of the pieces that this text may use."""
        return self.one(self.wording.of(pieces))

    def settled(self, name: str, draw: Callable[[], _T]) -> _T:
        """Draw something once for the whole text: like things are written alike."""
        if name not in self._settled:
            self._settled[name] = draw()
        return cast("_T", self._settled[name])

    def value(self, fact: Fact) -> None:
        """State a fact, without its label."""
        state, aside = self.draft.state, self.draft.aside
        for pointer, words in fact.pieces:
            if pointer is None:
                aside(words)
            else:
                state(pointer, words)

    def fact(self, form: Form, fact: Fact) -> None:
        """State a fact."""
        before, after = form.around(fact.label)
        self.stated(before, fact, after)

    def stated(self, before: str, fact: Fact, after: str) -> None:
        """State a fact between words; a value that ends with a point needs no second one."""
        if before:
            self.write(before)
        self.value(fact)
        if after:
            self.write(after[1:] if after[0] == "." and fact.pieces[-1][1][-1:] == "." else after)

    def invented(self, kind: Kind) -> None:
        """State a value that no leaf asks for."""
        self.distractors += 1
        self.draft.aside(values.string_of(self.random, kind).surface)

    def shuffled(self, facts: Sequence[Fact]) -> list[Fact]:
        """Return facts in the order of the target, half of the time, or in another."""
        mixed = list(facts)
        if self.random.random() < 0.5:
            self.random.shuffle(mixed)
        return mixed

    def filled(self, blanks: Blanks, **given: Fact | str) -> None:
        """Write words with places; one that nothing is given for names a kind, to invent a value of."""
        for at, part in enumerate(blanks.parts):
            match given.get(part) if at % 2 else part:
                case None:
                    self.invented(cast("Kind", part))
                case Fact() as fact:
                    self.value(fact)
                case str(words):
                    self.write(words)
