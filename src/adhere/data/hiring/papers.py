"""Writes an application down: a job description, and a CV in one of many layouts."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from adhere.data.hiring.facts import Application, Criterion, Job, Month
from adhere.data.side import Side

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_OPENINGS = (
    "{company} is looking for a {position} in {city}.",
    "Position: {position}\nCompany: {company}\nPlace: {city}",
    "{position} wanted. We are {company}, {city}.",
    "Vacancy at {company} ({city}): {position}",
)
_MUST = ("Must have", "Required", "You need", "Essential")
_NICE = ("Nice to have", "Welcome", "It would be good to have", "Desirable")
_ORDERS: tuple[tuple[str, ...], ...] = (
    ("jobs", "skills", "education", "certificates", "languages"),
    ("skills", "jobs", "education", "languages", "certificates"),
    ("education", "jobs", "certificates", "skills", "languages"),
)
_TITLES = {
    "jobs": ("Employment", "Work history", "Career"),
    "skills": ("Skills", "Knowledge", "What I can do"),
    "education": ("Education", "Studies", "Training and degrees"),
    "certificates": ("Certificates", "Licences and certificates", "Further training"),
    "languages": ("Languages", "Languages spoken", "Foreign languages"),
}
_HEADINGS = ("## {title}", "{title}:", "--- {title} ---", "* {title} *")
_LINES = (
    "{period}  {title}, {employer}",
    "{title} at {employer} ({period})",
    "{employer} | {title} | {period}",
)
_TOGETHER = 2
"""Ways of asking from this one on name all musts before anything else."""
_PLACES = 5
"""Of a CV in which a hostile sentence may stand."""


class Style(NamedTuple):
    """How an application and its review are worded, each part by its number."""

    opening: int
    asking: int
    naming: int
    order: int
    titles: int
    heading: int
    listing: int
    period: int
    line: int
    direction: int
    hostile: int
    review: int
    verdict: int

    @property
    def template(self) -> str:
        """The name of this wording."""
        return "hiring-" + "".join(map(str, self))


_CHOICES = (
    len(_OPENINGS), 4, len(_MUST), len(_ORDERS), 3, len(_HEADINGS), 3, 4, len(_LINES), 2, _PLACES, 3, 3,
)  # fmt: skip
"""Of each part of a style, in order, how many there are."""


def style(random: Random, side: Side) -> Style:
    """Draw a wording that may stand on a side."""
    while True:
        drawn = Style(*map(random.randrange, _CHOICES))
        if side.admits("template", drawn.template):
            return drawn


def in_order(criteria: Sequence[Criterion], worded: Style) -> list[Criterion]:
    """Return criteria in the order in which a job description of this wording names them."""
    return sorted(criteria, key=lambda criterion: worded.asking >= _TOGETHER and not criterion.must)


def application(told: Application, worded: Style) -> str:
    """Write the job description above the CV."""
    return f"JOB DESCRIPTION\n\n{_description(told, worded)}\n\nCV\n\n{_cv(told, worded)}"


def month(count: Month) -> str:
    """Spell a month in words: March 2019."""
    return f"{_MONTHS[count % 12]} {count // 12}"


def _description(told: Application, worded: Style) -> str:
    opening = _OPENINGS[worded.opening].format(company=told.company, position=told.position, city=told.city)
    return f"{opening}\n\n{chr(10).join(_asked(told, worded))}"


def _asked(told: Application, worded: Style) -> Iterator[str]:
    """Yield the lines that say what is asked for."""
    kinds = {True: _MUST[worded.naming], False: _NICE[worded.naming]}
    if worded.asking == 0:
        yield from (f"{kinds[criterion.must]}: {criterion.requirement}" for criterion in told.criteria)
        return
    if worded.asking == 1:
        yield from (f"| {criterion.requirement} | {kinds[criterion.must]} |" for criterion in told.criteria)
        return
    for must, kind in kinds.items():
        asked = [criterion.requirement for criterion in told.criteria if criterion.must == must]
        if not asked:
            continue
        if worded.asking == _TOGETHER:
            yield f"{kind}: {'; '.join(asked)}."
        else:
            yield f"{kind}:"
            yield from (f"- {requirement}" for requirement in asked)


def _cv(told: Application, worded: Style) -> str:
    parts = [told.candidate, f"{'. '.join([*_of(told, 'home'), *_of(told, 'profile')])}."]
    for part in _ORDERS[worded.order]:
        lines = list(_jobs(told, worded)) if part == "jobs" else _listed(_of(told, part), worded)
        if lines:
            title = _HEADINGS[worded.heading].format(title=_TITLES[part][worded.titles])
            parts.append("\n".join([title, *lines]))
    parts.append(f"Pastime: {told.pastime}")
    if told.hostile is not None:
        parts.insert(1 + worded.hostile * len(parts) // _PLACES, told.hostile)
    return "\n\n".join([*parts, f"Date: {month(told.today)}"])


def _of(told: Application, part: str) -> list[str]:
    return [shown for name, shown in told.shown if name == part]


def _listed(shown: Sequence[str], worded: Style) -> list[str]:
    match worded.listing:
        case 0:
            return [f"- {each}" for each in shown]
        case 1:
            return ["; ".join(shown)] if shown else []
        case _:
            return list(shown)


def _jobs(told: Application, worded: Style) -> Iterator[str]:
    for job in told.jobs if worded.direction else reversed(told.jobs):
        is_last = job is told.jobs[-1]
        period = _period(job, worded.period, is_last=is_last)
        yield _LINES[worded.line].format(period=period, title=job.title, employer=job.employer)
        if job.task is not None:
            yield f"  {job.task}"


def _period(job: Job, form: int, *, is_last: bool) -> str:
    start, end = (_spelled(count, form) for count in (job.start, job.end))
    between, now = ((" – ", "today"), (" to ", "present"), (" - ", "now"), (" until ", "today"))[form]
    return f"{start}{between}{now if is_last else end}"


def _spelled(count: Month, form: int) -> str:
    match form:
        case 0:
            return f"{count % 12 + 1:02}/{count // 12}"
        case 1:
            return month(count)
        case 2:
            return f"{count // 12}-{count % 12 + 1:02}"
        case _:
            return f"{_MONTHS[count % 12][:3]} {count // 12}"
