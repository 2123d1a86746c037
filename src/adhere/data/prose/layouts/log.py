"""Log lines: keys and values among what a machine says of itself."""

from collections.abc import Sequence

from adhere.data.prose.labels import one_of
from adhere.data.prose.outline import Fact, Group, Outline
from adhere.data.prose.pen import Pen
from adhere.data.prose.wording import Blanks, Form, Pieces

STAMPS = Pieces(
    Blanks.of,
    "[{clock}] ", "{clock} INFO ", "{month} {day} {clock} node{n} intake[{pid}]: ",
    "{clock} | INFO | intake | ", "INFO  ", "<{n}> ", "{clock},{ms} - intake - INFO - ",
    "level=info at={clock} ", "I {clock} intake: ", "+{ms}ms ", "{clock} [worker-{n}] ",
    "{month} {day} {clock} gateway: ", "intake/{pid} ",
)  # fmt: skip
SAYS = Pieces(
    str,
    "record received ", "stored ", "message accepted: ", "", "parsed entry ", "saved record ", "upsert ",
    "new row: ", "event=saved ", "imported ", "read ", "insert ", "data: ",
)  # fmt: skip
OTHERS = Pieces(
    Blanks.of,
    "queue empty", "connection from 10.0.{n}.{m} closed", "heartbeat", "worker {n} ready", "cache warm",
    "retry {n} after {ms} ms", "session {pid} started", "flushed {n} buffers", "checkpoint written",
    "listener on port 80{m}", "gc took {ms} ms", "rotated file {n}", "took {ms} ms", "config reloaded",
    "token renewed", "cache miss",
)  # fmt: skip
"""What else is logged."""
PAIRS = Pieces(
    Form.of,
    "{K}={s}", "{K}: {s}", "{K} = {s}", "{K} -> {s}", "[{K} {s}]", '"{K}": {s}', "{K} is {s}", "({K} {s})",
)  # fmt: skip
QUOTED = Pieces(
    Form.of,
    '{K}="{s}"', '{K}: "{s}"', "{K}='{s}'", '{K} = "{s}"', "[{K} {s}]", '"{K}": "{s}"', "{K}: <{s}>",
    '{K}:= "{s}"', "({K} {s})", "{K}=({s})",
)  # fmt: skip
"""For values of several words."""
_JOINTS = (" ", ", ", " ", "; ")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MOMENTS = frozenset({"date", "time", "moment"})


def log(pen: Pen, outline: Outline) -> None:
    """Write log lines that state all values, those of an item on a line of its own."""
    lines = _Lines(pen, outline)
    if pen.chance(0.5):
        lines.other()
    lines.group(outline.root, "")
    if pen.chance(0.5):
        lines.other()


class _Lines:
    """The lines of one log."""

    def __init__(self, pen: Pen, outline: Outline) -> None:
        self.pen = pen
        stamps = pen.wording.of(STAMPS)
        if (outline.kinds | outline.doubtful) & _MOMENTS:
            # A reader could take the time of a line for a value.
            stamps = tuple(stamp for stamp in stamps if "clock" not in stamp.places)
        self.stamp = pen.one(stamps) if stamps else Blanks(("",))
        pen.distractors += "clock" in self.stamp.places
        self.says, self.joint = pen.pick(SAYS), pen.one(_JOINTS)
        self.pair, self.quoted = pen.pick(PAIRS), pen.pick(QUOTED)
        self.seconds = int(pen.random.random() * 86_000)
        self.begun = False
        self.fixed = {
            "month": pen.one(_MONTHS),
            "day": str(self._number(28)),
            "n": str(self._number(9)),
            "pid": str(self._number(30_000)),
        }

    def _number(self, most: int) -> int:
        return 1 + int(self.pen.random.random() * most)

    def _begin(self) -> None:
        """Begin a line, a few seconds after the one before."""
        if self.begun:
            self.pen.write("\n")
        self.begun = True
        self.seconds += self._number(9)
        minutes, second = divmod(self.seconds, 60)
        clock = f"{minutes // 60 % 24:02d}:{minutes % 60:02d}:{second:02d}"
        self._fill(self.stamp, clock=clock)

    def _fill(self, blanks: Blanks, **given: str) -> None:
        """Write words with numbers that are no part of the wording."""
        values = {"ms": str(self._number(999)), "m": str(self._number(99)), **self.fixed, **given}
        for at, part in enumerate(blanks.parts):
            if at % 2:
                self.pen.aside(values[part])
            else:
                self.pen.write(part)

    def other(self) -> None:
        """Write a line that has nothing to do with the values."""
        self._begin()
        self._fill(self.pen.pick(OTHERS))

    def group(self, group: Group, within: str) -> None:
        """Write the values of a group on a line, then the items of its lists.

        Args:
            group: What to write.
            within: The pairs that say which item it is; empty for the root.
        """
        flat = group.flattened()
        facts = self.pen.shuffled(flat.facts)
        if facts or within:
            alone = not within and self.pen.chance(0.25)
            for line in [[fact] for fact in facts] if alone else [facts]:
                self._pairs(within, line)
        for listed in flat.lists:
            one = one_of(listed.label).replace(" ", "_")
            for number, item in enumerate(listed.groups, 1):
                self.group(item, f"{within}{one}={number}{self.joint}")

    def _pairs(self, within: str, facts: Sequence[Fact]) -> None:
        self._begin()
        self.pen.write(self.says + (within if facts else within.rstrip(" ,;")))
        for at, fact in enumerate(facts):
            self.pen.write(self.joint if at else "")
            self.pen.fact(self.quoted if " " in fact.surface else self.pair, fact)
