"""A JSON value under way, beside the grammar that it is written under.

It sees to what no grammar can count: that an object has no key twice, that the items of a list differ where
they must, and that what is written stays a text that `parse_json` reads.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from adhere.schema.canonical import canonical
from adhere.schema.unique import Lists, Position

MOST_OPEN = 100
"""Arrays and objects that may be opened inside one another; 128 can be read."""
MOST_DIGITS = 300
"""Characters of a number."""
_LARGEST_EXPONENT = 308
"""Of ten: the largest double is 1.8e308."""
_TO_SPARE = 8
"""Last characters of a number that may only be digits, so that it can end."""
_BLANK = b" \t\r\n"
_IN_SCALAR = b"+-.0123456789abcdefghijklmnopqrstuvwxyzE"
_DIGITS = b"0123456789"

At: TypeAlias = Literal["value", "member", "key", "colon", "string", "scalar", "next", "tag", "aside"]
"""What may follow, or is being written. member: a key, or the end of an object. next: what comes after a
value. tag: the rest of a tag before the value. aside: nothing of a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """An array or an object that is not closed yet."""

    is_object: bool
    position: Position
    """Where it stands in the schema."""
    differ: bool
    """Whether no two of its items may be equal."""
    begins: int = 0
    """Where, in the text, the last of its items begins."""
    count: int = 0
    """Items that are begun."""
    key: str = ""
    """The last."""
    taken: frozenset[str] = frozenset()
    """The keys that it has, or, where they must differ, its items in canonical spelling."""
    spelled: tuple[bytes, ...] = ()
    """The same as they were written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What is written of a value."""

    lists: Lists | None = None
    """Which lists must have items that differ; `None` where none must."""
    under: str | None = None
    """The key of the whole under which `lists` begins; `None` where it tells of the whole."""
    is_call: bool = False
    """Whether what does not begin with a brace is no value."""
    text: bytes = b""
    at: At = "value"
    begins: int = 0
    """Where the key, string or scalar begins that is being written."""
    escaped: bool = False
    """Whether a backslash was written last."""
    holders: tuple[Holder, ...] = ()
    """The innermost last."""

    def after(self, spelled: bytes) -> "Value | None":
        """Return the value after further bytes that its grammar allows; `None` where they must not follow."""
        if self.at == "aside" or not spelled:
            return self
        if self.at in {"string", "key"} and not (self.escaped or b'"' in spelled or b"\\" in spelled):
            return replace(self, text=self.text + spelled)
        writer = _Writer(self)
        return writer.value() if all(map(writer.write, spelled)) else None

    @property
    def scalar(self) -> bytes:
        """What is written of a number or a word; empty anywhere else."""
        return self.text[self.begins :] if self.at == "scalar" else b""

    def rivals(self, *, of_keys: bool) -> "Rivals | None":
        """Return what the key and the items under way may still turn out to be equal to, if anything.

        Args:
            of_keys: Whether to look at the key too.
        """
        named: list[tuple[int, int]] = []
        going_on: list[bytes] = []
        for depth, begins in self._under_way(of_keys=of_keys):
            holder, written = self.holders[depth], self.text[begins:]
            rest = [rival[len(written) :] for rival in holder.spelled if rival.startswith(written)]
            # Minus nought is nought, and what has an escape in it may be spelled in several ways.
            is_open = written in {b"-", b"-0"} or b"\\" in written
            if holder.spelled and (rest or is_open):
                named.append((depth, len(holder.taken)))
                going_on += rest
        return Rivals(frozenset(named), going_on) if named else None

    def _under_way(self, *, of_keys: bool) -> Iterator[tuple[int, int]]:
        """Yield the depths of what holds a key or an item under way that must differ, and where it begins."""
        innermost = len(self.holders) - 1
        for depth, holder in enumerate(self.holders):
            is_between = depth == innermost and self.at in {"value", "next"}
            if holder.differ and not (is_between and self.at == "next"):
                yield depth, len(self.text) if is_between else holder.begins
        if of_keys and self.at in {"key", "member"}:
            yield innermost, len(self.text) if self.at == "member" else self.begins

    @property
    def differs(self) -> bool:
        """Whether it stands within a list whose items must differ."""
        return any(holder.differ for holder in self.holders)


@dataclass(frozen=True, slots=True)
class Rivals:
    """What a value under way must not become equal to."""

    under_way: frozenset[tuple[int, int]]
    """The key and the items that are written: by depth, and how many are before them."""
    going_on: list[bytes]
    """How each of those before them goes on from here."""


class _Writer:
    """Writes a value's next bytes one by one."""

    def __init__(self, value: Value) -> None:
        self._before = value
        self._text = bytearray(value.text)
        self._at: At = value.at
        self._begins, self._escaped = value.begins, value.escaped
        self._holders = list(value.holders)

    def value(self) -> Value:
        """Return what is written now."""
        return replace(
            self._before,
            text=bytes(self._text),
            at=self._at,
            begins=self._begins,
            escaped=self._escaped,
            holders=tuple(self._holders),
        )

    def write(self, byte: int) -> bool:
        """Write a byte; say whether it may stand there."""
        self._text.append(byte)
        if self._at in {"string", "key"}:
            return self._in_string(byte)
        if self._at == "scalar":
            if byte in _IN_SCALAR:
                return _is_small(self._text[self._begins :])
            if not self._ends(len(self._text) - 1):
                return False
        if self._at == "tag":
            self._at = "value" if byte == ord(">") else "tag"
            return True
        return self._at == "aside" or byte in _BLANK or self._mark(byte)

    def _mark(self, byte: int) -> bool:
        """Write what stands outside of strings and scalars, or begins one."""
        if not self._holders and (self._at == "next" or (self._before.is_call and byte != ord("{"))):
            self._at = "aside"
            return True
        match chr(byte):
            case "}" | "]":
                self._holders.pop()
                return self._ends(len(self._text))
            case ",":
                self._at = "member" if self._holders[-1].is_object else "value"
            case ":":
                self._at = "value"
            case "<":
                self._at = "tag"
            case '"' if self._at == "member":
                self._at, self._begins = "key", len(self._text) - 1
            case mark:
                return self._begin(mark)
        return True

    def _begin(self, mark: str) -> bool:
        """Begin a value."""
        here = len(self._text) - 1
        if self._holders and not self._holders[-1].is_object:
            holder = self._holders[-1]
            self._holders[-1] = replace(holder, begins=here, count=holder.count + 1)
        if mark not in "{[":
            self._at, self._begins = "string" if mark == '"' else "scalar", here
            return True
        if len(self._holders) >= MOST_OPEN:
            return False
        lists, position = self._before.lists, self._position()
        differ = mark == "[" and lists is not None and lists.differ(position)
        self._holders.append(Holder(is_object=mark == "{", position=position, differ=differ))
        self._at = "member" if mark == "{" else "value"
        return True

    def _position(self) -> Position:
        """Return where a value that begins here stands in the schema."""
        lists, under = self._before.lists, self._before.under
        if lists is None:
            return ()
        if not self._holders:
            return lists.root if under is None else ()
        holder = self._holders[-1]
        if under is not None and len(self._holders) == 1:
            return lists.root if holder.key == under else ()
        return lists.inside(holder.position, holder.key if holder.is_object else holder.count - 1)

    def _in_string(self, byte: int) -> bool:
        if self._escaped:
            self._escaped = False
        elif byte == ord("\\"):
            self._escaped = True
        elif byte == ord('"'):
            return self._ends_key() if self._at == "key" else self._ends(len(self._text))
        return True

    def _ends_key(self) -> bool:
        """End a key; say whether its object had it not yet."""
        written = bytes(self._text[self._begins :])
        key, holder = str(json.loads(written)), self._holders[-1]
        self._at = "colon"
        self._holders[-1] = _with(replace(holder, key=key), key, written)
        return key not in holder.taken

    def _ends(self, end: int) -> bool:
        """End a value; say whether it differs from others where it must."""
        self._at = "next"
        if not self._holders or not self._holders[-1].differ:
            return True
        holder = self._holders[-1]
        written = bytes(self._text[holder.begins : end])
        item = canonical(json.loads(written))
        self._holders[-1] = _with(holder, item, written)
        return item not in holder.taken


def _with(holder: Holder, taken: str, written: bytes) -> Holder:
    return replace(holder, taken=holder.taken | {taken}, spelled=(*holder.spelled, written))


def _is_small(scalar: bytes | bytearray) -> bool:
    """Whether a number under way is one that can be read, and can end soon."""
    if len(scalar) <= _TO_SPARE and b"e" not in scalar and b"E" not in scalar:
        return True
    if len(scalar) > MOST_DIGITS or (len(scalar) > MOST_DIGITS - _TO_SPARE and scalar[-1] not in _DIGITS):
        return False
    digits, _, exponent = bytes(scalar).lower().partition(b"e")
    whole = digits.partition(b".")[0].lstrip(b"-")
    power = exponent.lstrip(b"+")
    return len(power) <= _TO_SPARE // 2 and (
        not power.isdigit() or len(whole) + int(power) <= _LARGEST_EXPONENT
    )
