"""How much of an answer stands in the text it was taken from."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from adhere.records import JSON
from adhere.reward.claims import Claim, assign
from adhere.reward.expected import expected
from adhere.reward.leaves import Path, field_of, leaves_at
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

    A field is a pointer with `*` for list indexes, so that a long list weighs no more than one value.
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
    weights = {path: 1 / sizes[field_of(path)] for path in candidates}
    met = assign([Claim(places, weights[path]) for path, places in candidates.items()])
    found = Counter(field_of(path) for path, span in zip(candidates, met, strict=True) if span is not None)
    return Support(
        found=found.total(),
        total=len(candidates),
        spans={pointer_of(path): span for path, span in zip(candidates, met, strict=True)},
        share=math.fsum(found[field] / size for field, size in sizes.items()) / len(sizes) if sizes else 0.0,
    )


def _candidates(value: JSON, text: str, schema: Schema, *, longest: int) -> dict[Path, tuple[Span, ...]]:
    """List, for each leaf that counts, the places where the text states it."""
    page = read(text)
    candidates: dict[Path, tuple[Span, ...]] = {}
    for path, leaf in leaves_at(value):
        at = expected(schema)
        for step in path:
            at = at.item(step) if isinstance(step, int) else at.key(step)
        if not at.known:
            candidates[path] = ()
        elif is_countable(leaf, at):
            key = next((step for step in reversed(path) if isinstance(step, str)), "")
            candidates[path] = spans(leaf, at, page, key=key, longest=longest)
    return candidates
