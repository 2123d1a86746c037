"""How much of an answer stands in the text it was taken from."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from adhere.records import JSON
from adhere.reward.claims import Claim, Taken, assign
from adhere.reward.name import Stated, share_of_name
from adhere.reward.omitted import omitted
from adhere.schema import Schema
from adhere.schema.expected import Expected, expected
from adhere.schema.leaves import field_of
from adhere.schema.places import pointer_of, pointer_token
from adhere.text.dates import is_date
from adhere.text.numerals import Span
from adhere.text.page import MOST_OCCURRENCES, Page, read
from adhere.text.stated import LONGEST, is_countable, spans

MOST_PLACES = 5_000
"""Places of the text looked at for all the different values of an answer together, one for each at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Which leaves of an answer the text states."""

    found: int
    total: int
    """Leaves that a text could state: all strings and numbers that the schema leaves a choice in."""
    spans: Mapping[str, Span | None]
    """Per pointer of such a leaf, the stretch of text that pays for it; no two overlap."""
    omitted: tuple[str, ...] = ()
    """Pointers of the keys that the answer leaves out, or gives as null, though the text states a value."""
    share: float
    """Mean over fields of the share of their leaves that were found, in [0, 1]; 0 where there are none.

    A name cut short counts by the share of its words, and a key left out as a leaf that was not found. A
    field is a pointer with `*` for list indexes, so that a long list weighs no more than one value.
    """


@dataclass(frozen=True, slots=True, eq=False)
class _Kind:
    """What leaves have in common that are stated in the same places; there is one for all of them."""

    field: str
    key: str
    """The key, or that of the list that they stand in."""
    at: Expected
    value: str | float | None
    """`None` where the schema does not speak of them, so that nothing states them."""

    @property
    def is_free(self) -> bool:
        """Whether it is a string that may say anything, and so a name."""
        return isinstance(self.value, str) and self.at.options is None and not is_date(self.value)


def support(value: JSON, text: str, schema: Schema, *, longest: int = LONGEST) -> Support:
    """Look an answer's leaves up in the text, each at a stretch of its own.

    Leaves claim spans that do not overlap, so that the support is greatest: one place in the text pays
    for one leaf. A leaf that the schema does not speak of is never found. null, booleans, empty lists
    and objects, and leaves with only one allowed value are not counted. A key that the answer leaves out
    though the text states a value for it is a leaf that was not found; see `omitted`.

    Pure; linear in the size of the answer.

    Args:
        value: An answer that obeys the schema.
        text: What it was taken from.
        schema: Says of each leaf whether it is a date, an option or free.
        longest: Characters beyond which a free string is taken for echoed text.
    """
    page = read(text)
    kinds = dict(_kinds(value, expected(schema)))
    sizes = Counter(kind.field for kind in kinds.values())
    shares = _shares(Counter(kinds.values()), page, longest=longest)
    claims = {
        kind: Claim(tuple((span, share / sizes[kind.field]) for span, share in places.items()))
        for kind, places in shares.items()
    }
    met = dict(zip(kinds, assign([claims[kind] for kind in kinds.values()]), strict=True))
    taken, paid = Taken(), defaultdict[str, list[float]](list)
    for pointer, span in met.items():
        if span is not None:
            taken.add(span)
            paid[kinds[pointer].field].append(shares[kinds[pointer]][span])
    left_out = tuple(omitted(value, expected(schema), page, taken))
    sizes.update(map(field_of, left_out))
    return Support(
        found=sum(map(len, paid.values())),
        total=len(kinds),
        spans=met,
        omitted=tuple(map(pointer_of, left_out)),
        share=math.fsum(math.fsum(paid[field]) / size for field, size in sizes.items()) / max(1, len(sizes)),
    )


def _kinds(value: JSON, at: Expected) -> Iterator[tuple[str, _Kind]]:
    """Yield the leaves that count, by their pointers, in the order in which they are written."""
    met: dict[tuple[str, Expected, str | float | None], _Kind] = {}
    waiting: list[tuple[str, str, str, JSON, Expected]] = [("", "", "", value, at)]
    while waiting:
        pointer, field, key, node, here = waiting.pop()
        if isinstance(node, dict) and node:
            for name, part in reversed(node.items()):
                step = pointer_token(name)
                waiting.append((pointer + step, field + step, name, part, here.key(name)))
        elif isinstance(node, list) and node:
            for index in reversed(range(len(node))):
                waiting.append((f"{pointer}/{index}", f"{field}/*", key, node[index], here.item(index)))
        else:
            stated = node if here.known and is_countable(node, here) else None
            if here.known and stated is None:
                continue
            if (field, here, stated) not in met:
                met[field, here, stated] = _Kind(field, key, here, stated)
            yield pointer, met[field, here, stated]


def _shares(counts: Mapping[_Kind, int], page: Page, *, longest: int) -> Mapping[_Kind, Mapping[Span, float]]:
    """Return for each kind the places where the text states it, with what each counts.

    A name counts by the share of its words that the place takes.
    """
    most = max(1, min(MOST_OCCURRENCES, MOST_PLACES // max(1, len(counts))))
    places = {
        kind: spans(kind.value, kind.at, page, key=kind.key, longest=longest, most=max(most, count))
        for kind, count in counts.items()
    }
    stated = Stated({span for found in places.values() for span in found})
    return {
        kind: {
            span: share_of_name(span, page.text, key=kind.key, others=stated) if kind.is_free else 1.0
            for span in found
        }
        for kind, found in places.items()
    }
