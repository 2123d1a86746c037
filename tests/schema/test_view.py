"""A schema is read with its references followed and its `allOf` merged."""

import pytest

from adhere.records import JSON
from adhere.schema.reference import References
from adhere.schema.view import Field, alternatives, elements, fields, merge, types, view


def keywords(source: dict[str, JSON]) -> dict[str, JSON]:
    return view(source, References(source)).keywords


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param({"type": "string"}, {"type": "string"}, id="as it is"),
        pytest.param(
            {"allOf": [{"type": "string"}, {"minLength": 1}, True]},
            {"type": "string", "minLength": 1},
            id="allOf",
        ),
        pytest.param({"minimum": 1, "allOf": [{"minimum": 2}]}, {"minimum": 1}, id="the outer one is kept"),
        pytest.param(
            {"type": "number", "allOf": [{"type": "integer"}]}, {"type": ["integer"]}, id="type narrowed"
        ),
        pytest.param(
            {"type": "string", "allOf": [{"type": "null"}]}, {"type": ["string"]}, id="types that differ"
        ),
        pytest.param(
            {"required": ["a"], "allOf": [{"required": ["b", "a"]}]},
            {"required": ["a", "b"]},
            id="required united",
        ),
        pytest.param(
            {"properties": {"a": {}, "b": True}, "allOf": [{"properties": {"b": {"type": "null"}, "c": {}}}]},
            {"properties": {"a": {}, "b": {"allOf": [True, {"type": "null"}]}, "c": {}}},
            id="properties united",
        ),
        pytest.param({"allOf": [{"allOf": [{"type": "null"}]}]}, {"type": "null"}, id="allOf in allOf"),
        pytest.param({"allOf": 3, "$ref": 4}, {}, id="what is no schema is passed over"),
    ],
)
def test_view(source: dict[str, JSON], expected: dict[str, JSON]) -> None:
    assert keywords(source) == expected


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        pytest.param({}, {"minLength": 1, "description": "near", "type": "string"}, id="beside a reference"),
        pytest.param(
            {"$schema": "http://json-schema.org/draft-07/schema#"},
            {"description": "near", "type": "string"},
            id="beside a reference, draft-07 sees a description only",
        ),
    ],
)
def test_a_reference_is_followed(draft: dict[str, JSON], expected: dict[str, JSON]) -> None:
    near: dict[str, JSON] = {"$ref": "#/definitions/a", "minLength": 1, "description": "near"}
    far: JSON = {"type": "string", "description": "far"}
    references = References({**draft, "properties": {"x": near}, "definitions": {"a": far}})
    assert view(references.places["/properties/x"].schema, references).keywords == expected


def test_a_schema_within_itself_is_seen_once() -> None:
    source: dict[str, JSON] = {"title": "Node", "properties": {"next": {"$ref": "#"}}}
    references = References(source)
    seen = view(source, references)
    inner = references.places["/properties/next"].schema
    again = view(inner, references, seen.path_to(inner, references))
    assert (again.keywords, again.again) == ({}, "Node")


def test_what_stands_beside_a_reference_back_is_seen() -> None:
    source: dict[str, JSON] = {"properties": {"next": {"$ref": "#", "type": "object"}}}
    references = References(source)
    again = view(references.places["/properties/next"].schema, references, frozenset({""}))
    assert (again.keywords, again.again) == ({"type": "object"}, None)


def test_a_schema_beside_another_is_not_inside_of_it() -> None:
    # An employee is a person and has a boss; the boss is a person seen for the first time.
    person: JSON = {"properties": {"name": {}}}
    employee: JSON = {"allOf": [{"$ref": "#/$defs/p"}, {"properties": {"boss": {"$ref": "#/$defs/p"}}}]}
    source: dict[str, JSON] = {"$defs": {"p": person}, "items": employee}
    references = References(source)
    seen = view(references.places["/items"].schema, references)
    boss = references.places["/items/allOf/1/properties/boss"].schema
    assert view(boss, references, seen.path_to(boss, references)).keywords == person


def test_two_properties_in_one_are_inside_of_both() -> None:
    source: dict[str, JSON] = {
        "$defs": {name: {"properties": {"c": {"$ref": f"#/$defs/{name}"}}} for name in "ab"},
        "allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}],
    }
    references = References(source)
    seen = view(source, references)
    (united,) = fields(seen.keywords)
    assert view(united.schema, references, seen.path_to(united.schema, references)).again == "a"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param({}, ["any"], id="nothing said"),
        pytest.param({"type": "null"}, ["null"], id="one"),
        pytest.param({"type": ["string", "null"]}, ["string", "null"], id="several"),
        pytest.param({"required": ["a"]}, ["object"], id="implied object"),
        pytest.param({"items": {}}, ["array"], id="implied array"),
        pytest.param({"items": {}, "properties": {}}, ["object", "array"], id="both implied"),
        pytest.param({"minimum": 1}, ["any"], id="a bound implies nothing"),
    ],
)
def test_types(source: dict[str, JSON], expected: list[str]) -> None:
    assert types(source) == expected


def test_branches_take_up_what_stands_beside_them() -> None:
    source: dict[str, JSON] = {
        "type": "object",
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}, False, True],
        "oneOf": [{}],
    }
    references = References(source)
    branches = alternatives(view(source, references), references)
    assert branches is not None
    beside = {"type": "object", "oneOf": [{}]}
    assert [branch.keywords for branch in branches] == [
        {**beside, "required": ["a"]},
        {**beside, "required": ["b"]},
        beside,
    ]


def test_no_choice_has_no_branches() -> None:
    assert alternatives(view({}, References({})), References({})) is None


def test_fields_come_in_order_and_those_that_are_not_fixed_last() -> None:
    source: dict[str, JSON] = {
        "additionalProperties": {"type": "null"},
        "patternProperties": {"^x": {"type": "string"}, "^y": True},
        "properties": {"b/c": {}, "a": True, "never": False},
        "required": ["z", "a"],
    }
    assert list(fields(source)) == [
        Field("b/c", "/b~1c", {}, required=False),
        Field("a", "/a", schema=True, required=True),
        Field("z", "/z", schema=True, required=True),
        Field("/^x/", "/*", {"type": "string"}, required=None),
        Field("*", "/*", {"type": "null"}, required=None),
    ]


@pytest.mark.parametrize("rest", [True, False, {}])
def test_other_keys_of_which_nothing_is_said_are_no_field(rest: JSON) -> None:
    assert list(fields({"additionalProperties": rest})) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param({}, ([], True), id="nothing said"),
        pytest.param({"items": {"type": "null"}}, ([], {"type": "null"}), id="all alike"),
        pytest.param(
            {"prefixItems": [{}, False], "items": False}, ([{}, False], False), id="prefix and rest"
        ),
        pytest.param(
            {"items": [{}], "additionalItems": {"type": "null"}}, ([{}], {"type": "null"}), id="draft-07"
        ),
    ],
)
def test_elements(source: dict[str, JSON], expected: tuple[list[JSON], JSON]) -> None:
    assert elements(source) == expected


def test_merging_changes_neither_side() -> None:
    outer: dict[str, JSON] = {"properties": {"a": {}}, "required": ["a"], "type": "object"}
    inner: dict[str, JSON] = {"properties": {"b": {}}, "required": ["b"], "type": "object"}
    merge(outer, inner)
    assert outer == {"properties": {"a": {}}, "required": ["a"], "type": "object"}
    assert inner == {"properties": {"b": {}}, "required": ["b"], "type": "object"}
