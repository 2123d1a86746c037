"""Strings are made alike where a setting says so, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.config import Preset, Scoring, normalisers
from adhere.errors import ConfigError
from adhere.records import JSON, Example
from adhere.reward.match import match
from adhere.reward.normalise import normalised, refuse_unknown_paths
from adhere.reward.score import score
from adhere.schema import Schema

SCHEMA = Schema.of(
    {
        "type": "object",
        "properties": {
            "vendor": {"type": "string"},
            "due": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            "rest": {"type": "object"},
        },
    }
)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        pytest.param("case", "ACME Straße", "acme strasse", id="case is folded, not lowered"),
        pytest.param("space", "  Acme \n\t Corp ", "Acme Corp", id="runs of white space, and at the ends"),
        pytest.param("date", "April 15, 2024", "2024-04-15", id="a month by name"),
        pytest.param("date", "15.04.2024", "2024-04-15", id="a date in figures"),
        pytest.param("date", "2024-04-15", "2024-04-15", id="ISO 8601 stays"),
        pytest.param("date", "04/05/2024", "04/05/2024", id="two readings: stays"),
        pytest.param("date", "on April 15, 2024", "on April 15, 2024", id="more than a date: stays"),
        pytest.param("date", "2024-02-30", "2024-02-30", id="no day of the calendar: stays"),
        pytest.param("date", "x" * 100, "x" * 100, id="too long for a date: stays"),
        pytest.param("number", "1,250.50", "1250.5", id="thousands and a fraction"),
        pytest.param("number", "12.0", "12", id="no fraction to speak of"),
        pytest.param("number", "twelve", "12", id="a number in words"),
        pytest.param("number", "1,250", "1,250", id="1250 or 1.25: stays"),
        pytest.param("number", "12 kg", "12 kg", id="more than a number: stays"),
        pytest.param("number", "9" * 100, "9" * 100, id="longer than people write: stays"),
    ],
)
def test_spellings(name: str, text: str, expected: str) -> None:
    assert normalised(text, (f"*={name}",)) == expected


@pytest.mark.parametrize(
    ("settings", "value", "expected"),
    [
        pytest.param(("*=case",), {"A": "B", "c": ["D"]}, {"A": "b", "c": ["d"]}, id="every string, no key"),
        pytest.param(("/a=case",), {"a": "B", "b": "B"}, {"a": "b", "b": "B"}, id="one path"),
        pytest.param(("/a=case",), {"a": {"a": "B"}}, {"a": {"a": "B"}}, id="and not what lies below it"),
        pytest.param(("/a/*=case",), {"a": ["B", ["C"]]}, {"a": ["b", ["C"]]}, id="every item"),
        pytest.param(("/*/n=case",), [{"n": "B"}, {"m": "B"}], [{"n": "b"}, {"m": "B"}], id="a key in items"),
        pytest.param(("/*=case",), {"a": "B"}, {"a": "b"}, id="every key"),
        pytest.param(("/a/1=case",), {"a": ["B", "C"]}, {"a": ["B", "c"]}, id="one index"),
        pytest.param(("/a~1b=case",), {"a/b": "C"}, {"a/b": "c"}, id="an escaped key"),
        pytest.param(("/a=space,case",), {"a": " B  C "}, {"a": "b c"}, id="two names"),
        pytest.param(
            ("*=space", "/a=date"), {"a": " May  4, 2024"}, {"a": "2024-05-04"}, id="in their order"
        ),
        pytest.param(("/a=date", "*=space"), {"a": " May 4, 2024"}, {"a": "May 4, 2024"}, id="not another"),
        pytest.param(("/a=case", "/a=space"), {"a": " B"}, {"a": "b"}, id="one path twice"),
        pytest.param(
            ("*=case",), [1, None, True, 1.5, {}, []], [1, None, True, 1.5, {}, []], id="no strings"
        ),
    ],
)
def test_paths(settings: tuple[str, ...], value: JSON, expected: JSON) -> None:
    assert normalised(value, settings) == expected


def test_a_match_is_strict_unless_it_is_told_not_to_be() -> None:
    answer: JSON = {"vendor": "ACME  corp", "due": "4 May 2024", "tags": ["B", "a"]}
    gold: JSON = {"vendor": "Acme Corp", "due": "2024-05-04", "tags": ["A", "b"]}
    assert match(answer, gold, schema=SCHEMA).right == 0
    settings = ("/vendor=space,case", "/due=date", "/tags/*=case")
    assert match(answer, gold, schema=SCHEMA, normalise=settings).exact


@pytest.mark.parametrize("preset", ["fields", "hierarchical"])
def test_a_reward_pays_for_what_the_setting_makes_equal(preset: Preset) -> None:
    row = Example(id="1", text="", schema="it", target={"vendor": "Acme Corp"})
    answer, loose = '{"vendor": "acme corp"}', Scoring(normalise=("/vendor=case",))
    assert score(answer, row, SCHEMA, preset=preset).total < 1.0
    assert score(answer, row, SCHEMA, preset=preset, scoring=loose).total == 1.0


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("vendor=case", "'vendor' is no path; perhaps you meant /vendor. Write"),
        ("/vendor", "'' is no path. Write a JSON pointer or *, =, and names: /vendor=case."),
        ("/a~2=case", "'/a~2' is no path. Write"),
        ("/vendor=cas", "'cas' is no normaliser; perhaps you meant case. Use case, space, date, number."),
        ("/vendor=", "'' is no normaliser. Use"),
        ("/vendor=case,", "'' is no normaliser. Use"),
    ],
)
def test_a_setting_that_is_none_is_refused_when_it_is_read(setting: str, message: str) -> None:
    with pytest.raises(ConfigError) as fault:
        Scoring(normalise=(setting,))
    assert str(fault.value).startswith(f"scoring.normalise = {setting!r}: {message}")
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("path", ["*", "/vendor", "/tags/*", "/tags/0", "/*", "/rest", "/rest/any/thing"])
def test_a_path_that_a_schema_has_is_accepted(path: str) -> None:
    refuse_unknown_paths((f"{path}=case",), [SCHEMA])


@pytest.mark.parametrize(
    ("path", "meant"),
    [("/vendr", "/vendor"), ("/tags", "/tags/*"), ("/vendor/name", "/vendor"), ("/due/*", "/due")],
)
def test_a_path_that_no_schema_has_is_refused(path: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"no value of the schema has this path; perhaps you meant {meant}"):
        refuse_unknown_paths(
            (f"{path}=case",), [SCHEMA, Schema.of({"properties": {"x": {"type": "string"}}})]
        )


def test_a_path_of_one_of_several_schemas_is_accepted() -> None:
    refuse_unknown_paths(("/x=case",), [SCHEMA, Schema.of({"properties": {"x": {"type": "string"}}})])


def test_a_schema_within_itself_may_have_any_path() -> None:
    refuse_unknown_paths(("/a/a/b=case",), [Schema.of({"properties": {"a": {"$ref": "#"}}})])


def test_without_settings_no_schema_is_looked_at() -> None:
    refuse_unknown_paths((), iter([]))
    assert normalisers(()) == {}


VALUES: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.integers() | st.text(alphabet="aA 1.,"),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.sampled_from("ab"), parts, max_size=2),
    max_leaves=6,
)
SETTINGS = st.lists(
    st.tuples(
        st.sampled_from(["*", "/a", "/*/a", "/0"]), st.sampled_from(["case", "space", "date", "number"])
    ),
    max_size=3,
).map(lambda pairs: tuple(f"{path}={name}" for path, name in pairs))


@given(VALUES, st.sampled_from(["case", "space", "date", "number"]))
def test_what_is_normalised_stays_when_it_is_done_again(value: JSON, name: str) -> None:
    once = normalised(value, (f"*={name}",))
    assert normalised(once, (f"*={name}",)) == once
    assert match(value, once, schema=SCHEMA, normalise=(f"*={name}",)).exact


@given(VALUES, VALUES, SETTINGS)
def test_a_setting_never_makes_equal_leaves_differ(one: JSON, two: JSON, settings: tuple[str, ...]) -> None:
    strict, loose = match(one, two, schema=SCHEMA), match(one, two, schema=SCHEMA, normalise=settings)
    assert strict.right <= loose.right
