"""Wording of no known text: pieces whose words and marks are exchanged for others, anew for every text.

A model that has read a few hundred pieces, however often, learns these pieces. One that cannot know what will
stand between a label and its value learns to go by labels and looks.
"""

import re
from random import Random
from typing import TypeVar, cast

from adhere.data.filling import values
from adhere.data.prose.distractors import ALIKE
from adhere.data.prose.labels import SYNONYMS
from adhere.data.prose.layouts.table import STYLES, Style
from adhere.data.prose.wording import Pieces, Wording
from adhere.data.side import Side

_T = TypeVar("_T")
_COMMON = """
    a about above according across after again against all along already also always among an and another
    any appears are around as ask at away back be because been before behind being below beside best
    between both brought but by call came can carries check clearly close come concerning could current
    day described did do does done down during each early either else end enough enter equals even ever
    every exactly far few filed final find follows for found from full further gave get gets give given
    gives go goes good got had has have having held here hold holds how however if in indeed indicated
    inside instead into is it its just keep keeps kept kindly known lasts late later least leave less let
    like listed little lists long look made make many mark marked marks may means meant mentioned might
    more most much must namely near new next noted notes now of off often on once only onto open or order
    other our out over own page part past perhaps please point put quite rather read reads ready really
    recorded refer regarding remains right said same saw say says see seems seen set shall she should show
    shown shows side since so some soon stand stands state stated states still stood such sure take taken
    tell tells than that the their them then there these they this those though through thus time to today
    together told too took toward turned under up upon us use used using very via was way we well went
    were what when where whether which while who whole why will with within would write written yet you
    your
""".split()
_MARKS = (
    ": ", " - ", " – ", " = ", " : ", "; ", ", ", " | ", " / ", " > ", " >> ", " -> ", " => ", " → ", " ~ ",
    " :: ", "\t", " .. ", " ... ", " * ", " · ", " # ", " + ", ":\t", " ¦ ", " == ", " -- ", ":  ", ":- ",
    " & ",
)  # fmt: skip
_RULES = ("", "", "-", "=", "~", "_", "+", ".")
_BETWEEN = (" | ", "\t", "; ", " ¦ ", " // ", "   ", " || ", "  |  ", " |\t", ";\t", "     ", " ;; ")
_FIELD = re.compile(r"(\{\w+\})")
_WORD = re.compile(r"[^\W\d_]+")
_ONLY_MARK = re.compile(r"[^\w\s{}\"'“”»«<>()\[\]?]*")
_FIXED = frozenset[int]({id(ALIKE), *map(id, SYNONYMS.values())})
"""Pieces whose words are what they mean."""
_VARIANTS = 4
"""Styles of tables to choose from."""
_RENAMED = 0.25


class Strange(Wording):
    """The pieces of a side, with other words and marks in them.

    What a piece says of its places stays as it is: which of them it has, in which order, and what encloses
    them. Synonyms of labels, and what tells a former value from the one asked for, are left alone.
    """

    def __init__(self, random: Random, side: Side) -> None:
        """Decide how strange the text will be.

        Args:
            random: Source of chance; the same state gives the same wording.
            side: Whose pieces they are made from.
        """
        super().__init__(side)
        self._random = random
        self._changed = random.random()
        """Share of words and marks that are exchanged."""
        self._strange: dict[object, tuple[object, ...]] = {}

    def of(self, pieces: Pieces[_T]) -> tuple[_T, ...]:
        """Return those of some pieces that may be used, changed."""
        known = super().of(pieces)
        if not known or id(pieces) in _FIXED:
            return known
        if pieces not in self._strange:
            made: list[object] = []
            if pieces is STYLES:
                made += [self._style() for _ in range(_VARIANTS)]
            else:
                spelled = [each for each in pieces.spelled if self.admits(each)]
                made += [pieces.read(self._piece(each)) for each in spelled]
            self._strange[pieces] = tuple(made)
        return cast("tuple[_T, ...]", self._strange[pieces])

    def renamed(self) -> str:
        """Return a made-up name, one time in four in the strangest texts."""
        random = self._random
        if random.random() >= self._changed * _RENAMED:
            return ""
        return " ".join(values.invented(random) for _ in range(random.choice((1, 1, 2))))

    def _piece(self, spelled: str) -> str:
        parts = _FIELD.split(spelled)
        last = len(parts) - 1
        return "".join(
            part if at % 2 else self._words(part, after=at > 0, before=at < last)
            for at, part in enumerate(parts)
        )

    def _words(self, text: str, *, after: bool, before: bool) -> str:
        """Exchange words, and marks where there are no words, of what stands before or after a place."""
        random = self._random
        if not text.strip() or not _WORD.search(text):
            is_mark = after and before and _ONLY_MARK.fullmatch(text.strip()) and "\n" not in text
            return random.choice(_MARKS) if is_mark and random.random() < self._changed else text
        beside = after or before
        return _WORD.sub(lambda found: self._word(found.group(), beside=beside), text)

    def _word(self, word: str, *, beside: bool) -> str:
        """Exchange a word; beside a place only for a common one, which is no part of a value."""
        random = self._random
        if random.random() >= self._changed:
            return word
        if beside or random.random() < 0.5:
            made = " ".join(random.choice(_COMMON) for _ in range(random.choice((1, 1, 1, 2))))
        else:
            made = values.invented(random)
        if word.isupper() and len(word) > 1:
            return made.upper()
        return made.capitalize() if word[:1].isupper() else made

    def _style(self) -> Style:
        """Draw how a table looks: always with a blank, a tab or a quote beside every figure."""
        random = self._random
        between, rule = random.choice(_BETWEEN), random.choice(_RULES)
        mark = between.strip() if random.random() < 0.5 and len(between.strip()) == 1 else ""
        start, end = (f"{mark} ", f" {mark}") if mark else (random.choice(("", "", "> ", "* ", "  ")), "")
        quote = '"' if random.random() < 0.1 else ""
        return Style(start, between, end, rule, quote, aligned=random.random() < 0.5)
