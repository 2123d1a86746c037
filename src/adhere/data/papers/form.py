"""The JSON Schema of a blueprint: a form of which only the values are left to fill in."""

from collections.abc import Mapping, Sequence

from adhere.data.papers.blueprint import Blueprint, Component, Grid, Node, Panel, Paragraph, Slot, Ticked
from adhere.data.papers.outline import (
    Choice,
    Clock,
    Column,
    Confirm,
    Currency,
    Day,
    Flag,
    Formula,
    Money,
    Number,
    Parameter,
    Pick,
    Product,
    Step,
    Table,
    Ticks,
)
from adhere.records import JSON

CURRENCIES = ("EUR", "USD", "GBP", "CHF")
_TYPES: dict[type, str] = {Money: "number", Product: "number", Step: "integer", Flag: "boolean"}
_SIGNS = {"percent": "{} / {} * 100", "difference": "{} - {}", "sum": "sum of {1} over {0}"}


def form(blueprint: Blueprint) -> dict[str, JSON]:
    """Return a schema whose documents differ in nothing but what is to be filled in."""
    return _Form(blueprint).node(blueprint.root)


def level_type(level: int) -> str:
    """Name a level of the hierarchy, from 0 at the root."""
    return ("ROOT", "SECTION", "SUBSECTION")[level] if level < 3 else f"DETAIL_{level}"


def limits(parameter: Parameter) -> str:
    """Spell the readings of a parameter that pass."""
    low, high = (f"{bound / 10**parameter.result.decimals:.{parameter.result.decimals}f}"
                 for bound in parameter.allowed)  # fmt: skip
    return f"{low} to {high}"


class _Form:
    def __init__(self, blueprint: Blueprint) -> None:
        self._bounded = blueprint.bounded
        self._described = blueprint.described

    def node(self, node: Node) -> dict[str, JSON]:
        members: dict[str, JSON] = {
            "id": {"const": node.id},
            "title": {"const": node.title},
            "level": {"const": node.level},
            "level_type": {"const": level_type(node.level)},
        }
        properties: dict[str, JSON] = {group: self._slots(slots) for group, slots in node.groups}
        if node.logs is not None:
            properties["logs"] = self._rows(node.logs)
        if properties:
            members["properties"] = _closed(properties)
        if node.components:
            members["component"] = _listed([self._component(each) for each in node.components])
        if node.children:
            members["children"] = _listed([self.node(child) for child in node.children])
        return _closed(members)

    def _slots(self, slots: Sequence[Slot]) -> JSON:
        properties: dict[str, JSON] = {}
        for slot in slots:
            leaf = self._result(slot.field) if isinstance(slot.field, Formula) else self._leaf(slot.field)
            properties[slot.field.name] = _or_null(leaf) if slot.presence == "nullable" else leaf
        return _closed(properties, [slot.field.name for slot in slots if slot.presence != "optional"])

    def _component(self, component: Component) -> JSON:
        match component:
            case Paragraph(slots):
                return _closed({"type": {"const": "PARAGRAPH"}, "variables": self._slots(slots)})
            case Grid(table, _, labels, as_records):
                head: dict[str, JSON] = {"type": {"const": "TABLE"}, "title": {"const": table.title}}
                header: dict[str, JSON] = {} if as_records else {"header": _constants(labels)}
                return _closed({**head, **header, "rows": self._rows(component)})
            case Panel(readings, _, columns):
                lines = [self._line(parameter, component) for parameter in readings.parameters]
                return _closed(
                    {
                        "type": {"const": "TABLE"},
                        "title": {"const": readings.title},
                        "header": _constants(columns),
                        "rows": _listed(lines),
                    }
                )
            case Ticked(box):
                return _closed({"type": {"const": "CHECKBOX"}, "label": {"const": box.label}, **_ticks(box)})

    def _rows(self, grid: Grid) -> JSON:
        table: Table = grid.table
        leaves = {column.name: self._leaf(column) for column in table.columns}
        row = _closed(leaves) if grid.as_records else _listed([*leaves.values()])
        return {"type": "array", "items": row, "minItems": table.least, "maxItems": table.most}

    def _line(self, parameter: Parameter, panel: Panel) -> JSON:
        cells: dict[str, JSON] = {
            "parameter": {"const": parameter.result.name},
            "result": self._leaf(parameter.result),
            "unit": {"const": parameter.result.unit},
            "limits": {"const": limits(parameter)},
            "verdict": _enum(panel.readings.verdicts),
        }
        return _listed([cells[column] for column in panel.columns])

    def _leaf(self, field: Column) -> dict[str, JSON]:
        match field:
            case Number():
                return self._number(field)
            case Day():
                return {"type": "string", "format": "date"}
            case Clock():
                return {"type": "string", **self._description("HH:MM")}
            case Currency():
                return _enum(CURRENCIES)
            case Choice(_, options):
                return _enum(options)
            case _:
                return {"type": _TYPES.get(type(field), "string")}

    def _number(self, field: Number) -> dict[str, JSON]:
        leaf: dict[str, JSON] = {"type": "number" if field.decimals else "integer"}
        if self._bounded:
            scale = 10**field.decimals
            leaf |= {"minimum": whole(field.low, scale), "maximum": whole(field.high, scale)}
        return leaf | self._description(field.unit)

    def _result(self, formula: Formula) -> dict[str, JSON]:
        words = [name.replace("_", " ") for name in formula.of]
        return {"type": "number", "description": _SIGNS[formula.rule].format(*words)}

    def _description(self, words: str) -> dict[str, JSON]:
        return {"description": words} if self._described and words else {}


def whole(scaled: int, scale: int) -> int | float:
    """Divide, as an integer where nothing is left over."""
    return scaled // scale if scaled % scale == 0 else scaled / scale


def _ticks(box: Confirm | Pick | Ticks) -> Mapping[str, JSON]:
    match box:
        case Confirm():
            return {"checked": {"type": "boolean"}}
        case Pick(_, options):
            return {"selected": _enum(options)}
        case Ticks(_, options):
            return {"options": _closed({option: {"type": "boolean"} for option in options})}


def _or_null(leaf: dict[str, JSON]) -> dict[str, JSON]:
    options = leaf.get("enum")
    listed: dict[str, JSON] = {"enum": [*options, None]} if isinstance(options, list) else {}
    return {**leaf, "type": [leaf["type"], "null"], **listed}


def _enum(options: Sequence[str]) -> dict[str, JSON]:
    return {"type": "string", "enum": [*options]}


def _constants(words: Sequence[str]) -> JSON:
    return _listed([{"const": word} for word in words])


def _listed(items: list[dict[str, JSON]] | list[JSON]) -> JSON:
    """Make a list schema of exactly these items."""
    count = len(items)
    return {"type": "array", "prefixItems": [*items], "items": False, "minItems": count, "maxItems": count}


def _closed(properties: Mapping[str, JSON], required: Sequence[str] | None = None) -> dict[str, JSON]:
    """Make an object schema that admits no other keys; all are required, unless it is said which."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [*(properties if required is None else required)],
        "additionalProperties": False,
    }
