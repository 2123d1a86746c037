import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adhere.endpoint import Reference, is_reference, parse_reference
from adhere.errors import ConfigError


@pytest.mark.parametrize(
    ("reference", "model", "base_url"),
    [
        pytest.param("openai:qwen@http://localhost:8000/v1", "qwen", "http://localhost:8000/v1", id="plain"),
        pytest.param(
            "openai:a/b-1.5@https://x.org/v1/", "a/b-1.5", "https://x.org/v1", id="slash at the end"
        ),
        pytest.param("openai:m@rev@http://[::1]:1", "m@rev", "http://[::1]:1", id="@ in the model"),
        pytest.param("openai:m:tag@http://h", "m:tag", "http://h", id="colon in the model"),
        pytest.param("openai:/a/file@HTTP://h/v1", "/a/file", "HTTP://h/v1", id="a path, and a loud scheme"),
    ],
)
def test_a_reference_names_a_model_and_a_url(reference: str, model: str, base_url: str) -> None:
    assert is_reference(reference)
    assert parse_reference(reference) == Reference(model, base_url)


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        pytest.param("", "no model on a server", id="nothing"),
        pytest.param("nano", "no model on a server", id="a model that is on no server"),
        pytest.param("qwen@http://localhost/v1", "no model on a server", id="no openai:"),
        pytest.param("openai:qwen", "no model on a server", id="no URL"),
        pytest.param("openai:qwen@localhost:8000/v1", "no model on a server", id="no scheme"),
        pytest.param("openai:@http://localhost", "no model on a server", id="no model"),
        pytest.param("openai:qwen@http:///v1", "no model on a server", id="no host"),
        pytest.param("openai:qwen@http://h:port/v1", "no model on a server", id="a port that is no number"),
        pytest.param("openai:qwen@http://[zz]/v1", "no model on a server", id="an address that is none"),
        pytest.param("openai:qwen@http://a b/v1", "no model on a server", id="a blank"),
        pytest.param("openai:qwen@ftp://localhost", "not asked by ftp", id="another scheme"),
        pytest.param("openai:qwen@file:///etc/passwd", "no model on a server", id="a file"),
    ],
)
def test_what_is_no_reference_is_refused_in_one_line(reference: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as raised:
        parse_reference(reference, where="reason.teacher")
    assert str(raised.value).startswith("reason.teacher = ")
    assert "such as openai:" in str(raised.value)


@pytest.mark.parametrize(
    "url", ["http://user:s3cret@h/v1", "https://h/v1?key=s3cret", "http://h/v1#s3cret", "http://s3cret@h/"]
)
def test_a_url_with_a_secret_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError, match=r"key-from") as raised:
        parse_reference(f"openai:m@{url}")
    assert "s3cret" not in str(raised.value)


@given(st.text())
@example("@http://x")
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    for reference in (text, f"openai:{text}", f"openai:m@http://{text}"):
        refused, read = "", None
        try:
            read = parse_reference(reference)
        except ConfigError as error:
            refused = str(error)
        assert "\n" not in refused
        assert bool(refused) != (read is not None and bool(read.model) and bool(read.base_url))
