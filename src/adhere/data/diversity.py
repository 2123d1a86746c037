"""How much texts differ, so that a generator that says the same over and over shows."""

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from adhere.records import JSON, Example
from adhere.schema.canonical import canonical
from adhere.text.page import WORD

MOST_ROWS = 1000
"""So many are looked at."""
MOST_COMPARED = 100
"""So many texts are held against each other."""
_LONGEST = 4
"""Words in a row that BLEU looks at."""
_UNSEEN = 0.1
"""Counted where no run of a length stands in another text.

Source: Chen and Cherry, A systematic comparison of smoothing techniques for sentence-level BLEU, 2014,
method 1.
"""

Words: TypeAlias = Sequence[str]
Run: TypeAlias = tuple[str, ...]


def diversity(examples: Sequence[Example]) -> dict[str, JSON]:
    """Measure how much examples differ; what is not defined for them is left out.

    `distinct_1`, `distinct_2` and `distinct_3` are the share of runs of so many words, of all texts together,
    that differ from one another; `targets` is the share of targets that do. `templates` has the entropy of
    the wordings in bits, where `meta` names them, and its share of what it would be if no two were the same.
    `self_bleu` is the mean likeness of each text to the others, in [0, 1].

    Args:
        examples: The first `MOST_ROWS` of them are looked at, and for `self_bleu` the first `MOST_COMPARED`.

    Source: distinct n-grams, Li et al., arXiv:1510.03055 section 5; self-BLEU, Zhu et al., arXiv:1802.01886
    section 3.
    """
    looked_at = examples[:MOST_ROWS]
    texts = [WORD.findall(example.text.lower()) for example in looked_at]
    figures: dict[str, JSON] = {}
    for length in (1, 2, 3):
        figures |= _share(f"distinct_{length}", [run for text in texts for run in _runs(text, length)])
    figures |= _share("targets", [canonical(each.target) for each in looked_at if each.target is not None])
    figures |= _templates([each.meta["template"] for each in looked_at if "template" in each.meta])
    return figures | _self_bleu([text for text in texts[:MOST_COMPARED] if text])


def likeness(texts: Sequence[Words]) -> list[float]:
    """Return the BLEU of each text with all others as its references.

    A text of fewer than four words is compared by its shorter runs alone.

    Args:
        texts: At least two, none without words.

    Source: BLEU, Papineni et al., 2002, section 2.
    """
    lengths = [len(text) for text in texts]
    logs: list[list[float]] = [[] for _ in texts]
    for length in range(1, _LONGEST + 1):
        counts = [Counter(_runs(text, length)) for text in texts]
        most = _most_of_each(counts)
        for place, count in enumerate(counts):
            if count:
                shared = sum(min(times, most[run].elsewhere(place)) for run, times in count.items())
                logs[place].append(math.log((shared or _UNSEEN) / count.total()))
    return [math.exp(sum(log) / len(log) + _too_short(place, lengths)) for place, log in enumerate(logs)]


@dataclass(slots=True)
class _Most:
    """How often a run stands at most in one text, which one that is, and how often in any other."""

    times: int = 0
    place: int = -1
    second: int = 0

    def see(self, times: int, place: int) -> None:
        if times > self.times:
            self.times, self.place, self.second = times, place, self.times
        else:
            self.second = max(self.second, times)

    def elsewhere(self, place: int) -> int:
        return self.second if place == self.place else self.times


def _most_of_each(counts: Sequence[Counter[Run]]) -> Mapping[Run, _Most]:
    most: defaultdict[Run, _Most] = defaultdict(_Most)
    for place, count in enumerate(counts):
        for run, times in count.items():
            most[run].see(times, place)
    return most


def _too_short(place: int, lengths: Sequence[int]) -> float:
    """Return the logarithm of the brevity penalty: of being shorter than the reference nearest in length."""
    own = lengths[place]
    nearest = min((abs(other - own), other) for each, other in enumerate(lengths) if each != place)[1]
    return min(0.0, 1 - nearest / own)


def _runs(text: Words, length: int) -> Iterator[Run]:
    return zip(*(text[start:] for start in range(length)), strict=False)


def _share(name: str, items: Sequence[Hashable]) -> dict[str, JSON]:
    if not items:
        return {}
    distinct = len(set(items))
    return {name: {"rate": round(distinct / len(items), 4), "hits": distinct, "tries": len(items)}}


def _templates(names: Sequence[JSON]) -> dict[str, JSON]:
    if not names:
        return {}
    shares = [times / len(names) for times in Counter(map(str, names)).values()]
    bits = sum(share * math.log2(1 / share) for share in shares)
    figures: dict[str, JSON] = {"different": len(shares), "n": len(names), "entropy": round(bits, 4)}
    if len(names) > 1:
        figures["of_most"] = round(bits / math.log2(len(names)), 4)
    return {"templates": figures}


def _self_bleu(texts: Sequence[Words]) -> dict[str, JSON]:
    if len(texts) < 2:
        return {}
    found = likeness(texts)
    return {"self_bleu": {"mean": round(sum(found) / len(found), 4), "n": len(found)}}
