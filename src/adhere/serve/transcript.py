"""The text of an answer as it is written, and how much of it is certain.

Pure: needs a tokenizer and nothing else.
"""

from collections.abc import Sequence

from adhere.prompt import Tokenizer

_HALF = "\N{REPLACEMENT CHARACTER}"
"""What a tokenizer gives for bytes that are no character yet."""
_WINDOW = 16
"""Tokens that are decoded again with what comes: some tokenizers spell a first token otherwise."""


class Transcript:
    """Turns tokens into text, never within a character, until a text to stop at is written.

    Attributes:
        text: What is written, without what follows the beginning of a text to stop at.
        ends: Where the text of each token ends in that, where tokens were added one by one.
        is_cut: Whether a text to stop at was written.
    """

    def __init__(self, tokenizer: Tokenizer, stops: Sequence[str] = ()) -> None:
        """Begin with nothing.

        Args:
            tokenizer: The model's own.
            stops: Texts to stop at, none of them empty.
        """
        self._tokenizer, self._stops = tokenizer, stops
        self._tokens: list[int] = []
        self._before = self._done = 0
        """The text of the tokens between them is `_known`."""
        self._known = ""
        self.text = ""
        self.ends: list[int] = []
        self.is_cut = False

    @property
    def whole(self) -> int:
        """Tokens that end with a whole character, and all before them."""
        return self._done

    @property
    def certain(self) -> int:
        """Characters of the text that stay whatever follows: the rest may begin a text to stop at."""
        return (
            len(self.text) if self.is_cut else len(self.text) - max(map(self._begun, self._stops), default=0)
        )

    def add(self, tokens: Sequence[int]) -> None:
        """Go on by some tokens."""
        self._tokens += tokens
        now = self._decoded(self._before)
        if not now.endswith(_HALF):
            self._write(now)
        if not self.is_cut:
            self.ends.append(len(self.text))

    def end(self) -> None:
        """Take what the last token left half written as it is."""
        if self._done < len(self._tokens) and not self.is_cut:
            self._write(self._decoded(self._before))
            self.ends[-1:] = [len(self.text)] * (not self.is_cut)

    def _decoded(self, start: int) -> str:
        return self._tokenizer.decode(self._tokens[start:], skip_special_tokens=False)

    def _write(self, now: str) -> None:
        """Go on to the end of what is decoded now."""
        seen = len(self.text)
        self.text += now[len(self._known) :]
        self._known, done, self._done = now, self._done, len(self._tokens)
        if self._done - self._before > _WINDOW:
            self._before, self._known = done, self._decoded(done)
        found = [self.text.find(stop, max(0, seen - len(stop) + 1)) for stop in self._stops]
        if any(place >= 0 for place in found):
            self._cut(min(place for place in found if place >= 0))

    def _cut(self, end: int) -> None:
        """End here, and with the token that writes what is before."""
        starts = [0, *self.ends]
        whole = [*self.ends, len(self.text)]
        self.ends = [min(last, end) for first, last in zip(starts, whole, strict=True) if first < end]
        self.text, self.is_cut = self.text[:end], True

    def _begun(self, stop: str) -> int:
        """Return with how many characters of a text to stop at the text ends."""
        return next(size for size in range(len(stop) - 1, -1, -1) if self.text.endswith(stop[:size]))
