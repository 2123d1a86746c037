"""How much of an answer stands in the text it was taken from."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adhere.records import JSON
from adhere.reward.claims import Claim, assign
from adhere.reward.dates import is_date
from adhere.reward.expected import expected
from adhere.reward.leaves import Path, field_of, leaves_at
from adhere.reward.name import share_of_name
from adhere.reward.numerals import Span
from adhere.reward.page import read
from adhere.reward.stated import LONGEST, is_countable, spans
from adhere.schema import Schema
from adhere.schema.places import pointer_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Which leaves of an answer the text states."""

    found: int
    total: int
    """Leaves that a text could state: all strings and numbers that the schema leaves a choice in."""
    spans: Mapping[str, Span | None]
    """Per pointer of such a leaf, the stretch of text that pays for it; no two overlap."""
    share: float
    """Mean over fields of the share of their leaves that were found, in [0, 1]; 0 where there are none.

    A name cut short counts by the share of its words. A field is a pointer with `*` for list indexes, so
    that a long list weighs no more than one value.
    """


def support(value: JSON, text: str, schema: Schema, *, longest: int = LONGEST) -> Support:
    """Look an answer's leaves up in the text, each at a stretch of its own.

    Leaves claim spans that do not overlap, so that the support is greatest: one place in the text pays
    for one leaf. A leaf that the schema does not speak of is never found. null, booleans, empty lists
    and objects, and leaves with only one allowed value are not counted.

    Pure.

    Args:
        value: An answer that obeys the schema.
        text: What it was taken from.
        schema: Says of each leaf whether it is a date, an option or free.
        longest: Characters beyond which a free string is taken for echoed text.
    """
    candidates = _candidates(value, text, schema, longest=longest)
    sizes = Counter(field_of(path) for path in candidates)
    everywhere = sorted({span for leaf in candidates.values() for span in leaf.spans})
    shares = {path: _shares(leaf, text, everywhere) for path, leaf in candidates.items()}
    met = assign(
        [
            Claim(tuple((span, share / sizes[field_of(path)]) for span, share in taken.items()))
            for path, taken in shares.items()
        ]
    )
    stated = {path: span for path, span in zip(candidates, met, strict=True) if span is not None}
    paid: dict[str, list[float]] = defaultdict(list)
    for path, span in stated.items():
        paid[field_of(path)].append(shares[path][span])
    return Support(
        found=len(stated),
        total=len(candidates),
        spans={pointer_of(path): stated.get(path) for path in candidates},
        share=math.fsum(math.fsum(paid[field]) / size for field, size in sizes.items()) / max(1, len(sizes)),
    )


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A leaf that a text could state."""

    spans: tuple[Span, ...]
    key: str
    """Its key, or that of the list that it stands in."""
    is_free: bool
    """Whether it is a string that may say anything, and so a name."""


def _shares(leaf: _Leaf, text: str, everywhere: Sequence[Span]) -> dict[Span, float]:
    """Return what each span of a leaf counts: a name, by the share of its words that the span takes."""
    if not leaf.is_free:
        return dict.fromkeys(leaf.spans, 1.0)
    return {span: share_of_name(span, text, key=leaf.key, others=everywhere) for span in leaf.spans}


def _candidates(value: JSON, text: str, schema: Schema, *, longest: int) -> dict[Path, _Leaf]:
    """List, for each leaf that counts, the places where the text states it."""
    page = read(text)
    candidates: dict[Path, _Leaf] = {}
    for path, leaf in leaves_at(value):
        at = expected(schema)
        for step in path:
            at = at.item(step) if isinstance(step, int) else at.key(step)
        key = next((step for step in reversed(path) if isinstance(step, str)), "")
        if not at.known:
            candidates[path] = _Leaf((), key, is_free=False)
        elif is_countable(leaf, at):
            found = spans(leaf, at, page, key=key, longest=longest)
            is_free = isinstance(leaf, str) and at.options is None and not is_date(leaf)
            candidates[path] = _Leaf(found, key, is_free=is_free)
    return candidates
