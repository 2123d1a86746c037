"""A study's report as Markdown, made of its summary alone: no number in it is written by hand."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, cast

from adhere.evaluate.tables import SIGNIFICANT
from adhere.records import JSON
from adhere.shown import LABELS, LESS_IS_BETTER, bracketed, points, probability, shown
from adhere.study.plan import CONSTRAINED

Told: TypeAlias = Mapping[str, JSON]

OPEN = "match_open"
"""Share of the leaves that a schema leaves open which are right; what it fixes shows nothing of a model."""
_LABELS = {**LABELS, OPEN: "Open leaves right"}
_RESULTS = ("match_all", OPEN, "valid_json", "schema_valid", "exact", "noise", "no_output")
"""Columns of the results, the ones of ThinkJSON's comparison among them."""
_ASKED = ("exact", OPEN, "match_all", "schema_valid", "noise")
"""What a question is answered by, the first of them in words."""
_YES = "Yes"


def page(summary: Told, *, figures: str) -> str:
    """Write the report.

    Pure: the same arguments give the same text.

    Args:
        summary: As `adhere study` leaves it.
        figures: Where the drawings stand, seen from the page.
    """
    blocks = [
        f"# {summary['title']}",
        *([str(summary["about"]).strip()] if summary["about"] else []),
        f"```sh\n{summary['command']}\n```",
        *_results(summary),
        *_published(summary),
        *_questions(summary),
        *_goals(summary),
        *_failed(summary),
        *_cost(summary),
        *_curves(summary, figures),
        "## Made with",
        ", ".join(f"{name} {version}" for name, version in _of(summary, "versions").items()) + ".",
    ]
    return "\n\n".join(blocks) + "\n"


def in_short(summary: Told) -> str:
    """Return what people read on the terminal: the questions with their answers, and where the report is."""
    lines = [
        f"{question} {_of_set(summary, held_out)}{_decided(summary, held_out, cast('Sequence[str]', pair))}"
        for question, pair in _of(summary, "questions").items()
        for held_out in _sets(summary)
    ]
    return "\n".join([*lines, f"Report  {summary['report']}"]) + "\n"


# ----------------------------------------------------------------------------------------------- results


def _results(summary: Told) -> Iterator[str]:
    yield "## Results"
    for held_out, evaluations in _sets(summary).items():
        facts = _of(_of(summary, "held_out"), held_out)
        yield f"{_of_set(summary, held_out)}{_described(facts)}"
        heads = ["", *(_LABELS[metric] for metric in _RESULTS)]
        yield _table(
            heads,
            [
                [_titled(summary, name), *(bracketed(told.get(m)) for m in _RESULTS)]
                for name, told in evaluations.items()
            ],
        )


def _described(facts: Told) -> str:
    rows, clusters = cast("int", facts["rows"]), cast("int", facts["clusters"])
    together = (
        ""
        if rows == clusters
        else f" Intervals and tests take the {clusters:,} values of {facts['cluster']} "
        "as what was drawn, and not the rows."
    )
    return (
        f"{rows:,} held-out rows; schemas: {facts['schemas']:,}. On average a text has "
        f"{facts['characters']:g} characters and an answer {facts['leaves']:g} leaves, of which the schema "
        f"leaves {facts['open_leaves']:g} open; the others, which it fixes, count as leaves all the same. "
        f"95 % intervals in brackets.{together}"
    )


def _published(summary: Told) -> Iterator[str]:
    others = _of(summary, "published")
    if not others:
        return
    metrics = list(dict.fromkeys(metric for figures in others.values() for metric in cast("Told", figures)))
    held_out, evaluations = next(iter(_sets(summary).items()))
    ours = {name: told for name, told in evaluations.items() if not name.endswith(CONSTRAINED)}
    yield "## Beside what others published"
    yield (
        "The figures of others are of other rows and of other models, mostly far larger ones: they stand "
        "here for scale, and no difference between them and ours is tested. Ours are those of "
        f"{held_out}, answered freely."
    )
    rows = [
        [f"{name} (published)", *(_figure(cast("Told", figures).get(metric)) for metric in metrics)]
        for name, figures in others.items()
    ]
    rows += [
        [_titled(summary, name), *(bracketed(told.get(m)) for m in metrics)] for name, told in ours.items()
    ]
    yield _table(["", *(f"{_LABELS[metric]}, %" for metric in metrics)], rows)


def _figure(value: JSON) -> str:
    return "–" if value is None else f"{value:g}"


# --------------------------------------------------------------------------------------------- questions


def _questions(summary: Told) -> Iterator[str]:
    asked = _of(summary, "questions")
    if not asked:
        return
    yield "## Questions"
    count = sum(len(cast("Sequence[JSON]", each)) for each in _of(summary, "comparisons").values())
    yield (
        "Each is about two evaluations of the same rows, and was asked before they were measured. "
        f"Differences are in percentage points; p is adjusted for all {count} comparisons here (Holm). What "
        "could have been found is the smallest true difference that so many rows show with a chance of 80 %."
    )
    for question, pair in asked.items():
        one, other = cast("Sequence[str]", pair)
        yield f"### {question}"
        yield f"{_titled(summary, one)}, held against {_titled(summary, other)}."
        for held_out in _sets(summary):
            found = _between(summary, held_out, (one, other))
            yield f"{_of_set(summary, held_out)}**{_decided(summary, held_out, (one, other))}**"
            yield _table(
                ["", "difference", "95 % interval", "p", "could have been found"],
                [_compared(metric, found[metric]) for metric in _ASKED if metric in found],
            )


def _between(summary: Told, held_out: str, pair: Sequence[str]) -> dict[str, Told]:
    """Return the comparisons of two evaluations, by metric."""
    made = cast("Sequence[Told]", _of(summary, "comparisons")[held_out])
    return {str(each["metric"]): each for each in made if [each["evaluation"], each["baseline"]] == [*pair]}


def _decided(summary: Told, held_out: str, pair: Sequence[str]) -> str:
    """Answer a question in words."""
    found = _between(summary, held_out, pair).get(_ASKED[0])
    if found is None:
        return "No row has a right answer to compare with."
    difference, n = cast("float", found["difference"]), cast("int", found["n"])
    if cast("float", found["p_holm"]) >= SIGNIFICANT:
        return f"{n:,} rows do not decide it."
    return (
        f"{_YES if difference > 0 else 'The contrary'}, by {points(difference)} points of rows exactly right."
    )


def _compared(metric: str, found: Told) -> list[str]:
    difference, low, high = (cast("float", found[key]) for key in ("difference", "low", "high"))
    detectable = found.get("detectable")
    return [
        _LABELS[metric],
        points(difference),
        f"{points(low)} to {points(high)}",
        probability(cast("float", found["p_holm"])),
        f"{100 * detectable:.1f}" if isinstance(detectable, int | float) else "–",
    ]


# ------------------------------------------------------------------------------------------------- goals


def _goals(summary: Told) -> Iterator[str]:
    if _of(summary, "goals"):
        yield "## Goals"
        yield "Each is that of the contestant that does best in it."
        yield _table(
            ["", "goal", "best", "contestant", ""],
            [
                [
                    _of_goal(name),
                    f"{kind} {100 * bound:g} %",
                    value,
                    best,
                    "reached" if is_met else "**missed**",
                ]
                for name, kind, bound, best, value, is_met in _reached(summary)
            ],
        )


def _of_goal(name: str) -> str:
    metric, comma, condition = name.partition(",")
    return f"{_LABELS.get(metric, metric)}{comma}{condition}"


def _reached(summary: Told) -> Iterator[tuple[str, str, float, str, str, bool]]:
    """Yield each goal with its bound, and who came nearest, with what, and whether that is enough."""
    evaluations = next(iter(_sets(summary).values()))
    for name, given in _of(summary, "goals").items():
        metric, *conditions = name.split(", ")
        kind, bound = cast("tuple[str, float]", given)
        values = {
            each: measured.value
            for each, told in evaluations.items()
            if each.endswith(CONSTRAINED) == bool(conditions)
            and (measured := shown(told.get(metric))) is not None
        }
        if not values:
            yield name, kind, bound, "–", "not measured", False
            continue
        best = (min if metric in LESS_IS_BETTER else max)(values, key=lambda each: values[each])
        is_met = values[best] <= bound if kind == "at most" else values[best] >= bound
        yield name, kind, bound, _titled(summary, best), f"{100 * values[best]:.2f} %", is_met


def _failed(summary: Told) -> Iterator[str]:
    lines = [
        f"The stage {name} ended itself after {told['steps']} steps, since they taught nothing; its weights "
        "took part as they were."
        for name, told in _stages(summary).items()
        if told["stopped"]
    ]
    lines += [
        f"{_of_goal(name)}: {value} ({best}), and not {kind} {100 * bound:g} %."
        for name, kind, bound, best, value, is_met in _reached(summary)
        if not is_met
    ]
    for question, pair in _of(summary, "questions").items():
        for held_out in _sets(summary):
            answer = _decided(summary, held_out, cast("Sequence[str]", pair))
            if not answer.startswith(_YES):
                lines.append(f"{question} {_of_set(summary, held_out)}{answer}")
    yield "## What failed"
    yield "\n".join(f"- {line}" for line in lines) if lines else "Nothing that was asked for."


# -------------------------------------------------------------------------------------------------- cost


def _cost(summary: Told) -> Iterator[str]:
    yield "## Cost"
    evaluations = [told for each in _sets(summary).values() for told in each.values()]
    answering = sum(cast("float", told.get("seconds", 0.0)) for told in evaluations)
    yield (
        f"{_minutes(summary['seconds'])} minutes in all, of which {_minutes(answering)} went into the "
        f"answers of {len(evaluations)} evaluations. Tokens are those of right answers (sft) or of "
        "completions (grpo)."
    )
    if _stages(summary):
        yield _table(
            ["stage", "", "from", "steps", "tokens", "minutes"],
            [
                [
                    name,
                    _verb(told),
                    str(told["from"]),
                    f"{told['steps']:,}",
                    f"{told['tokens']:,}",
                    _minutes(told["seconds"]),
                ]
                for name, told in _stages(summary).items()
            ],
        )
    data = cast("Mapping[str, Told]", _of(summary, "data"))
    yield _table(
        ["data", "", "rows", "held out", "seconds"],
        [
            [
                name,
                str(told["verb"]),
                f"{_rows(told):,}",
                f"{told.get('held_out', 0):,}",
                f"{told['seconds']:,}",
            ]
            for name, told in data.items()
        ],
    )


def _rows(told: Told) -> int:
    """Return the rows of a data step that are not held out; `adhere reason` counts all that it kept."""
    held_out = cast("int", told.get("held_out", 0))
    return cast("int", told["rows"]) if "rows" in told else cast("int", told["kept"]) - held_out


def _verb(told: Told) -> str:
    marks = [str(told[key]) for key in ("reward",) if key in told]
    marks += ["think"] if told["form"] == "think" else []
    marks += ["under the grammar"] if told.get("constrain") else []
    return f"{told['verb']} ({', '.join(marks)})" if marks else str(told["verb"])


def _minutes(seconds: JSON) -> str:
    return f"{cast('float', seconds) / 60:,.1f}"


def _curves(summary: Told, figures: str) -> Iterator[str]:
    yield "## Figures"
    yield f"![All contestants, answering freely]({figures}/comparison.svg)"
    yield from (f"![Training of {name}]({figures}/{name}.svg)" for name in _stages(summary))


# ---------------------------------------------------------------------------------------------- spelling


def _of(told: Told, key: str) -> Told:
    return cast("Told", told[key])


def _sets(summary: Told) -> Mapping[str, Mapping[str, Told]]:
    return cast("Mapping[str, Mapping[str, Told]]", summary["evaluations"])


def _stages(summary: Told) -> Mapping[str, Told]:
    return cast("Mapping[str, Told]", summary["stages"])


def _of_set(summary: Told, held_out: str) -> str:
    """Name a set of rows, where there are several."""
    return f"{held_out}: " if len(_sets(summary)) > 1 else ""


def _titled(summary: Told, evaluation: str) -> str:
    name = evaluation.removesuffix(CONSTRAINED)
    contestant = cast("Told", _of(summary, "contestants")[name])
    return f"{contestant['title']}{evaluation.removeprefix(name)}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
