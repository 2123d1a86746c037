"""What is said of a request that is too large, too slow or one too many."""

from adhere.config.guarding import LimitSettings
from adhere.serve.order import Refusal


def head_too_large(limits: LimitSettings) -> Refusal:
    """Return the refusal of a request whose head is over its limit."""
    message = f"The head of the request is over {limits.header_kib} KiB. Send fewer or shorter headers."
    return Refusal(431, message, code="headers_too_large")


def body_too_large(limits: LimitSettings) -> Refusal:
    """Return the refusal of a request whose body is over its limit."""
    message = f"The body is over {limits.body_mib:g} MiB. Send less text in one request."
    return Refusal(413, message, code="body_too_large")


def too_slow(limits: LimitSettings) -> Refusal:
    """Return the refusal of a request that did not come in time."""
    message = f"The request did not come within {limits.receipt:g} s. Send it again, whole."
    return Refusal(408, message, code="request_timeout")


def crowded_out() -> Refusal:
    """Return the refusal of a request that there is no room for."""
    message = "The server has as many requests coming as it can hold. Send the request again."
    return Refusal(503, message, code="overloaded", retry_after=1.0)
