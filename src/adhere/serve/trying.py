"""The page on which a text and a schema can be tried: one file, which refers to nothing outside itself."""

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from adhere.page import environment


@dataclass(frozen=True, slots=True)
class _Made:
    html: str
    policy: str


def page() -> str:
    """Return the page. It loads without a key, and asks for one where the server does."""
    return _made().html


def policy() -> str:
    """Return what the page may do, as `Content-Security-Policy`: ask this server, and nothing else."""
    return _made().policy


@lru_cache(maxsize=1)
def _made() -> _Made:
    script = (files("adhere") / "serve" / "trying.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    html = environment("serve").get_template("trying.html.jinja").render(script=script)
    return _Made(html, policy)
