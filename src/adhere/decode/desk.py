"""Where the answers of many prompts are written side by side.

Axis suffixes: B answers whose next token is drawn, N prompts of a row, T tokens of a row, V vocabulary,
W width of the network.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adhere.attention import hidden
from adhere.decode.answer import Answer
from adhere.decode.draw import draw
from adhere.decode.keys import Keys, Places
from adhere.decode.reading import Reading, Shelf
from adhere.decode.writing import Piece, Writing
from adhere.model import Model

_PROMPT_TOKENS = 8192
"""Most tokens of prompts that are read in one row; a longer prompt is read alone."""
_RUN = 16
"""Most tokens that an answer brings into one row: attention is computed as if all brought as many."""
_ROOM = 128
"""Tokens of an answer that room is made for at first."""


@dataclass(slots=True, eq=False)
class Group:
    """The answers to a prompt."""

    index: int
    """Of the prompt, among those of the caller."""
    prompt: tuple[int, ...]
    answers: tuple[Answer, ...]
    place: int = -1
    """Where the prompt is kept."""

    @property
    def is_over(self) -> bool:
        """Whether all answers are."""
        return all(answer.is_over for answer in self.answers)


@dataclass(slots=True, eq=False)
class _Row:
    """An answer that goes on."""

    answer: Answer
    group: Group
    place: int
    """Where it is kept."""
    read: int = 0
    """Tokens of it that the network has read."""

    def piece(self) -> Piece:
        """Return what the network reads of it next."""
        return Piece(
            tokens=self.answer.tokens[self.read : self.read + _RUN],
            start=self.read,
            place=self.place,
            prompt=self.group.place,
            prompt_tokens=len(self.group.prompt),
        )


class Desk:
    """Holds answers that go on, with the keys of what was read."""

    def __init__(self, model: Model, *, temperature: float) -> None:
        self._model, self._temperature = model, temperature
        self._keys = Keys.none()
        self._prompts, self._answers = Places(), Places()
        self._shelf = Shelf()
        self._rows: list[_Row] = []

    @property
    def busy(self) -> int:
        """Answers that go on."""
        return len(self._rows)

    def enter(self, groups: Sequence[Group]) -> list[Group]:
        """Read prompts and draw the first tokens; return the groups that are over with that."""
        for group in groups:
            group.place = self._prompts.take()
            self._rows += [
                _Row(answer, group, self._answers.take()) for answer in group.answers if not answer.is_over
            ]
        self._make_room(_ROOM)
        for together in _packed(groups):
            self._read(together)
        return self._leave()

    def step(self) -> list[Group]:
        """Read what was written last and draw what follows; return the groups that are over with that."""
        if not self._rows:
            return []
        self._tidy()
        self._write()
        return self._leave()

    def _read(self, groups: Sequence[Group]) -> None:
        places, lengths = [group.place for group in groups], [len(group.prompt) for group in groups]
        self._keys.make_room_for_prompts(max(places) + 1, max(lengths))
        begun = [self._shelf.put(group.prompt, group.place) for group in groups]
        row = Reading(self._keys, begun, self._model.device)
        hidden_TW = hidden(self._model.network, row.token_1T, row.position_1T, row)[0]
        asked = [
            (n, answer) for n, group in enumerate(groups) for answer in group.answers if not answer.tokens
        ]
        if asked:
            logit_NV = self._model.logits(hidden_TW[row.last_N])
            logit_BV = logit_NV[[n for n, _ in asked]]
            draw([answer for _, answer in asked], logit_BV, temperature=self._temperature)

    def _write(self) -> None:
        self._rows.sort(key=lambda row: row.place)
        pieces = [row.piece() for row in self._rows]
        self._make_room(max(piece.start + len(piece.tokens) for piece in pieces))
        row = Writing(self._keys, pieces, self._model.device)
        hidden_TW = hidden(self._model.network, row.token_1T, row.position_1T, row)[0]
        asked: list[Answer] = []
        last_B: list[int] = []
        end = 0
        for written, piece in zip(self._rows, pieces, strict=True):
            end += len(piece.tokens)
            written.read += len(piece.tokens)
            if written.read == len(written.answer.tokens):
                asked.append(written.answer)
                last_B.append(end - 1)
        if asked:
            hidden_BW = hidden_TW if len(asked) == len(hidden_TW) else hidden_TW[last_B]
            draw(asked, self._model.logits(hidden_BW), temperature=self._temperature)

    def _make_room(self, tokens: int) -> None:
        """Make room for so many tokens of every answer."""
        places = max((row.place for row in self._rows), default=-1) + 1
        self._keys.make_room_for_answers(places, tokens)

    def _leave(self) -> list[Group]:
        """Free the places of answers that are over; return the groups that are over with them."""
        over = [row for row in self._rows if row.answer.is_over]
        if not over:
            return []
        self._rows = [row for row in self._rows if not row.answer.is_over]
        for row in over:
            self._answers.leave(row.place)
        groups = {row.group.place: row.group for row in over if row.group.is_over}
        for place in groups:
            self._prompts.leave(place)
        return list(groups.values())

    def _tidy(self) -> None:
        """Move what is kept together, where much of the room lies idle."""
        if moves := self._answers.tidy():
            self._keys.move_answers(moves)
            for row in self._rows:
                row.place = moves.get(row.place, row.place)
        if moves := self._prompts.tidy():
            self._keys.move_prompts(moves)
            self._shelf.move(moves)
            for group in {id(row.group): row.group for row in self._rows}.values():
                group.place = moves.get(group.place, group.place)


def _packed(groups: Sequence[Group]) -> Iterator[list[Group]]:
    """Split groups into those whose prompts are read in one row."""
    together: list[Group] = []
    held = 0
    for group in groups:
        if together and held + len(group.prompt) > _PROMPT_TOKENS:
            yield together
            together, held = [], 0
        together.append(group)
        held += len(group.prompt)
    if together:
        yield together
