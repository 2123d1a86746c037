import pytest

from adhere.config import HoldOut
from adhere.data.side import EITHER, Side
from adhere.data.source import SchemaSource, shape_of
from adhere.errors import SchemaError
from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.leaves import leaves

STRING: JSON = {"type": "string"}


def schema_of(name: str, **properties: JSON) -> Schema:
    return Schema.of(
        {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        },
        name=name,
    )


LETTER = schema_of("letter", sender=STRING, subject=STRING, sent_on={"type": "string", "format": "date"})
ORDER = schema_of("order", product=STRING, quantity={"type": "integer"})
HELD_OUT = Side("held_out")


def test_the_same_number_gives_the_same_example() -> None:
    first, second = (SchemaSource([LETTER], seed=3).example(7, EITHER) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("seed", "number", "side"),
    [
        pytest.param(4, 7, EITHER, id="another seed"),
        pytest.param(3, 8, EITHER, id="another number"),
        pytest.param(3, 7, HELD_OUT, id="the other split"),
    ],
)
def test_everything_else_gives_another(seed: int, number: int, side: Side) -> None:
    example = SchemaSource([LETTER], seed=3).example(7, EITHER)
    other = SchemaSource([LETTER], seed=seed).example(number, side)
    assert example.target != other.target
    assert example.text != other.text
    assert example.id != other.id


def test_an_example_says_where_it_states_each_leaf() -> None:
    source = SchemaSource([LETTER], seed=0)
    for number in range(20):
        example = source.example(number, EITHER)
        assert example.id.endswith(f"-{number}")
        assert LETTER.obeys(example.target)
        assert example.meta.keys() == {"spans", "template", "distractors"}
        spans = example.meta["spans"]
        assert isinstance(spans, dict)
        assert spans.keys() == {pointer for pointer, _ in leaves(example.target)}


def test_schemas_take_turns() -> None:
    source = SchemaSource([LETTER, ORDER], seed=0)
    assert source.schemas == {"letter": LETTER, "order": ORDER}
    named = [source.example(number, EITHER).schema for number in range(4)]
    assert named == ["letter", "order", "letter", "order"]


def test_noise_is_the_share_of_texts_that_read_as_if_scanned() -> None:
    clean, noisy = (SchemaSource([LETTER], seed=0, noise=noise) for noise in (0.0, 1.0))
    texts = [(clean.example(n, EITHER).text, noisy.example(n, EITHER).text) for n in range(10)]
    assert any(before != after for before, after in texts)


def test_shapes_held_apart_are_on_one_side_only() -> None:
    apart: frozenset[HoldOut] = frozenset({"shape"})
    schemas = [
        schema_of(f"shape-{count}", **{f"k{n}": STRING for n in range(count)}) for count in range(1, 30)
    ]
    source = SchemaSource(schemas, seed=0)
    sides = [Side("train", apart), Side("held_out", apart)]
    train, held_out = ({source.example(n, side).schema for n in range(29)} for side in sides)
    assert train
    assert held_out
    assert not train & held_out


def test_a_shape_is_a_schema_without_its_explanations() -> None:
    explained = Schema.of(
        {
            "title": "Order",
            "description": "What was ordered",
            "type": "object",
            "properties": {
                "product": {"type": "string", "description": "its name", "examples": ["mug"]},
                "quantity": {"type": "integer", "title": "Quantity"},
            },
            "required": ["product", "quantity"],
            "additionalProperties": False,
        }
    )
    assert explained.hash != ORDER.hash
    assert shape_of(explained) == shape_of(ORDER) != shape_of(LETTER)


def test_properties_called_as_an_explanation_are_part_of_the_shape() -> None:
    assert shape_of(schema_of("a", title=STRING)) != shape_of(schema_of("a", description=STRING))


def test_a_value_that_cannot_be_drawn_is_refused_by_its_keyword() -> None:
    never = schema_of("never", code={"type": "string", "pattern": "^a+$", "maxLength": 0})
    with pytest.raises(SchemaError, match=r"pattern|maxLength"):
        SchemaSource([never], seed=0).example(0, EITHER)
