import json
from collections import Counter
from random import Random

from mimesis.random import Random as OtherRandom

from adhere.data.filling.fill import Plan
from adhere.data.shapes import shape
from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.places import places


def test_every_shape_is_a_schema_that_can_be_filled() -> None:
    for seed in range(100):
        for width in (0.0, 1.0):
            schema = Schema.of(shape(Random(seed), least=1, most=8, nesting=0.4, width=width))
            assert schema.violations(Plan.of(schema).fill(Random(seed)).target) == []


def test_the_number_of_leaves_keeps_its_bounds() -> None:
    for width in (0.0, 1.0):
        drawn = [shape(Random(seed), least=2, most=5, nesting=0.5, width=width) for seed in range(200)]
        assert {len(Schema.of(source).leaves) for source in drawn} == {2, 3, 4, 5}


def test_nesting_appears_as_often_as_asked() -> None:
    def nested(seed: int, nesting: float) -> bool:
        properties = shape(Random(seed), least=4, most=6, nesting=nesting)["properties"]
        assert isinstance(properties, dict)
        return any(
            isinstance(leaf, dict) and leaf["type"] in ("object", "array") for leaf in properties.values()
        )

    assert not any(nested(seed, 0.0) for seed in range(100))
    assert all(nested(seed, 1.0) for seed in range(100))


def test_the_same_state_draws_the_same_schema() -> None:
    for width in (0.0, 1.0):
        assert shape(Random(5), least=1, most=6, width=width) == shape(
            Random(5), least=1, most=6, width=width
        )
        assert shape(Random(5), least=1, most=6, width=width) != shape(
            Random(6), least=1, most=6, width=width
        )


def test_without_width_shapes_are_those_that_nano_learned() -> None:
    random = OtherRandom()
    random.seed(1)
    assert list(shape(random, least=3, most=3)["properties"]) == ["manager", "serial_no", "seller"]  # type: ignore[arg-type]


def test_with_width_much_of_json_schema_is_used() -> None:
    used: Counter[str] = Counter()
    deepest = 0
    for seed in range(150):
        source = shape(Random(seed), least=1, most=8, nesting=0.4, width=1.0)
        for place in places(source):
            keywords = place.schema if isinstance(place.schema, dict) else {}
            used.update([*keywords, *map(str, _listed(keywords.get("type")))])
        deepest = max(deepest, json.dumps(Plan.of(Schema.of(source)).fill(Random(seed)).target).count("{"))
    expected = "pattern format enum anyOf minimum maximum multipleOf minItems uniqueItems minLength title"
    assert all(used[keyword] > 4 for keyword in expected.split())
    assert all(used[kind] > 10 for kind in ("object", "array", "boolean", "integer", "number", "null"))
    assert deepest > 5


def test_with_width_shapes_seldom_repeat() -> None:
    drawn = {
        Schema.of(shape(Random(seed), least=3, most=8, nesting=0.4, width=1.0)).hash for seed in range(200)
    }
    assert len(drawn) == 200


def _listed(kinds: JSON) -> list[JSON]:
    return kinds if isinstance(kinds, list) else [kinds]
