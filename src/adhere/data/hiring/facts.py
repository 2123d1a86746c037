"""What is true of an application: what the job asks for, what the applicant has, and how the two compare."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["met", "partly", "not met"]
Judged: TypeAlias = tuple[Verdict, int]
"""A verdict and its score."""
Recommendation: TypeAlias = Literal["invite", "consider", "reject"]
Month: TypeAlias = int
"""Months since January of the year 0."""
Part: TypeAlias = Literal["home", "profile", "skills", "education", "certificates", "languages"]
"""Part of a CV."""

GAP = 3
"""Months between two jobs from which they are a gap."""
FULL = 10
"""The best score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One thing that a job asks for, and what a CV shows of it."""

    name: str
    requirement: str
    """As the job description has it."""
    must: bool
    """Whether it must be met, and is not only welcome."""
    verdict: Verdict
    score: int
    """In [0, 10]."""
    evidence: str | None
    """Words of the CV, to the letter; `None` where it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A position that the applicant held."""

    title: str
    employer: str
    start: Month
    end: Month
    """Its last month."""
    task: str | None
    """What the applicant says to have done there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Months between two jobs."""

    start: Month
    end: Month

    @property
    def months(self) -> int:
        """How many, the first and the last included."""
        return self.end - self.start + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A job description and a CV, as facts."""

    candidate: str
    position: str
    company: str
    city: str
    """Of the position."""
    criteria: tuple[Criterion, ...]
    jobs: tuple[Job, ...]
    """The earliest first; the last one goes on."""
    today: Month
    shown: tuple[tuple[Part, str], ...]
    """What the CV says, jobs aside: the evidence and what nobody asked for."""
    pastime: str
    hostile: str | None
    """A sentence of the CV that tells its reader what to write."""

    @property
    def distractors(self) -> int:
        """How many of its facts nobody asked for."""
        evidence = {criterion.evidence for criterion in self.criteria}
        return sum(shown not in evidence for _, shown in self.shown) + len(self.jobs) + 1

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The gaps between jobs, the earliest first."""
        pairs = zip(self.jobs, self.jobs[1:], strict=False)
        between = (Gap(start=one.end + 1, end=other.start - 1) for one, other in pairs)
        return tuple(gap for gap in between if gap.months >= GAP)

    @property
    def tenths(self) -> int:
        """The overall score in tenths, in [0, 100]: the mean of the scores, in which musts count twice."""
        weights = [2 if criterion.must else 1 for criterion in self.criteria]
        scores = zip(weights, self.criteria, strict=True)
        total, weight = 10 * sum(weight * each.score for weight, each in scores), sum(weights)
        return (2 * total + weight) // (2 * weight)

    @property
    def recommendation(self) -> Recommendation:
        """Invite where all musts are met, reject where one is not at all, else consider."""
        musts = {criterion.verdict for criterion in self.criteria if criterion.must}
        if musts == {"met"}:
            return "invite"
        return "reject" if "not met" in musts else "consider"


def by_years(have: int, need: int) -> Judged:
    """Judge years: full marks from those that are asked for, in proportion below, and partly from half on."""
    if have >= need:
        return "met", FULL
    return ("partly" if 2 * have >= need else "not met"), FULL * have // need
