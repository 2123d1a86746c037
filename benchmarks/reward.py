"""Our whole path from a completion to its reward, beside the two usual ways to do it with `jsonschema`.

`ours` parses, checks, compares with the target and weighs: `score` with the preset `fields`. `peer` is the
tutorials' way: `json.loads`, `jsonschema.validate` for each completion, and a comparison of dictionaries.
`kept` is the same with a validator that is made once and lists every violation.
"""

import argparse
import copy
import json
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TypeAlias

import jsonschema

from adhere.records import JSON, Example
from adhere.reward.score import score_verdict
from adhere.reward.verdict import judge
from adhere.schema import Schema

ROWS = 64
RUNS = 9
SECONDS = 0.15
"""Of one run of one way; as many completions as that takes."""

Invoice: TypeAlias = dict[str, JSON]
Way: TypeAlias = Callable[[str, Invoice], float]


def _object(properties: dict[str, JSON]) -> dict[str, JSON]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_TEXT: JSON = {"type": "string", "minLength": 1}
_DATE: JSON = {"type": "string", "format": "date"}
_AMOUNT: JSON = {"type": "number", "minimum": 0}
_PARTY = _object(
    {
        "name": _TEXT,
        "vat_id": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{9}$"},
        "city": _TEXT,
        "country": {"type": "string", "enum": ["DE", "FR", "GB", "NL", "US"]},
    }
)
_LINE = _object(
    {
        "description": _TEXT,
        "quantity": {"type": "integer", "minimum": 1},
        "unit_price": _AMOUNT,
        "total": _AMOUNT,
    }
)
SCHEMA = _object(
    {
        "number": {"type": "string", "pattern": "^INV-[0-9]{6}$"},
        "issued": _DATE,
        "due": _DATE,
        "seller": _PARTY,
        "buyer": _PARTY,
        "currency": {"type": "string", "enum": ["EUR", "GBP", "USD"]},
        "lines": {"type": "array", "items": _LINE, "minItems": 1},
        "net": _AMOUNT,
        "tax": _AMOUNT,
        "total": _AMOUNT,
        "paid": {"type": "boolean"},
        "note": {"type": ["string", "null"]},
    }
)
"""An invoice of twelve fields, three of them nested."""


def _party(draw: random.Random) -> JSON:
    return {
        "name": f"{draw.choice(['Acme', 'Globex', 'Initech', 'Umbrella'])} Trading {draw.randrange(100)} Ltd",
        "vat_id": f"DE{draw.randrange(10**8, 10**9)}",
        "city": draw.choice(["Berlin", "Lyon", "Leeds", "Utrecht", "Boston"]),
        "country": draw.choice(["DE", "FR", "GB", "NL", "US"]),
    }


def _line(draw: random.Random) -> dict[str, JSON]:
    quantity, price = draw.randrange(1, 20), draw.randrange(100, 10_000) / 100
    goods = draw.choice(["oak table, oiled", "desk lamp, black", "paper, A4, 80 g", "steel bolt, M8"])
    return {
        "description": goods,
        "quantity": quantity,
        "unit_price": price,
        "total": round(quantity * price, 2),
    }


def _invoice(draw: random.Random) -> Invoice:
    net = draw.randrange(1000, 1_000_000) / 100
    return {
        "number": f"INV-{draw.randrange(10**6):06}",
        "issued": f"2024-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}",
        "due": f"2025-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}",
        "seller": _party(draw),
        "buyer": _party(draw),
        "currency": draw.choice(["EUR", "GBP", "USD"]),
        "lines": [_line(draw) for _ in range(5)],
        "net": net,
        "tax": round(net * 0.19, 2),
        "total": round(net * 1.19, 2),
        "paid": draw.random() < 0.5,
        "note": "Payable within thirty days without deduction; please state the number of this invoice.",
    }


def _answer(target: Invoice, draw: random.Random) -> Invoice:
    """Make an answer that obeys and has a quarter of its values wrong."""
    other = _invoice(draw)
    wrong = draw.sample(sorted(target), 3)
    return {key: other[key] if key in wrong else value for key, value in target.items()}


def _broken(answer: Invoice) -> Invoice:
    """Break the schema in eight places."""
    broken = copy.deepcopy(answer)
    seller, buyer, lines = broken["seller"], broken["buyer"], broken["lines"]
    assert isinstance(seller, dict)
    assert isinstance(buyer, dict)
    assert isinstance(lines, list)
    first, second = lines[0], lines[1]
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    broken |= {"number": "4711", "issued": "April 15, 2024", "currency": "euro", "total": "1,190.00"}
    seller["vat_id"] = "unknown"
    buyer["country"] = "Germany"
    first["quantity"] = 0
    second["unit_price"] = "12"
    return broken


@dataclass(frozen=True, slots=True)
class Case:
    """Completions, each with its target."""

    name: str
    rows: Sequence[tuple[str, Invoice]]


def cases() -> Iterator[Case]:
    """Yield the three cases, made from the same targets."""
    draw = random.Random(0)
    targets = [_invoice(draw) for _ in range(ROWS)]
    answers = [_answer(target, draw) for target in targets]
    texts = [json.dumps(answer, ensure_ascii=False) for answer in answers]
    broken = [json.dumps(_broken(answer), ensure_ascii=False) for answer in answers]
    yield Case("valid", list(zip(texts, targets, strict=True)))
    yield Case("violating", list(zip(broken, targets, strict=True)))
    cut = [text[: -len(text) // 4] for text in texts]
    yield Case("truncated", list(zip(cut, targets, strict=True)))


def ours(schema: Schema) -> Way:
    """Score as training does."""

    def way(text: str, target: Invoice) -> float:
        example = Example(id="", text="", schema="", target=target)
        return score_verdict(judge(text, schema), example, schema, preset="fields").total

    return way


def tutorial(text: str, target: Invoice) -> float:
    """Score as tutorials do: the validator is made anew for each completion."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return 0.0
    try:
        jsonschema.validate(value, SCHEMA)
    except jsonschema.ValidationError:
        return 0.1
    return _same_keys(value, target)


def kept() -> Way:
    """Score with a validator that is made once, and look at every violation."""
    validator = jsonschema.Draft202012Validator(
        SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )

    def way(text: str, target: Invoice) -> float:
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            return 0.0
        violations = list(validator.iter_errors(value))
        return 0.1 if violations else _same_keys(value, target)

    return way


def _same_keys(value: Invoice, target: Invoice) -> float:
    return 0.3 + 0.7 * sum(value.get(key) == target[key] for key in target) / len(target)


def rate(way: Way, rows: Sequence[tuple[str, Invoice]], *, seconds: float) -> float:
    """Return how many completions one way scores in a second of one core's time, whoever else uses it."""
    count, begun = 0, time.process_time()
    while True:
        for text, target in rows:
            way(text, target)
            count += 1
            spent = time.process_time() - begun
            if spent > seconds:
                return count / spent


def measured(case: Case, *, runs: int, seconds: float) -> dict[str, JSON]:
    """Measure the three ways in turn, so that what else the machine does meets all of them alike."""
    ways = {"ours": ours(Schema.of(SCHEMA)), "peer": tutorial, "kept": kept()}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            rates[name].append(rate(way, case.rows, seconds=seconds))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    ratios = {
        name: statistics.median(
            mine / theirs for mine, theirs in zip(rates["ours"], rates[name], strict=True)
        )
        for name in ("peer", "kept")
    }
    return {
        **{name: round(median, 1) for name, median in medians.items()},
        "unit": "completions/s",
        "ratio": round(ratios["peer"], 2),
        "ratio_kept": round(ratios["kept"], 2),
        "runs": runs,
        "characters": round(statistics.mean(len(text) for text, _ in case.rows)),
    }


def main() -> None:
    """Print one JSON object: completions a second for each case and way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="on one line")
    parser.add_argument("--runs", type=int, default=RUNS, help="repetitions of each way, interleaved")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of one run of one way")
    given = parser.parse_args()
    found = {case.name: measured(case, runs=given.runs, seconds=given.seconds) for case in cases()}
    machine = f"{platform.machine()}, one core, Python {platform.python_version()}"
    names = ("adhere", "jsonschema", "jsonschema-rs")
    result = {"cases": found, "machine": machine, "versions": {name: version(name) for name in names}}
    sys.stdout.write(f"{json.dumps(result, indent=None if given.json else 2)}\n")


if __name__ == "__main__":
    main()
