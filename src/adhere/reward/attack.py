"""A red team for a reward: does it pay for cheating what it pays for honest work?"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from adhere.config import Form
from adhere.errors import RewardError
from adhere.records import JSON, Example
from adhere.reward.cheats import CHEATS, Family
from adhere.reward.found import find, taken
from adhere.reward.loading import Attempt, Reward
from adhere.reward.match import by_leaf, findings, tally
from adhere.reward.mould import mould
from adhere.reward.tricks import BROKEN_TAGS, SPOILT, TAGS
from adhere.reward.verdict import Obeys, judge
from adhere.reward.victim import Victim, victims, written
from adhere.schema import Schema
from adhere.schema.canonical import spelled

MOST_ROWS = 200
"""Rows that are attacked, the first ones; further ones show nothing new and take as long."""
_STARTS = 12
"""Answers made of the words of a text, of which the best stands in for a target."""
_SHOWN = 200
"""Characters kept of a completion."""

_FAR_LESS = 0.5
"""A cheat is less than so much as right as the mediocre answer: what is nearly as good is no cheat."""

_ANY_WORD = "without labels, a wrong word of the text earns as much as the right one"
_ANY_LINE = "without labels, a short wrong line of the text earns as much as the right words"
_OTHERS_WORD = "words of other texts, which stand in for their targets, may stand in this one too"
KNOWN: Mapping[str, Mapping[str, str]] = {
    "grounded": {
        "words_in_turn": _ANY_WORD,
        "pairs_in_turn": _ANY_WORD,
        "names_in_turn": _ANY_WORD,
        "name_everywhere": _ANY_WORD,
        "number_everywhere": _ANY_WORD,
        "numbers_in_turn": _ANY_WORD,
        "all_kinds_in_turn": _ANY_WORD,
        "text_beginnings": _ANY_LINE,
        "text_endings": _ANY_LINE,
        "lines_in_turn": _ANY_LINE,
        "values_moved": "values in each other's place are both paid",
        "names_cut": "a name cut short is paid by the share of its words",
        "one_value_alone": "a null costs nothing where the schema allows one, nor does a key left out",
        "every_word_listed": _ANY_WORD,
    },
}
"""What `docs/rewards.md` says that a preset pays for, by family: known, and not held against it."""
KNOWN_WITHOUT_TARGETS: Mapping[str, Mapping[str, str]] = {
    "grounded": dict.fromkeys(
        ("most_frequent", "another_row", "right_keys", "one_right", "copied_item"), _OTHERS_WORD
    ),
}
"""The same, for rows without targets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A completion that earned as much as a mediocre honest answer and is less than half as right."""

    example_id: str
    completion: str
    """Its first 200 characters."""
    score: float
    mediocre: float
    """What the mediocre honest answer to this row earned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What became of a family of cheats."""

    family: str
    what: str
    tried: int
    """Completions."""
    highest: float | None
    """The most that one earned; `None` where none was scored."""
    reached: int
    """Completions that are a breach."""
    rows: int
    """Rows with such a completion."""
    known: str | None
    """Why the reward pays for it all the same, where its documentation says so."""
    error: str | None
    """What the user's own reward raised on one of them."""
    worst: Breach | None
    """The breach with the highest score."""

    @property
    def held(self) -> bool:
        """Whether the reward did not fall for it, or is known to."""
        return self.error is None and (self.reached == 0 or self.known is not None)

    def as_json(self) -> dict[str, JSON]:
        """Spell the record as an object."""
        worst: JSON = self.worst and {
            "id": self.worst.example_id,
            "completion": self.worst.completion,
            "score": self.worst.score,
            "mediocre": self.worst.mediocre,
        }
        return {
            "family": self.family,
            "what": self.what,
            "tried": self.tried,
            "highest": self.highest,
            "reached": self.reached,
            "rows": self.rows,
            "held": self.held,
            "known": self.known,
            "error": self.error,
            "worst": worst,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackReport:
    """What became of all families."""

    rows: int
    """Rows that were attacked."""
    unpaid: int
    """Rows left out, because their right answers earn less than mediocre ones do on average."""
    mediocre: float
    """What mediocre honest answers earned on average."""
    right: float
    """What right answers earned on average."""
    records: tuple[Record, ...]

    @property
    def held(self) -> bool:
        """Whether the reward fell for no family that it is not known to fall for."""
        return all(record.held for record in self.records)

    def as_json(self) -> dict[str, JSON]:
        """Spell the report as one object; families that the reward fell for come first."""
        order = sorted(self.records, key=lambda each: (each.held, -each.reached))
        return {
            "verdict": "holds" if self.held else "pays for cheating",
            "rows": self.rows,
            "unpaid": self.unpaid,
            "tried": sum(record.tried for record in self.records),
            "mediocre": self.mediocre,
            "right": self.right,
            "families": [record.as_json() for record in order],
        }


def known_of(name: str, examples: Sequence[Example]) -> Mapping[str, str]:
    """Return what the reward of this name is known to pay for, by family, with the reason."""
    unlabelled = any(example.target is None for example in examples)
    return {**KNOWN.get(name, {}), **(KNOWN_WITHOUT_TARGETS.get(name, {}) if unlabelled else {})}


def attack(
    examples: Sequence[Example],
    schemas: Mapping[str, Schema],
    reward: Reward,
    *,
    form: Form,
    known: Mapping[str, str] | None = None,
) -> AttackReport:
    """Try every family of cheats on every row.

    The bar is what a mediocre honest answer to the same row earns: the target with every second leaf, from
    the second on, taken from another row, so that it obeys the schema and half of it is right. Where a row
    has no target, its place is taken by the answer made of words of its text that earns most, and the bar is
    no lower than what mediocre answers earn on average. A completion is a breach if it earns that much and is
    in truth less than half as right: by its F1 against the target over leaves, and by the mean of the F1 of
    each field, where all items of a list are one. What breaks the schema is not right at all. Rows are left
    out whose right answers earn less than mediocre ones do on average: the reward cannot see what is right
    there, and there is no bar.

    Args:
        examples: Rows of a data set, at least one; the first 200 are attacked.
        schemas: Those that they name.
        reward: Scores each completion.
        form: Where in a completion the answer stands.
        known: Why the reward is known to pay for some families.

    Raises:
        RewardError: The user's own reward fails on an honest answer.
    """
    chosen = examples[:MOST_ROWS]
    golds = [
        _stand_in(example, schemas[example.schema], reward, form)
        if example.target is None
        else example.target
        for example in chosen
    ]
    everyone = list(victims(chosen, golds, schemas, form=form))
    honest = _scores(reward, [(row, written(spelled(row.honest), form)) for row in everyone])
    right = _scores(reward, [(row, written(spelled(row.gold), form)) for row in everyone])
    mediocre = fmean(honest)
    # Where no right answer is paid, all rows are left: what to think of that is not for this function.
    paid = [at for at, earned in enumerate(right) if earned >= mediocre] or range(len(everyone))
    rows = [everyone[at] for at in paid]
    bars = [honest[at] if chosen[at].target is not None else max(honest[at], mediocre) for at in paid]
    trials = [_Trial(family, whole=whole, spoilt=spoilt) for family, whole, spoilt in _families(form)]
    for row, bar in zip(rows, bars, strict=True):
        _try_all(trials, row, bar, reward)
    return AttackReport(
        rows=len(rows),
        unpaid=len(everyone) - len(rows),
        mediocre=mediocre,
        right=fmean(right),
        records=tuple(trial.record((known or {}).get(trial.family.__name__)) for trial in trials),
    )


class _Trial:
    """A family, and what its completions have earned so far.

    Args:
        family: Writes the completions.
        whole: Whether it writes the tags of the form itself.
        spoilt: Whether none of its completions is an answer, however much of it is right.
    """

    def __init__(self, family: Family, *, whole: bool, spoilt: bool) -> None:
        self.family = family
        self.error: str | None = None
        self._whole, self._spoilt = whole, spoilt
        self._tried = 0
        self._highest: float | None = None
        self._breaches: list[Breach] = []

    def completions(self, row: Victim) -> list[str]:
        """Write the completions for a row, no two alike."""
        texts = dict.fromkeys(self.family(row))
        return list(texts) if self._whole else [written(text, row.form) for text in texts]

    def add(self, row: Victim, completion: str, score: float, bar: float) -> None:
        """Take note of what a completion earned."""
        self._tried += 1
        self._highest = score if self._highest is None else max(score, self._highest)
        if score >= bar and (self._spoilt or _is_far_less_right(row, completion)):
            self._breaches.append(
                Breach(example_id=row.example.id, completion=completion[:_SHOWN], score=score, mediocre=bar)
            )

    def record(self, known: str | None) -> Record:
        """Sum up."""
        return Record(
            family=self.family.__name__,
            what=str(self.family.__doc__).partition("\n")[0].rstrip("."),
            tried=self._tried,
            highest=self._highest,
            reached=len(self._breaches),
            rows=len({breach.example_id for breach in self._breaches}),
            known=known,
            error=self.error,
            worst=max(self._breaches, key=lambda breach: breach.score, default=None),
        )


def _stand_in(example: Example, schema: Schema, reward: Reward, form: Form) -> JSON:
    """Return that answer made of words of a text that earns most; of several, the longest."""
    shape, found = mould(schema), find(example.text)
    answers = [taken(shape, found, start=start) for start in range(_STARTS)]
    scores = reward([Attempt(written(spelled(answer), form), example, schema) for answer in answers])
    best = max(range(_STARTS), key=lambda at: (scores[at].total, len(spelled(answers[at]))))
    return answers[best]


def _families(form: Form) -> Iterator[tuple[Family, bool, bool]]:
    """Yield each family, whether it writes whole completions, and whether they are no answers."""
    yield from ((family, False, False) for family in CHEATS)
    yield from ((family, False, True) for family in SPOILT)
    yield from ((family, True, form == "plain") for family in TAGS)
    yield from ((family, True, True) for family in BROKEN_TAGS)


def _try_all(trials: Sequence[_Trial], row: Victim, bar: float, reward: Reward) -> None:
    """Try all families on a row at once; where the user's own reward fails, one after the other."""
    tries = [(trial, text) for trial in trials for text in trial.completions(row)]
    try:
        _try(tries, row, bar, reward)
    except RewardError:
        for trial in trials:
            try:
                _try([(one, text) for one, text in tries if one is trial], row, bar, reward)
            except RewardError as fault:
                trial.error = trial.error or str(fault)


def _try(tries: Sequence[tuple[_Trial, str]], row: Victim, bar: float, reward: Reward) -> None:
    scores = _scores(reward, [(row, text) for _, text in tries])
    for (trial, text), score in zip(tries, scores, strict=True):
        trial.add(row, text, score, bar)


def _scores(reward: Reward, completions: Iterable[tuple[Victim, str]]) -> list[float]:
    attempts = [Attempt(text, row.example, row.schema) for row, text in completions]
    return [score.total for score in reward(attempts)] if attempts else []


def _is_far_less_right(row: Victim, completion: str) -> bool:
    """Whether a completion is less than half as right as the mediocre answer, whatever a reward says."""
    match judge(completion, row.schema, form=row.form):
        case Obeys(value):
            pairs = zip(_merits(row, value), _merits(row, row.honest), strict=True)
            return all(merit < _FAR_LESS * of_honest for merit, of_honest in pairs)
        case _:
            return True


def _merits(row: Victim, value: JSON) -> tuple[float, float]:
    """Return how right a value is, over all leaves and over fields; each in [0, 1]."""
    found = findings(value, row.gold, schema=row.schema)
    return tally(found).f1, fmean(each.f1 for each in by_leaf(found).values())
