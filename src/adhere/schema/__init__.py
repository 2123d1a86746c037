"""JSON Schemas: what adhere accepts, how a value is checked against one, and how one is shown to a model."""

from adhere.schema.check import Violation as Violation
from adhere.schema.dialect import refusals as refusals
from adhere.schema.dialect import unconstrainable as unconstrainable
from adhere.schema.leaf import Leaf as Leaf
from adhere.schema.parse import Malformed as Malformed
from adhere.schema.parse import Parsed as Parsed
from adhere.schema.parse import parse_bytes as parse_bytes
from adhere.schema.parse import parse_json as parse_json
from adhere.schema.refusal import Refusal as Refusal
from adhere.schema.schema import Schema as Schema
