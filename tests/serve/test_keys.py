"""Keys in a file: what it holds, who is let in by it, and how the verb changes it."""

import fcntl
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adhere.cli import main
from adhere.config import KeyConfig, LimitSettings
from adhere.errors import ConfigError, DataError
from adhere.serve import keys as keyfile
from adhere.serve.keys import Key, Keys, Stranger, made, read, write

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def clock() -> Clock:
    return Clock()


def run(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["key", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def add(path: Path, capsys: pytest.CaptureFixture[str], name: str = "billing", *flags: str) -> str:
    return str(run(capsys, "add", "--keys", str(path), "--name", name, *flags)["key"])


def test_a_key_has_256_random_bits_and_the_file_only_its_hash(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = add(path, capsys)
    secret = key.split("_", 2)[2]
    assert len(secret) == 43  # 43 characters of 6 bits hold 256
    assert secret not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_no_two_keys_are_alike() -> None:
    ids = [made()[1] for _ in range(50)]
    taken = set(ids[:-1])
    assert made(taken=taken)[1] not in taken


def test_its_owner_is_let_in_by_name_and_with_what_it_may_do(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = add(path, capsys, "billing", "--scopes", "models", "metrics", "--requests-per-minute", "60")
    owner = Keys(path).owner(key)
    assert isinstance(owner, Key)
    assert (owner.name, owner.scopes, owner.requests_per_minute) == ("billing", ("metrics", "models"), 60)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda _: "", id="nothing"),
        pytest.param(lambda _: "sk-1234", id="another server's"),
        pytest.param(lambda key: f"{key[:-1]}{'a' if key[-1] != 'a' else 'b'}", id="last character"),
        pytest.param(lambda key: f"adh_00000000{key[12:]}", id="another id"),
        pytest.param(lambda key: f"{key}x", id="longer"),
        pytest.param(lambda key: key.upper(), id="upper case"),
        pytest.param(lambda key: f"{key}\n", id="a line break after it"),
        pytest.param(lambda _: "\udc80", id="no text"),
    ],
)
def test_nobody_else_is(path: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[str], str]) -> None:
    key = add(path, capsys)
    assert isinstance(Keys(path).owner(spoil(key)), Stranger)


@pytest.mark.parametrize(
    ("ends", "says"),
    [
        pytest.param({"expires": NOW}, "expired", id="expired"),
        pytest.param({"revoked": NOW}, "revoked", id="revoked"),
        pytest.param({"revoked": NOW, "expires": NOW}, "revoked", id="both"),
    ],
)
def test_a_key_that_has_ended_says_why(path: Path, ends: dict[str, Any], says: str) -> None:
    secret, id, sha256 = made()
    write(path, [Key(id=id, name="a", sha256=sha256, scopes=("generate",), created=NOW, **ends)])
    found = Keys(path).owner(secret)
    assert isinstance(found, Stranger)
    assert says in found.why


def test_a_key_works_until_the_very_second_of_its_end() -> None:
    key = Key(id="0", name="a", sha256="", scopes=(), created=NOW, expires=NOW + timedelta(hours=1))
    before, at = NOW + timedelta(minutes=59), NOW + timedelta(hours=1)
    assert (key.standing(before), key.standing(at)) == ("works", "expired")


def test_a_change_of_the_file_is_seen_within_half_a_second(
    path: Path, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    first = add(path, capsys, "first")
    keys = Keys(path, clock=clock)
    second = add(path, capsys, "second")
    run(capsys, "revoke", "--keys", str(path), "--name", "first")
    assert isinstance(keys.owner(second), Stranger)
    clock.now = 0.5
    assert isinstance(keys.owner(second), Key)
    assert isinstance(keys.owner(first), Stranger)
    assert len(keys) == 2


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("{")], ids=["gone", "torn"])
def test_a_file_that_cannot_be_read_any_more_changes_nothing(
    path: Path, clock: Clock, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], object]
) -> None:
    key = add(path, capsys)
    keys = Keys(path, clock=clock)
    spoil(path)
    clock.now = 1.0
    assert isinstance(keys.owner(key), Key)


def test_a_new_key_of_a_name_works_beside_the_old_one_for_the_overlap(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = add(path, capsys, "billing", "--concurrency", "3")
    told = run(capsys, "rotate", "--keys", str(path), "--name", "billing", "--overlap", "2")
    keys = Keys(path)
    first, second = keys.owner(old), keys.owner(str(told["key"]))
    assert isinstance(first, Key)
    assert isinstance(second, Key)
    assert (first.name, first.concurrency) == (second.name, second.concurrency) == ("billing", 3)
    assert first.expires == second.created + timedelta(hours=2)
    assert second.expires is None


def test_without_an_overlap_the_old_key_ends_at_once(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = add(path, capsys)
    run(capsys, "rotate", "--keys", str(path), "--name", "billing", "--overlap", "0")
    assert isinstance(Keys(path).owner(old), Stranger)


def test_a_rotation_never_makes_a_key_last_longer(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(path, capsys, "billing", "--days", "0.5")
    run(capsys, "rotate", "--keys", str(path), "--name", "billing", "--overlap", "24")
    old = read(path)[0]
    assert old.expires == old.created + timedelta(days=0.5)


def test_a_list_shows_no_hash(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(path, capsys, "one")
    add(path, capsys, "two")
    told = run(capsys, "list", "--keys", str(path))
    (row,) = run(capsys, "list", "--keys", str(path), "--name", "two")["keys"]
    assert [each["name"] for each in told["keys"]] == ["one", "two"]
    assert row["standing"] == "works"
    assert read(path)[1].sha256 not in json.dumps(told)


def test_a_file_stays_as_readable_as_its_owner_made_it(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(path, capsys, "one")
    path.chmod(0o640)
    add(path, capsys, "two")
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(
            ["add"], "key.name = None: add is about the keys of one name. Give --name.", id="nobody"
        ),
        pytest.param(["add", "--name", "a b"], "it stands in every log line", id="a name with a blank"),
        pytest.param(["add", "--name", "a\nb"], "it stands in every log line", id="a name of two lines"),
        pytest.param(["add", "--name", "one"], "a key of this name works. Use rotate", id="twice"),
        pytest.param(["add", "--name", "b", "--scopes", "all"], "'all' is not one of", id="unknown scope"),
        pytest.param(["add", "--name", "b", "--days", "0"], "the key would never work", id="no days"),
        pytest.param(["add", "--name", "b", "--concurrency", "0"], "every request", id="no request"),
        pytest.param(["rotate", "--name", "one", "--overlap", "-1"], "cannot have ended", id="overlap"),
        pytest.param(["revoke", "--name", "onne"], "perhaps you meant one", id="a slip"),
        pytest.param(["lose"], "'lose' is not one of add, list, revoke, rotate", id="no such act"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    path: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    add(path, capsys, "one")
    before = path.read_bytes()
    assert main(["key", *words, "--keys", str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("adhere key: ")
    assert says in line
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(None, "no such file or directory. Make it with adhere key add.", id="missing"),
        pytest.param("[]", "the file: input should be", id="a list"),
        pytest.param('{"keys": [{"id": "1"}]}', "keys.0.name: field required", id="a key without a name"),
        pytest.param('{"keys": [], "more": 1}', "more", id="more than keys"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(path: Path, text: str | None, says: str) -> None:
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=says) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_a_directory_that_is_not_there_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["key", "add", "--keys", str(tmp_path / "no" / "keys.json"), "--name", "a"]) == 2
    assert "Name a file in a directory that is there" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Name a file that can be written"):
        write(tmp_path, [])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        pytest.param({"do": "add", "name": "a", "scopes": ()}, "the key could do nothing", id="no scope"),
        pytest.param({"do": "add", "name": "a", "tokens_per_minute": 0}, "every request", id="no token"),
    ],
)
def test_a_key_that_could_do_nothing_is_refused(settings: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        KeyConfig(**settings)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"header_kib": 0}, "limits.header_kib = 0"),
        ({"body_mib": 0}, "limits.body_mib = 0"),
        ({"body_mib": 8, "bodies_mib": 4}, "limits.bodies_mib = 4: the largest body would not fit"),
        ({"receipt": 0}, "limits.receipt = 0"),
        ({"connections": 0}, "limits.connections = 0"),
    ],
)
def test_a_limit_that_lets_nobody_in_is_refused(settings: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=f"^{says}"):
        LimitSettings(**settings)


def test_two_processes_do_not_change_a_file_at_once(path: Path) -> None:
    with keyfile.changing(path):
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            with pytest.raises(BlockingIOError):
                fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(directory)
