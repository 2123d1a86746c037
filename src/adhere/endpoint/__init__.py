"""The one client of OpenAI-compatible servers: many requests at once, retries, a budget, kept replies."""

from adhere.endpoint.endpoint import Endpoint
from adhere.endpoint.held import Conversation
from adhere.endpoint.reference import Reference, is_reference, parse_reference
from adhere.endpoint.reply import Cause, Failed, Reply
from adhere.endpoint.request import Message, Request
from adhere.endpoint.tally import Totals

__all__ = [
    "Cause",
    "Conversation",
    "Endpoint",
    "Failed",
    "Message",
    "Reference",
    "Reply",
    "Request",
    "Totals",
    "is_reference",
    "parse_reference",
]
