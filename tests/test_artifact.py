"""A run directory is whole and sealed, or it is not there."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime
from importlib import metadata
from pathlib import Path
from unittest.mock import ANY

import pytest

from adhere import __version__, artifact
from adhere.config import EndpointSettings, EvalConfig, ImportConfig, SynthConfig
from adhere.errors import ConfigError, DataError, TrainingStopped
from adhere.records import JSON

# sha256sum of the five bytes "hello".
HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def config(out: Path) -> SynthConfig:
    return SynthConfig(schema=Path("schema.json"), out=out, seed=7)


def write_run(out: Path) -> None:
    with artifact.writing(out, config(out)) as run:
        (run.path / "hello.txt").write_text("hello")
        (run.path / "deep").mkdir()
        (run.path / "deep" / "down.txt").write_text("down")
        run.summary = {"rows": 3}


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_a_run_appears_whole_with_summary_and_manifest(tmp_path: Path) -> None:
    out = tmp_path / "runs" / "one"
    with artifact.writing(out, config(out)) as run:
        (run.path / "hello.txt").write_text("hello")
        run.summary = {"rows": 3}
        assert not out.exists()
    assert names(out) == {"hello.txt", "summary.json", "manifest.json"}
    assert json.loads((out / "summary.json").read_text()) == {"rows": 3}
    assert names(tmp_path / "runs") == {"one"}


def test_the_manifest_says_what_was_made_from_what_by_what(tmp_path: Path) -> None:
    source, folder, out = tmp_path / "in.txt", tmp_path / "in", tmp_path / "out"
    source.write_text("hello")
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.txt").write_text("hello")
    given = replace(config(out), endpoint=EndpointSettings(cache=Path("replies.db")))
    with artifact.writing(out, given, inputs=[source, folder]) as run:
        (run.path / "copy.txt").write_text("hello")
        source.write_text("changed while the run went on")
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["finished"] is True
    assert (manifest["verb"], manifest["seed"]) == ("synth", 7)
    assert manifest["config"].keys() == {field.name for field in fields(SynthConfig)}
    given = {"schema": "schema.json", "out": str(out), "rows": 1000, "seed": 7, "json": False}
    assert manifest["config"].items() >= given.items()
    assert manifest["config"]["endpoint"]["cache"] == "replies.db"
    assert manifest["inputs"] == {str(source): HELLO, str(folder / "deep" / "a.txt"): HELLO}
    assert manifest["outputs"].keys() == {"copy.txt", "summary.json"}
    assert manifest["outputs"]["copy.txt"] == HELLO
    assert manifest["code"]["version"] == __version__
    assert len(manifest["code"]["sha256"]) == 64
    assert "notes" not in manifest
    assert manifest["python"] == ".".join(map(str, sys.version_info[:3]))
    assert manifest["packages"]["numpy"]
    started, ended = (datetime.fromisoformat(manifest[name]) for name in ("started", "ended"))
    assert started <= ended
    assert manifest["started"].endswith("+00:00")


def test_a_package_that_is_not_installed_has_no_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_installed(package: str) -> str:
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", none_installed)
    write_run(tmp_path / "out")
    assert artifact.verify(tmp_path / "out")["packages"] == {}


def test_a_run_without_a_seed_says_so(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with artifact.writing(out, ImportConfig(file=Path("f"), schema=Path("s"), out=out)):
        pass
    assert artifact.verify(out)["seed"] is None


def test_a_run_may_have_notes(tmp_path: Path) -> None:
    with artifact.writing(tmp_path / "out", config(tmp_path)) as run:
        run.notes = {"diversity": {"distinct_1": 0.5}}
    assert artifact.verify(tmp_path / "out")["notes"] == {"diversity": {"distinct_1": 0.5}}


def test_a_list_of_settings_is_a_list_in_the_manifest(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with artifact.writing(out, EvalConfig(data=Path("d"), out=out, fail_under=("exact=0.5",))):
        pass
    manifest = json.loads((out / "manifest.json").read_text())
    assert (manifest["config"]["fail_under"], manifest["config"]["limit"]) == (["exact=0.5"], None)


def test_a_relative_place_is_taken_from_where_the_run_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with artifact.writing(Path("out"), config(Path("out"))):
        monkeypatch.chdir("/")
    assert (tmp_path / "out" / "manifest.json").exists()


def test_a_directory_that_stands_is_refused_before_any_work(tmp_path: Path) -> None:
    write_run(tmp_path / "out")
    with (
        pytest.raises(ConfigError, match="it stands already"),
        artifact.writing(tmp_path / "out", config(tmp_path)),
    ):
        pytest.fail("the run started")
    assert artifact.verify(tmp_path / "out")


def test_a_file_in_the_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with (
        pytest.raises(ConfigError, match="it stands already"),
        artifact.writing(tmp_path / "out", config(tmp_path)),
    ):
        pytest.fail("the run started")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_place_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    out = tmp_path / "file" / "out"
    with (
        pytest.raises(ConfigError, match="file': it cannot be made"),
        artifact.writing(out, config(tmp_path)),
    ):
        pytest.fail("the run started")
    assert names(tmp_path) == {"file"}


def test_an_empty_directory_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_run(tmp_path / "out")
    assert artifact.verify(tmp_path / "out")


def test_an_input_that_does_not_exist_is_refused_by_name(tmp_path: Path) -> None:
    absent = tmp_path / "absent.jsonl"
    with (
        pytest.raises(DataError, match=r"absent\.jsonl.*no such file"),
        artifact.writing(tmp_path / "out", config(tmp_path), inputs=[absent]),
    ):
        pytest.fail("the run started")
    assert names(tmp_path) == set()


def test_an_error_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), artifact.writing(tmp_path / "out", config(tmp_path)) as run:
        (run.path / "half.txt").write_text("half")
        run.keep_on_interrupt = True
        raise ZeroDivisionError
    assert names(tmp_path) == set()


def test_an_interrupt_leaves_nothing_behind_where_nothing_is_worth_keeping(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), artifact.writing(tmp_path / "out", config(tmp_path)):
        raise KeyboardInterrupt
    assert names(tmp_path) == set()


def test_an_interrupt_seals_a_checkpoint_as_unfinished(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), artifact.writing(tmp_path / "out", config(tmp_path)) as run:
        (run.path / "hello.txt").write_text("hello")
        run.keep_on_interrupt = True
        raise KeyboardInterrupt
    assert artifact.verify(tmp_path / "out")["finished"] is False
    assert (tmp_path / "out" / "hello.txt").exists()
    assert names(tmp_path) == {"out"}


def test_a_summary_that_is_not_finite_is_a_bug_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="not JSON compliant"),
        artifact.writing(tmp_path / "out", config(tmp_path)) as run,
    ):
        run.summary = {"loss": float("nan")}
    assert names(tmp_path) == set()


def pid_of_a_dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def leave_partial(tmp_path: Path, owner: str | None) -> Path:
    partial = tmp_path / ".out.partial"
    partial.mkdir()
    (partial / "half.txt").write_text("half")
    if owner is not None:
        (partial / "owner").write_text(owner)
    return partial


def test_what_a_killed_process_left_is_taken_over(tmp_path: Path) -> None:
    leave_partial(tmp_path, f"{pid_of_a_dead_process()} {os.uname().nodename}")
    write_run(tmp_path / "out")
    assert names(tmp_path) == {"out"}
    assert "half.txt" not in names(tmp_path / "out")


def test_what_a_process_left_that_was_killed_at_its_start_is_taken_over(tmp_path: Path) -> None:
    leave_partial(tmp_path, None)
    write_run(tmp_path / "out")
    assert names(tmp_path) == {"out"}


@pytest.mark.parametrize(
    "owner",
    [
        pytest.param(f"{os.getpid()} {os.uname().nodename}", id="alive here"),
        pytest.param(f"1 {os.uname().nodename}", id="alive and perhaps another user's"),
        pytest.param("1234567 another-host", id="on a host we cannot see"),
    ],
)
def test_what_another_process_is_writing_is_left_alone(tmp_path: Path, owner: str) -> None:
    partial = leave_partial(tmp_path, owner)
    with (
        pytest.raises(ConfigError, match="is writing it"),
        artifact.writing(tmp_path / "out", config(tmp_path)),
    ):
        pytest.fail("the run started")
    assert (partial / "half.txt").read_text() == "half"


def test_a_process_of_another_user_counts_as_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    leave_partial(tmp_path, f"99 {os.uname().nodename}")
    with pytest.raises(ConfigError, match="process 99"), artifact.writing(tmp_path / "out", config(tmp_path)):
        pytest.fail("the run started")


def test_a_run_that_nobody_touched_verifies(tmp_path: Path) -> None:
    write_run(tmp_path / "out")
    manifest = artifact.verify(tmp_path / "out")
    assert manifest["finished"] is True


def test_a_changed_file_is_named(tmp_path: Path) -> None:
    write_run(tmp_path / "out")
    (tmp_path / "out" / "deep" / "down.txt").write_text("Down")
    with pytest.raises(DataError, match=r"out/deep/down\.txt = .* its manifest says [0-9a-f]{64}"):
        artifact.verify(tmp_path / "out")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write_run(tmp_path / "out")
    (tmp_path / "out" / "hello.txt").unlink()
    with pytest.raises(DataError, match=rf"out/hello\.txt = 'missing': its manifest says {HELLO}"):
        artifact.verify(tmp_path / "out")


def test_an_added_file_is_named(tmp_path: Path) -> None:
    write_run(tmp_path / "out")
    (tmp_path / "out" / "more.safetensors").write_text("weights")
    with pytest.raises(DataError, match=r"out/more\.safetensors = .*there is no such file"):
        artifact.verify(tmp_path / "out")


@pytest.mark.parametrize("content", [None, "not json"], ids=["absent", "broken"])
def test_a_directory_without_a_manifest_is_not_sealed(tmp_path: Path, content: str | None) -> None:
    if content:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(DataError, match=r"manifest\.json = .*a sealed directory has one"):
        artifact.verify(tmp_path)


class Fault(Exception):
    """What no part of adhere raises: a bug, or a full disk."""


def attempt(tmp_path: Path, given: SynthConfig, end: BaseException | None = None) -> str | None:
    """Append a line in a run that can be resumed; return what it found, or `None` where it began anew."""
    with artifact.resuming(tmp_path / "out", given, inputs=[tmp_path / "in.txt"]) as run:
        lines = run.path / "lines.txt"
        found = lines.read_text() if run.resumed else None
        with lines.open("a") as file:
            file.write("line\n")
        if end is not None:
            raise end
    return found


@pytest.fixture
def given(tmp_path: Path) -> SynthConfig:
    (tmp_path / "in.txt").write_text("hello")
    return config(tmp_path / "out")


def test_what_an_interrupt_left_is_gone_on_from(tmp_path: Path, given: SynthConfig) -> None:
    with pytest.raises(KeyboardInterrupt) as stop:
        attempt(tmp_path, given, KeyboardInterrupt())
    assert stop.value.__notes__ == ["Run the same command again, and it goes on from what was saved."]
    assert names(tmp_path / ".out.partial") == {"lines.txt", "manifest.json"}
    begun = json.loads((tmp_path / ".out.partial" / "manifest.json").read_text())
    assert attempt(tmp_path, given) == "line\n"
    manifest = artifact.verify(tmp_path / "out")
    assert (begun["finished"], manifest["finished"]) == (False, True)
    assert manifest["started"] == begun["started"]
    assert names(tmp_path / "out") == {"lines.txt", "summary.json", "manifest.json"}
    assert names(tmp_path) == {"in.txt", "out"}


def test_a_fault_leaves_what_there_is(tmp_path: Path, given: SynthConfig) -> None:
    with pytest.raises(Fault):
        attempt(tmp_path, given, Fault())
    assert attempt(tmp_path, given) == "line\n"


def test_an_error_of_the_user_leaves_nothing(tmp_path: Path, given: SynthConfig) -> None:
    with pytest.raises(DataError):
        attempt(tmp_path, given, DataError("too few values"))
    assert names(tmp_path) == {"in.txt"}


def test_an_error_after_which_more_can_be_done_leaves_what_there_is(
    tmp_path: Path, given: SynthConfig
) -> None:
    with pytest.raises(DataError), artifact.resuming(tmp_path / "out", given) as run:
        (run.path / "paid.txt").write_text("paid for")
        run.keep_on_error = True
        raise DataError("the server is gone")
    with artifact.resuming(tmp_path / "out", given) as run:
        assert (run.path / "paid.txt").read_text() == "paid for"


def test_an_interrupt_before_any_work_leaves_nothing(tmp_path: Path, given: SynthConfig) -> None:
    with pytest.raises(KeyboardInterrupt) as stop, artifact.resuming(tmp_path / "out", given):
        raise KeyboardInterrupt
    assert not hasattr(stop.value, "__notes__")
    assert names(tmp_path) == {"in.txt"}


def other_input(tmp_path: Path, given: SynthConfig) -> SynthConfig:
    (tmp_path / "in.txt").write_text("Hello")
    return given


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda _, given: replace(given, seed=8), id="another setting"),
        pytest.param(
            lambda _, given: replace(given, endpoint=EndpointSettings(temperature=1.0)), id="a setting within"
        ),
        pytest.param(other_input, id="another input"),
    ],
)
def test_what_is_left_of_something_else_is_removed(
    tmp_path: Path, given: SynthConfig, other: Callable[[Path, SynthConfig], SynthConfig]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        attempt(tmp_path, given, KeyboardInterrupt())
    assert attempt(tmp_path, other(tmp_path, given)) is None
    assert (tmp_path / "out" / "lines.txt").read_text() == "line\n"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"workers": 4}, id="workers"),
        pytest.param({"json": True}, id="how the summary is printed"),
        pytest.param({"endpoint": EndpointSettings(budget=10, concurrency=2)}, id="how a server is asked"),
    ],
)
def test_settings_that_change_nothing_of_what_is_made_may_change(
    tmp_path: Path, given: SynthConfig, change: dict[str, object]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        attempt(tmp_path, given, KeyboardInterrupt())
    assert attempt(tmp_path, replace(given, **change)) == "line\n"


def test_a_run_that_cannot_be_resumed_takes_over_nothing(tmp_path: Path, given: SynthConfig) -> None:
    with pytest.raises(KeyboardInterrupt):
        attempt(tmp_path, given, KeyboardInterrupt())
    with artifact.writing(tmp_path / "out", given) as run:
        assert not run.resumed
    assert names(tmp_path / "out") == {"summary.json", "manifest.json"}


def test_a_run_killed_between_its_seal_and_its_place_is_whole(tmp_path: Path, given: SynthConfig) -> None:
    attempt(tmp_path, given)
    (tmp_path / "out").rename(tmp_path / ".out.partial")
    assert attempt(tmp_path, given) == "line\n"
    assert artifact.verify(tmp_path / "out")["finished"] is True


def test_a_run_that_another_process_resumes_is_left_alone(tmp_path: Path, given: SynthConfig) -> None:
    with pytest.raises(KeyboardInterrupt):
        attempt(tmp_path, given, KeyboardInterrupt())
    (tmp_path / ".out.partial" / "owner").write_text(f"{os.getpid()} {os.uname().nodename}")
    with pytest.raises(ConfigError, match="is writing it"):
        attempt(tmp_path, given)
    assert (tmp_path / ".out.partial" / "lines.txt").read_text() == "line\n"


def sealed_unfinished(tmp_path: Path, given: SynthConfig, end: BaseException | None = None) -> None:
    """Leave a run that had something to show when it was cut short."""
    with (
        pytest.raises((KeyboardInterrupt, TrainingStopped)),
        artifact.resuming(tmp_path / "out", given, inputs=[tmp_path / "in.txt"], scratch="aside") as run,
    ):
        (run.path / "lines.txt").write_text("line\n")
        (run.path / "aside").mkdir()
        (run.path / "aside" / "moments").write_text("1 2 3")
        run.keep_on_interrupt = run.keep_on_error = True
        raise end or KeyboardInterrupt


@pytest.mark.parametrize("end", [KeyboardInterrupt(), TrainingStopped("nothing", {})], ids=["Ctrl-C", "stop"])
def test_what_was_sealed_as_unfinished_is_gone_on_from(
    tmp_path: Path, given: SynthConfig, end: BaseException
) -> None:
    sealed_unfinished(tmp_path, given, end)
    begun = artifact.verify(tmp_path / "out")
    assert begun["finished"] is False
    assert names(tmp_path / "out") == {"lines.txt", "aside", "summary.json", "manifest.json"}
    assert attempt(tmp_path, given) == "line\n"
    manifest = artifact.verify(tmp_path / "out")
    assert (manifest["finished"], manifest["started"]) == (True, begun["started"])
    assert (tmp_path / "out" / "lines.txt").read_text() == "line\nline\n"
    assert names(tmp_path) == {"in.txt", "out"}


def test_what_was_sealed_as_unfinished_of_another_run_is_never_overwritten(
    tmp_path: Path, given: SynthConfig
) -> None:
    sealed_unfinished(tmp_path, given)
    with pytest.raises(ConfigError, match=r"an unfinished run, which differs in config\.seed, seed\. Ask"):
        attempt(tmp_path, replace(given, seed=8))
    assert artifact.verify(tmp_path / "out")["finished"] is False
    with pytest.raises(ConfigError, match="it stands already"), artifact.writing(tmp_path / "out", given):
        pytest.fail("the run started")


def test_what_a_killed_process_left_of_another_run_is_refused_where_work_would_be_lost(
    tmp_path: Path, given: SynthConfig
) -> None:
    sealed_unfinished(tmp_path, given)
    (tmp_path / "out").rename(tmp_path / ".out.partial")
    with (
        pytest.raises(ConfigError, match=r"\.out\.partial holds an unfinished run, which differs in"),
        artifact.resuming(tmp_path / "out", replace(given, seed=8), scratch="aside"),
    ):
        pytest.fail("the run started")
    assert (tmp_path / ".out.partial" / "aside" / "moments").read_text() == "1 2 3"


def test_a_finished_directory_is_never_gone_on_from(tmp_path: Path, given: SynthConfig) -> None:
    attempt(tmp_path, given)
    with pytest.raises(ConfigError, match="it stands already"):
        attempt(tmp_path, given)


def test_what_only_the_next_attempt_needs_is_gone_from_a_finished_directory(
    tmp_path: Path, given: SynthConfig
) -> None:
    sealed_unfinished(tmp_path, given)
    inputs = [tmp_path / "in.txt"]
    with artifact.resuming(tmp_path / "out", given, inputs=inputs, scratch="aside") as run:
        assert (run.path / "aside" / "moments").read_text() == "1 2 3"
    artifact.verify(tmp_path / "out")
    assert names(tmp_path / "out") == {"lines.txt", "summary.json", "manifest.json"}


def test_a_run_killed_after_its_end_still_has_its_summary(tmp_path: Path, given: SynthConfig) -> None:
    with artifact.resuming(tmp_path / "out", given) as run:
        run.summary, run.notes = {"rows": 3}, {"leaks": 0}
    sealed = artifact.verify(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / ".out.partial")
    # Killed twice: the second time as soon as it began.
    with pytest.raises(KeyboardInterrupt), artifact.resuming(tmp_path / "out", given):
        raise KeyboardInterrupt
    with artifact.resuming(tmp_path / "out", given) as run:
        assert (run.summary, run.notes) == ({"rows": 3}, {"leaks": 0})
    assert (
        artifact.verify(tmp_path / "out").items() >= {"notes": {"leaks": 0}, **sealed, "ended": ANY}.items()
    )


def test_of_many_processes_that_begin_at_once_one_writes(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from adhere import artifact\n"
        "from adhere.config import SynthConfig; from adhere.errors import ConfigError\n"
        "out = Path(sys.argv[1]); sys.stdin.readline()\n"
        "try:\n"
        "    with artifact.resuming(out, SynthConfig(schema=Path('s'), out=out)) as run:\n"
        "        (run.path / 'mine').touch(); time.sleep(0.5)\n"
        "except ConfigError: sys.exit(2)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "out")]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    assert sorted(process.wait(60) for process in processes) == [0, 2, 2, 2]


def test_a_process_that_has_the_number_of_a_dead_one_is_not_taken_for_it(tmp_path: Path) -> None:
    leave_partial(tmp_path, f"{os.getpid()} {os.uname().nodename} 1")
    write_run(tmp_path / "out")
    assert names(tmp_path) == {"out"}


def test_a_dead_process_that_nobody_buried_is_dead(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read()
        while Path(f"/proc/{process.pid}/stat").read_text().split()[2] != "Z":
            time.sleep(0.01)
        leave_partial(tmp_path, f"{process.pid} {os.uname().nodename} 12345")
        write_run(tmp_path / "out")


def test_the_owner_that_is_written_down_is_the_one_that_is_refused(tmp_path: Path) -> None:
    with artifact.writing(tmp_path / "out", config(tmp_path)) as run:
        with (
            pytest.raises(ConfigError, match=rf"process {os.getpid()} .*remove \S+/owner if"),
            artifact.writing(tmp_path / "out", config(tmp_path)),
        ):
            pytest.fail("the run started")
        (run.path / "hello.txt").write_text("hello")
    assert names(tmp_path) == {"out"}


def sealed(out: Path, config: SynthConfig, source: Path) -> None:
    with artifact.writing(out, config, inputs=[source]) as run:
        run.summary = {"rows": 3}


def test_a_run_of_these_settings_that_has_ended_is_found_however_it_was_done(tmp_path: Path) -> None:
    source, out = tmp_path / "in.txt", tmp_path / "out"
    source.write_text("hello")
    assert artifact.ended(out, config(out)) is None
    sealed(out, config(out), source)
    assert artifact.ended(out, config(out)) == {"rows": 3}
    assert artifact.ended(out, replace(config(out), workers=4, json=True)) == {"rows": 3}


@pytest.mark.parametrize(
    ("summary", "found"),
    [
        pytest.param({"steps": 3}, {"steps": 3}, id="one that ended itself has a summary"),
        pytest.param({}, None, id="one that was cut short has none"),
    ],
)
def test_a_run_that_is_unfinished_may_have_ended(
    summary: dict[str, JSON], found: dict[str, JSON] | None, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(TrainingStopped), artifact.resuming(out, config(out)) as run:
        (run.path / "weights").write_text("so far")
        run.summary, run.keep_on_interrupt, run.keep_on_error = summary, True, True
        raise TrainingStopped("nothing was learned.", summary)
    assert artifact.ended(out, config(out)) == found


def test_another_run_is_refused_by_what_differs(tmp_path: Path) -> None:
    source, out = tmp_path / "in.txt", tmp_path / "out"
    source.write_text("hello")
    sealed(out, config(out), source)
    other = replace(config(out), seed=8, rows=5)
    with pytest.raises(
        ConfigError, match=r"another run stands there, which differs in config\.rows, config\.se"
    ):
        artifact.ended(out, other)
    with pytest.raises(ConfigError, match=r"differs in .*verb"):
        artifact.ended(out, ImportConfig(file=source, out=out))


@pytest.mark.parametrize("change", [lambda file: file.unlink(), lambda file: file.write_text("other")])
def test_a_run_whose_inputs_have_changed_is_refused_where_they_are_looked_at(
    change: Callable[[Path], object], tmp_path: Path
) -> None:
    source, out = tmp_path / "in.txt", tmp_path / "out"
    source.write_text("hello")
    sealed(out, config(out), source)
    change(source)
    assert artifact.ended(out, config(out), look_at_inputs=False) == {"rows": 3}
    with pytest.raises(ConfigError, match=r"differs in inputs\..*in\.txt"):
        artifact.ended(out, config(out))
