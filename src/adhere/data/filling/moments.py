"""Days and times of day, and how people write them."""

from random import Random

from adhere.data.filling.vocabulary import MONTHS

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_NAMED = (
    "{day} {name} {year}", "{name} {day}, {year}", "{day} {short} {year}", "{short} {day} {year}",
    "{day}{nth} {name} {year}", "{name} {day}{nth}, {year}", "{day}{nth} of {name} {year}",
    "{short} {day}, {year}",
)  # fmt: skip
_ZONES = ("Z", "Z", "Z", "+00:00", "+01:00", "+02:00", "-05:00", "+05:30", "-08:00")
_NTH = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}


def day(random: Random, first: int, last: int) -> tuple[str, str]:
    """Draw a day between two years, both included: as ISO 8601, and in any common spelling.

    A day is written with slashes or hyphens only where it cannot be taken for a month.
    """
    draw = random.random
    year, month = first + int(draw() * (last - first + 1)), 1 + int(draw() * 12)
    day = 1 + int(draw() * (29 if month == 2 and year % 4 == 0 and year % 100 else _DAYS[month - 1]))
    iso = f"{year}-{month:02d}-{day:02d}"
    form = draw()
    if form < 0.22:
        return iso, iso
    if form < 0.36:
        return iso, f"{day:02d}.{month:02d}.{year}"
    if form < 0.50 and day > 12:
        figures = (
            f"{month:02d}/{day:02d}/{year}",
            f"{day:02d}/{month:02d}/{year}",
            f"{day:02d}-{month:02d}-{year}",
        )
        return iso, random.choice(figures)
    name = MONTHS[month - 1]
    spelling = random.choice(_NAMED)
    return iso, spelling.format(day=day, name=name, short=name[:3], nth=_NTH.get(day, "th"), year=year)


def clock(random: Random) -> tuple[str, str]:
    """Draw a time of day with seconds; where they are zero, as mostly, it is stated without."""
    hour, minute = int(random.random() * 24), int(random.random() * 60)
    return f"{hour:02d}:{minute:02d}:00", f"{hour:02d}:{minute:02d}"


def zoned(random: Random) -> str:
    """Draw a time of day as RFC 3339 has it, with seconds and the distance from UTC."""
    value, _ = clock(random)
    seconds = int(random.random() * 60) if random.random() < 0.4 else 0
    return f"{value[:-2]}{seconds:02d}{random.choice(_ZONES)}"


def moment(random: Random) -> str:
    """Draw a day and a time as RFC 3339 has it."""
    return f"{day(random, 2015, 2029)[0]}T{zoned(random)}"


def duration(random: Random) -> str:
    """Draw a length of time as ISO 8601 has it."""
    count = 1 + int(random.random() * 45)
    hours, minutes = 1 + int(random.random() * 23), 1 + int(random.random() * 59)
    time = f"PT{hours}H{minutes}M"
    days = f"P{count}D"
    longer = (days, f"P{count}W", f"P{hours}M", days + time[1:])
    return random.choice((*longer, time, f"PT{hours}H", f"PT{minutes}M"))
