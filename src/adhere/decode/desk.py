"""Where the answers of many prompts are written side by side.

Axis suffixes: B answers whose next token is drawn, N prompts of a row, T tokens of a row, V vocabulary,
W width of the network.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adhere.attention import hidden
from adhere.decode.answer import Answer
from adhere.decode.archive import BLOCK, Archive
from adhere.decode.draw import draw
from adhere.decode.keys import Keys, Places
from adhere.decode.reading import Begun, Reading, Shelf
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
    read: int = 0
    """Tokens of the prompt whose keys are there."""
    known: int = 0
    """How many of those were taken over from a prompt that was read before."""

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

    def piece(self, most: int) -> Piece:
        """Return what the network reads of it next: so many tokens at most."""
        return Piece(
            tokens=self.answer.tokens[self.read : self.read + most],
            start=self.read,
            place=self.place,
            prompt=self.group.place,
            prompt_tokens=len(self.group.prompt),
        )


class Desk:
    """Holds answers that go on, with the keys of what was read."""

    def __init__(self, model: Model, archive: Archive | None = None, *, padding: float | None = None) -> None:
        """Hold nothing yet.

        Args:
            model: Writes.
            archive: Where prompts are looked for, and kept for others.
            padding: How many times as many tokens attention may be computed for as there are; an answer that
                many tokens were forced on brings them in several steps then. `None`: in one, up to a
                bound, whatever it costs.
        """
        self._model, self._archive, self._padding = model, archive, padding
        self._keys = Keys.none()
        self._prompts, self._answers = Places(), Places()
        self._shelf = Shelf()
        self._unread: list[Group] = []
        self._rows: list[_Row] = []

    @property
    def busy(self) -> int:
        """Answers that go on, those to prompts that are not read yet left out."""
        return len(self._rows)

    @property
    def unread(self) -> int:
        """Tokens of prompts that are still to be read."""
        return sum(len(group.prompt) - group.read for group in self._unread)

    @property
    def expected(self) -> int:
        """Answers that go on, or will when their prompt is read."""
        return len(self._rows) + sum(len(group.answers) for group in self._unread)

    def room(self, *, prompt: int, answers: int, limit: int) -> int:
        """Return how many tokens there would be room for, were a group to enter and be written to its limit.

        There is as much for each as the longest takes, and none is given back.

        Args:
            prompt: Its tokens.
            answers: How many.
            limit: Most tokens of each.
        """
        limits = (answer.limit for group in self._groups() for answer in group.answers)
        return self._keys.tokens(
            (self._prompts.count + 1, prompt), (self._answers.count + answers, max((limit, *limits)))
        )

    def enter(self, groups: Sequence[Group]) -> list[Group]:
        """Read prompts and draw the first tokens; return the groups that are over with that."""
        for group in groups:
            self.put(group)
        for together in _packed(groups):
            self._read([(group, len(group.prompt)) for group in together])
        return self._leave()

    def put(self, group: Group) -> None:
        """Give a prompt a place; `read` is to read it."""
        group.place = self._prompts.take()
        self._unread.append(group)
        if self._archive is not None and (runs := self._archive.find(group.prompt)):
            group.read = group.known = len(runs) * BLOCK
            self._keys.make_room_for_prompts(group.place + 1, group.read)
            self._keys.lay(group.place, runs)
            self._shelf.lay(group.prompt[: group.read], group.place)

    def read(self, most: int) -> list[Group]:
        """Read so many tokens of prompts at most; return the groups that are over with that.

        The first tokens are drawn of answers to prompts that are read to their ends.
        """
        parts: list[tuple[Group, int]] = []
        for group in self._unread:
            stop = min(len(group.prompt), group.read + most)
            if stop > group.read:
                parts.append((group, stop))
                most -= stop - group.read
        if parts:
            self._read(parts)
        return self._leave()

    def step(self) -> list[Group]:
        """Read what was written last and draw what follows; return the groups that are over with that."""
        if not self._rows:
            return []
        self._tidy()
        self._write()
        return self._leave()

    def leave(self) -> list[Group]:
        """Let answers go that were closed; return the groups that are over with them."""
        return self._leave()

    def _groups(self) -> list[Group]:
        """Return the groups that are here, each once."""
        return [*{id(row.group): row.group for row in self._rows}.values(), *self._unread]

    def _read(self, parts: Sequence[tuple[Group, int]]) -> None:
        """Read prompts, each up to where it says; draw the first tokens where that is all of it."""
        places, stops = [group.place for group, _ in parts], [stop for _, stop in parts]
        self._keys.make_room_for_prompts(max(places) + 1, max(stops))
        row = Reading(self._keys, [self._begun(*part) for part in parts], self._model.device)
        asked = [
            (n, answer)
            for n, (group, stop) in enumerate(parts)
            for answer in (self._begin(group) if stop == len(group.prompt) else [])
            if not answer.tokens
        ]
        hidden_TW = hidden(self._model.network, row.token_1T, row.position_1T, row)[0]
        if self._archive is not None:
            for group, stop in parts:
                self._archive.keep(group.prompt[:stop], self._keys, group.place)
        if asked:
            logit_NV = self._model.logits(hidden_TW[row.last_N])
            logit_BV = logit_NV[[n for n, _ in asked]]
            draw([answer for _, answer in asked], logit_BV)

    def _begun(self, group: Group, stop: int) -> Begun:
        """Put a prompt on the shelf as far as it is to be read now."""
        begun = self._shelf.put(group.prompt[:stop], group.place)
        if begun.known < group.read:
            begun = Begun(begun.tokens, group.place, group.place, group.read)
        group.known += begun.known - group.read
        group.read = stop
        return begun

    def _begin(self, group: Group) -> list[Answer]:
        """Give places to the answers to a prompt that is read to its end; return them."""
        self._unread.remove(group)
        going = [answer for answer in group.answers if not answer.is_over]
        self._rows += [_Row(answer, group, self._answers.take()) for answer in going]
        self._make_room(_ROOM)
        return going

    def _write(self) -> None:
        self._rows.sort(key=lambda row: row.place)
        most = self._run([min(len(row.answer.tokens) - row.read, _RUN) for row in self._rows])
        pieces = [row.piece(most) for row in self._rows]
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
            draw(asked, self._model.logits(hidden_BW))

    def _run(self, waiting: Sequence[int]) -> int:
        """Return how many tokens an answer may bring into a row, from how many each could."""
        if self._padding is None:
            return _RUN
        for run in range(max(waiting), 1, -1):
            if run * len(waiting) <= self._padding * sum(min(run, each) for each in waiting):
                return run
        return 1

    def _make_room(self, tokens: int) -> None:
        """Make room for so many tokens of every answer."""
        places = max((row.place for row in self._rows), default=-1) + 1
        self._keys.make_room_for_answers(places, tokens)

    def _leave(self) -> list[Group]:
        """Free the places of answers that are over; return the groups that are over with them."""
        over = [row for row in self._rows if row.answer.is_over]
        groups = {group.place: group for group in self._unread if group.is_over}
        if not over and not groups:
            return []
        self._unread = [group for group in self._unread if not group.is_over]
        self._rows = [row for row in self._rows if not row.answer.is_over]
        for row in over:
            self._answers.leave(row.place)
        groups |= {row.group.place: row.group for row in over if row.group.is_over}
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
            for group in self._groups():
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
