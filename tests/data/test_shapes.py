from mimesis.random import Random

from adhere.data.fill import fill
from adhere.data.shapes import shape
from adhere.schema import Schema


def random(seed: int) -> Random:
    source = Random()
    source.seed(seed)
    return source


def test_every_shape_is_a_schema_that_can_be_filled() -> None:
    for seed in range(200):
        source = shape(random(seed), least=1, most=6, nesting=0.3)
        schema = Schema.of(source)
        assert schema.violations(fill(random(seed), source).target) == []


def test_the_number_of_leaves_keeps_its_bounds() -> None:
    counts = {len(Schema.of(shape(random(seed), least=2, most=5)).leaves) for seed in range(200)}
    assert counts == {2, 3, 4, 5}


def test_nesting_appears_as_often_as_asked() -> None:
    def nested(seed: int, nesting: float) -> bool:
        properties = shape(random(seed), least=4, most=6, nesting=nesting)["properties"]
        assert isinstance(properties, dict)
        return any(
            isinstance(leaf, dict) and leaf["type"] in ("object", "array") for leaf in properties.values()
        )

    assert not any(nested(seed, 0.0) for seed in range(100))
    assert all(nested(seed, 1.0) for seed in range(100))


def test_the_same_state_draws_the_same_schema() -> None:
    assert shape(random(5), least=1, most=6) == shape(random(5), least=1, most=6)
    assert shape(random(5), least=1, most=6) != shape(random(6), least=1, most=6)
