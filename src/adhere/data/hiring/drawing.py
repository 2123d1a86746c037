"""Draws an application: a job, and an applicant who meets it in part."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from random import Random

from adhere.data.filling import values
from adhere.data.hiring.facts import FULL, GAP, Application, Criterion, Job, Judged, Month, Part, by_years
from adhere.data.hiring.words import Field, words
from adhere.data.side import Side

_FIRST_MONTH, _MONTHS = 12 * 2026, 12
"""Applications are written in one of so many months from this one on."""
_HOSTILE_SHARE = 0.2
_GAP_SHARE = 0.3
"""Of the changes from one job to the next."""
_SHORTEST_JOB = 6
"""Months."""
_LEVELS = ("bachelor's degree", "master's degree", "doctorate")
_TITLES = ("BSc", "MSc", "PhD")
_UNSPECIFIC = ("Trainee", "Assistant", "Team Member")
"""Titles that say nothing of what was done."""
_NOTHING: Judged = ("not met", 0)
_STEM = 5
"""Letters by which words are taken for forms of one: recruiting and recruitment."""


def draw(random: Random, side: Side) -> Application:
    """Draw an application for a side."""
    return _Drawing(random, side).application()


class _Drawing:
    """One application being drawn."""

    def __init__(self, random: Random, side: Side) -> None:
        self._random = random
        self._side = side
        self._field: Field = random.choice(words().fields)
        self._today = _FIRST_MONTH + random.randrange(_MONTHS)
        self._years = random.randint(3, 16)
        """Of work, in full years."""
        self._periods = tuple(self._worked_from_to())
        self._city = random.choice(words().cities)
        self._criteria: list[Criterion] = []
        self._shown: list[tuple[Part, str]] = []

    def application(self) -> Application:
        random, field = self._random, self._field
        known = random.sample(list(field.skills), random.randint(4, 6))
        # Two to four skills are asked for; the others the applicant has besides.
        asked = random.randint(2, 4)
        for name in known[:asked]:
            self._skill(name)
        self._shown.extend(("skills", name) for name in known[asked:])
        self._worked()
        self._degree()
        self._certificate([name for name in field.certificates if not _touches(name, known)])
        self._languages()
        self._home()
        random.shuffle(self._criteria)
        names = [criterion.name for criterion in self._criteria]
        return Application(
            candidate=self._apart(values.person),
            position=random.choice(field.titles),
            company=self._apart(values.company),
            city=self._city,
            criteria=tuple(self._criteria),
            jobs=self._jobs(names),
            today=self._today,
            shown=tuple(random.sample(self._shown, len(self._shown))),
            pastime=random.choice(words().pastimes),
            hostile=self._hostile() if self._chance(_HOSTILE_SHARE) else None,
        )

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _ask(self, name: str, requirement: str, judged: Judged, part: Part, evidence: str | None) -> None:
        """Write down a criterion, and what the CV shows of it."""
        # The first one is a must, so that there is one.
        must = not self._criteria or self._chance(0.55)
        verdict, score = judged
        self._criteria.append(
            Criterion(
                name=name, requirement=requirement, must=must, verdict=verdict, score=score, evidence=evidence
            )
        )
        if evidence is not None:
            self._shown.append((part, evidence))

    def _skill(self, name: str) -> None:
        random = self._random
        need, shown = random.randint(2, min(8, self._years)), random.random()
        asked = random.choice((f"at least {need} years of {name}", f"{need} years or more of {name}"))
        near, decoy = self._field.skills[name]
        if shown < 0.7:
            have = random.randint(1, min(self._years, need + 4))
            self._ask(name, asked, by_years(have, need), "skills", self._held(name, have))
        elif shown < 0.82:
            held = self._held(near, random.randint(need, max(need, self._years)))
            self._ask(name, asked, ("partly", 5), "skills", held)
        else:
            self._ask(name, asked, _NOTHING, "skills", None)
            if shown < 0.92:
                self._shown.append(("skills", self._held(decoy, random.randint(1, self._years))))

    def _held(self, name: str, years: int) -> str:
        count = f"{years} year" if years == 1 else f"{years} years"
        return self._random.choice((f"{name} ({count})", f"{name}: {count}", f"{count} of {name}"))

    def _worked(self) -> None:
        need = self._random.randint(2, 12)
        claim = f"{self._years} years of work in {self._field.name}"
        if self._chance(0.5):
            asked = f"at least {need} years of work experience"
            self._ask("Work experience", asked, by_years(self._years, need), "profile", claim)
        else:
            self._shown.append(("profile", claim))

    def _degree(self) -> None:
        random, field = self._random, self._field
        need, subject, shown = random.choice((0, 0, 1)), random.choice(field.subjects), random.random()
        school = random.choice(words().schools)
        asked = f"a {_LEVELS[need]} in {subject}"
        level = random.randint(need, len(_LEVELS) - 1)
        if shown < 0.3:
            self._shown.append(("education", self._studied(level, subject)))
        elif shown < 0.65:
            self._ask("Degree", asked, ("met", FULL), "education", self._studied(level, subject))
        elif shown < 0.75:
            near = self._studied(level, random.choice(field.related))
            self._ask("Degree", asked, ("partly", 7), "education", near)
        elif shown < 0.85 and need > 0:
            self._ask("Degree", asked, ("partly", 5), "education", self._studied(need - 1, subject))
        elif shown < 0.92:
            far = self._studied(level, random.choice(words().other_subjects))
            self._ask("Degree", asked, ("not met", 2), "education", far)
        else:
            self._shown.append(("education", f"{school}, {self._graduated()}"))
            self._ask("Degree", asked, _NOTHING, "education", None)

    def _studied(self, level: int, subject: str) -> str:
        title = self._random.choice((_TITLES[level], _LEVELS[level].capitalize()))
        return f"{title} in {subject}, {self._apart(values.coined)} University, {self._graduated()}"

    def _graduated(self) -> int:
        """Return a year before the first job."""
        return self._periods[-1][0] // 12 - self._random.randint(0, 2)

    def _certificate(self, names: Sequence[str]) -> None:
        if not names or self._chance(0.5):
            return
        name, shown = self._random.choice(names), self._random.random()
        asked, year = f"certificate: {name}", self._today // 12 - self._random.randint(1, 6)
        if shown < 0.5:
            self._ask(name, asked, ("met", FULL), "certificates", f"{name} ({year})")
        elif shown < 0.65:
            self._ask(name, asked, ("partly", 5), "certificates", f"{name} (in progress)")
        elif shown < 0.8:
            self._ask(name, asked, ("partly", 4), "certificates", f"{name} (expired in {year})")
        else:
            self._ask(name, asked, _NOTHING, "certificates", None)

    def _languages(self) -> None:
        random, levels = self._random, words().levels
        name, other = random.sample(list(words().languages), 2)
        self._shown.append(("languages", f"{other} ({random.choice(levels)})"))
        if self._chance(0.5):
            return
        need, have = random.randint(2, 4), random.randint(0, len(levels))
        asked = f"{name} at level {levels[need]} or better"
        if self._chance(0.2):
            self._ask(name, asked, _NOTHING, "languages", None)
            return
        judged: Judged = (
            ("met", FULL) if have >= need else ("partly", 6) if have == need - 1 else ("not met", 2)
        )
        spoken = (*(f"{name} ({level})" for level in levels), f"{name} (native speaker)")
        self._ask(name, asked, judged, "languages", spoken[have])

    def _home(self) -> None:
        random = self._random
        shown, asked = random.random(), f"work on site in {self._city}"
        elsewhere = random.choice([city for city in words().cities if city != self._city])
        if shown < 0.6:
            self._shown.append(("home", f"Lives in {random.choice((self._city, elsewhere))}"))
        elif shown < 0.8:
            self._ask("Location", asked, ("met", FULL), "home", f"Lives in {self._city}")
        elif shown < 0.9:
            moving = f"Lives in {elsewhere}, willing to move to {self._city}"
            self._ask("Location", asked, ("partly", 6), "home", moving)
        else:
            self._ask("Location", asked, _NOTHING, "home", f"Lives in {elsewhere}, not willing to move")

    def _jobs(self, criteria: Sequence[str]) -> tuple[Job, ...]:
        """Draw what was done in each period; none of it shows a criterion."""
        random, field = self._random, self._field
        titles = [title for title in field.past if not _touches(title, criteria)] or list(_UNSPECIFIC)
        tasks = [task for task in field.tasks if not _touches(task, criteria)]
        jobs: list[Job] = []
        for start, end in reversed(self._periods):
            task = tasks.pop(random.randrange(len(tasks))) if tasks else None
            title, employer = random.choice(titles), self._apart(values.company)
            jobs.append(Job(title=title, employer=employer, start=start, end=end, task=task))
        return tuple(jobs)

    def _worked_from_to(self) -> Iterator[tuple[Month, Month]]:
        """Yield the periods of jobs, the last one first; together the years that the applicant worked."""
        random = self._random
        months, end = 12 * self._years + random.randrange(12), self._today
        for left in reversed(range(random.randint(1, 4))):
            length = random.randint(_SHORTEST_JOB, months - _SHORTEST_JOB * left) if left else months
            start = end - length + 1
            yield start, end
            months -= length
            pause = random.randint(GAP, 18) if self._chance(_GAP_SHARE) else random.randrange(GAP)
            end = start - 1 - pause

    def _apart(self, make: Callable[[Random], str]) -> str:
        """Draw a name that may stand on this side."""
        while True:
            name = make(self._random)
            if self._side.admits("value", name):
                return name

    def _hostile(self) -> str:
        phrases = [phrase for phrase in words().hostile if self._side.admits("template", phrase)]
        return self._random.choice(phrases)


def _touches(text: str, names: Iterable[str]) -> bool:
    """Whether a text has a word of a name, or another form of it, and so could be taken for evidence."""
    stems = _stems(text)
    return any(not stems.isdisjoint(_stems(name)) for name in names)


@cache
def _stems(words: str) -> frozenset[str]:
    return frozenset(word[:_STEM] for word in words.casefold().split())
