"""Facts that belong to no leaf, some of which look like another field's value."""

from collections.abc import Sequence
from typing import cast

from adhere.data.filling import values
from adhere.data.filling.values import Kind
from adhere.data.prose.outline import Fact, Outline
from adhere.data.prose.pen import Pen
from adhere.data.prose.wording import Form, Pieces

SHARE = 0.35
"""How often a text states facts that belong to no leaf."""
_ALIKE_SHARE = 0.5
"""Of these, how many look like the value of a field, and say by their label that they are none."""
NAMES: dict[Kind, Pieces[str]] = {
    "code": Pieces(str, "file no", "form no", "print job", "folder", "our shelf mark", "desk no"),
    "phone": Pieces(str, "hotline", "switchboard", "night line", "porter's line", "service line"),
    "email": Pieces(str, "help desk", "web form", "complaints go to", "press office", "archive box"),
    "city": Pieces(
        str,
        "printed in",
        "court in",
        "archive in",
        "head office in",
        "filed in",
        "next branch in",
        "depot in",
    ),
    "person": Pieces(str, "clerk", "typist", "scanned by", "on duty", "proofread by"),
    "date": Pieces(str, "last update", "form revised", "printed", "archive until", "layout of", "next audit"),
    "product": Pieces(str, "next offer", "free sample", "new in store", "prize draw", "on sale"),
    "topic": Pieces(str, "see also", "next newsletter", "leaflet enclosed", "other news", "reading tip"),
    "company": Pieces(str, "printer", "advertisement", "form supplier", "paper by", "software by"),
    "time": Pieces(str, "office closes", "lunch from", "gate shuts", "printed at", "last bus"),
}
"""What a fact of a kind is called that no field of the target has."""
ALIKE = Pieces(
    Form.of,
    "previous {l}{s}", "former {l}{s}", "{l} last year{s}", "old {l}{s}", "{l} of another file{s}",
    "{l} before the change{s}", "{l} until then{s}", "crossed out {l}{s}", "{l} on the first draft{s}",
    "outdated {l}{s}",
)  # fmt: skip
"""What a fact is called that looks like the value of a field."""
_ALIKE_KINDS = frozenset(
    {"amount", "city", "code", "company", "count", "date", "email", "person", "phone", "product", "street"}
)


def distractors(pen: Pen, outline: Outline) -> list[Fact]:
    """Draw one or two facts that belong to no leaf, three times in ten; each says so by its label."""
    if not pen.chance(SHARE):
        return []
    count = 2 if pen.chance(0.3) else 1
    drawn = [_alike(pen, outline) if pen.chance(_ALIKE_SHARE) else _other(pen, outline) for _ in range(count)]
    taken = {*outline.labels, *(fact.label for fact in outline.root.facts)}
    facts = {fact.label: fact for fact in drawn if fact and fact.label not in taken}
    return list(facts.values())


def _other(pen: Pen, outline: Outline) -> Fact | None:
    """Draw a fact of a kind that no leaf has, nor could have."""
    taken = outline.kinds | outline.doubtful
    kinds: Sequence[Kind] = [
        kind for kind, names in NAMES.items() if kind not in taken and pen.wording.of(names)
    ]
    if not kinds:
        return None
    kind = pen.one(kinds)
    return Fact(pen.pick(NAMES[kind]), kind, ((None, values.string_of(pen.random, kind).surface),))


def _alike(pen: Pen, outline: Outline) -> Fact | None:
    """Draw a fact that looks like one of the target's values."""
    facts = [
        fact
        for fact in outline.root.facts
        if fact.kind in _ALIKE_KINDS and fact.kind not in outline.doubtful and fact.label in outline.labels
    ]
    if not facts:
        return None
    like = pen.one(facts)
    label, _ = pen.pick(ALIKE).around(like.label)
    surface = _drawn_surface(pen, like.kind)
    # What a leaf states is not another value.
    stated = {words for fact in outline.root.facts for _, words in fact.pieces}
    return None if surface in stated else Fact(label, like.kind, ((None, surface),))


def _drawn_surface(pen: Pen, kind: str) -> str:
    match kind:
        case "amount":
            return values.amount(pen.random).surface
        case "count":
            return str(2 + int(pen.random.random() * 500))
        case _:
            return values.string_of(pen.random, cast("Kind", kind)).surface
