"""What the page to try a server may do."""

import base64
import hashlib
import re

from adhere.serve import trying


def test_the_page_refers_to_nothing_outside_itself() -> None:
    html = trying.page()
    assert "http:" not in html
    assert "https:" not in html
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in trying.policy()
    assert "connect-src 'self'" in trying.policy()
