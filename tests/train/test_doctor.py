"""Whether a run would learn: the diagnosis, its facts, the logs it reads, and the run that it ends."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere import artifact, prompt
from adhere.cli import main
from adhere.config import DoctorConfig, Form, GrpoConfig, GrpoSettings
from adhere.data import store
from adhere.data.store import Dataset
from adhere.errors import ConfigError, DataError
from adhere.flags import parse
from adhere.measure.statistics import Rate
from adhere.model import Model, load, save
from adhere.prompt import Rendered
from adhere.records import Example
from adhere.reward import loading
from adhere.reward.verdict import judge
from adhere.schema import Schema
from adhere.train import examine as examining
from adhere.train import facts, grpo
from adhere.train.advantage import group_advantages
from adhere.train.beginnings import of_rows
from adhere.train.causes import expected_informative
from adhere.train.doctor import LEARNS, diagnose
from adhere.train.facts import Answers, Facts, Prompts
from adhere.train.forward import answer_logprobs
from adhere.train.optimizer import adamw, update
from adhere.train.pack import packs
from adhere.train.recorded import recorded
from adhere.train.trial import Group, Trial, fault

SCHEMA = Schema.of(
    {"title": "S", "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
)
EXAMPLES = tuple(
    Example(id=word, text=f"One {word}.", schema="S", target={"a": word})
    for word in ("mug", "pot", "jar", "cup")
)
RECORDED = Path(__file__).with_name("thinking_cut.jsonl")
PLAIN, THINK = GrpoSettings(), GrpoSettings(form="think")
DOCUMENT = Path(__file__).parents[2] / "docs" / "doctor.md"


def trial(text: str, reward: float, *, form: Form = "plain", finished: bool = True) -> Trial:
    return Trial(
        text=text, verdict=judge(text, SCHEMA, form=form), reward=reward, finished=finished, tokens=len(text)
    )


def cut(text: str, reward: float = 0.0, *, form: Form = "plain") -> Trial:
    return trial(text, reward, form=form, finished=False)


RIGHT, WRONG, BROKEN = trial('{"a":"mug"}', 1.0), trial('{"b":1}', 0.1), trial('{"a":mug}', 0.0)
LOW, OTHER = replace(RIGHT, reward=0.3), trial('{"a":"pot"}', 0.3)
FENCED = trial('```json\n{"a":"mug"}\n```', 0.0)


def all_of(*written: Trial, groups: int = 16) -> list[Group]:
    """The same completions for every prompt, each text a little longer than the one before."""
    return [written] * groups


def some_of(count: int, differing: Group, same: Group, *, groups: int = 16) -> list[Group]:
    return [differing] * count + [same] * (groups - count)


# What is wrong with the form of a completion.


@pytest.mark.parametrize(
    ("written", "form", "expected"),
    [
        pytest.param(RIGHT, "plain", None, id="right"),
        pytest.param(cut('{"a":"mug"}   '), "plain", None, id="cut off after a right answer"),
        pytest.param(WRONG, "plain", "breaks the schema", id="a key is missing"),
        pytest.param(BROKEN, "plain", "broken JSON", id="no quotation marks"),
        pytest.param(trial("A mug.", 0), "plain", "no JSON", id="prose alone"),
        pytest.param(FENCED, "plain", "code fence", id="a fence"),
        pytest.param(trial("```json\n{'a'}\n```", 0), "plain", "code fence", id="a fence around no JSON"),
        pytest.param(trial('Here: {"a":"mug"}', 0), "plain", "prose around", id="prose before"),
        pytest.param(trial('{"a":"mug"} That is it.', 0), "plain", "prose around", id="prose after"),
        pytest.param(
            cut('{"a":"mug"}\n{"a":"mug"}\n{"a"'), "plain", "runs on", id="one answer after another"
        ),
        pytest.param(cut('```json\n{"a":"mug"}\n```\nSo'), "plain", "code fence", id="a fence, and on"),
        pytest.param(cut('{"a":"mu'), "plain", "answer truncated", id="cut off in a value"),
        pytest.param(cut("The answer is"), "plain", "answer truncated", id="cut off in prose"),
        pytest.param(cut('```json\n{"a":'), "plain", "answer truncated", id="cut off in a fence"),
        pytest.param(cut("<think>Let me"), "plain", "thinking truncated", id="cut off in a thought"),
        pytest.param(
            trial('<think>So.</think>{"a":"mug"}', 0), "plain", "thinking left on", id="thinks first"
        ),
        pytest.param(trial("<think>So.", 0), "plain", "thinking left on", id="ends within its thought"),
        pytest.param(trial('So.</think>{"a":"mug"}', 0), "plain", "thinking left on", id="prompt opened it"),
        pytest.param(
            trial('<answer>{"a":"mug"}</answer>', 0), "plain", "answer tags", id="tags that nobody wants"
        ),
        pytest.param(trial("<answer>mug", 0), "plain", "answer tags", id="a tag that nobody wants"),
        pytest.param(
            cut("<think>Let me", form="think"), "think", "thinking truncated", id="cut off, form think"
        ),
        pytest.param(
            cut("<think>So.</think>\n<answer>{", form="think"),
            "think",
            "answer truncated",
            id="cut in its answer",
        ),
        pytest.param(
            trial("<think>So.</think>", 0, form="think"), "think", "no JSON", id="no answer after it"
        ),
        pytest.param(
            trial('<think></think><answer>{"a":"b"}</answer>', 1, form="think"),
            "think",
            None,
            id="right, think",
        ),
    ],
)
def test_the_fault_of_a_completion_is_its_root(written: Trial, form: Form, expected: str | None) -> None:
    assert fault(written, form) == expected


# The causes, one row each: what was sampled, and the first cause, with what to change.

LABELLED = Answers(tokens=(9, 9), stated=None, unstated=(), reward=1.0, reward_of_nothing=0.0)
SFT_THINK = (
    "adhere reason DATA --out reasoned; adhere sft --model nano --data reasoned --form think --out warm; "
    'then model = "warm/checkpoint"'
)
SFT = 'adhere sft --model nano --data DATA --out warm; then model = "warm/checkpoint"'


def probed(limit: int, of_two: int, of_four: int, tries: int = 10) -> Facts:
    return Facts(ended={2 * limit: Rate(of_two, tries), 4 * limit: Rate(of_four, tries)})


CAUSES = [
    pytest.param(
        all_of(cut("<think>Let me", form="think")),
        THINK,
        probed(256, 9, 10),
        ("thinking truncated", "max_new_tokens = 512"),
        id="thinking that ends within twice the limit",
    ),
    pytest.param(
        all_of(cut("<think>Let me", form="think")),
        THINK,
        probed(256, 7, 8),
        ("thinking truncated", "max_new_tokens = 1024"),
        id="7 of 10 at twice the limit are under 75 %, 8 of 10 at four times are not",
    ),
    pytest.param(
        all_of(cut("<think>Let me", form="think")),
        THINK,
        probed(256, 0, 1),
        ("thinking truncated", SFT_THINK),
        id="thinking that does not end",
    ),
    pytest.param(
        all_of(cut("<think>Let me")),
        PLAIN,
        probed(256, 0, 1),
        ("thinking truncated", SFT),
        id="thinking that does not end, and that nobody asked for",
    ),
    pytest.param(
        all_of(cut("<think>Let me")),
        PLAIN,
        probed(256, 9, 10),
        ("thinking truncated", 'form = "think" and max_new_tokens = 512; or a model that does not think'),
        id="thinking that nobody asked for",
    ),
    pytest.param(
        all_of(trial('<think>So.</think>{"a":"mug"}', 0)),
        PLAIN,
        Facts(),
        ("thinking left on", 'form = "think"'),
        id="thinking to its end in the form plain",
    ),
    pytest.param(
        all_of(cut('{"a":"mu')),
        PLAIN,
        Facts(),
        ("answer truncated", "max_new_tokens = 16"),
        id="cut off at 8 tokens, nothing else known: twice as many",
    ),
    pytest.param(
        all_of(RIGHT, WRONG),
        PLAIN,
        Facts(answers=replace(LABELLED, tokens=(9,) * 19 + (600,))),
        ("answer truncated", "max_new_tokens = 900"),
        id="1 of 20 right answers takes 600 tokens: half as much again",
    ),
    pytest.param(
        all_of(cut('{"a":"mu')),
        PLAIN,
        probed(8, 0, 1),
        ("never ends", SFT),
        id="cut off at every limit",
    ),
    pytest.param(
        all_of(cut('{"a":"mug"}\n{"a":"mug"}')),
        PLAIN,
        Facts(),
        ("never ends", SFT),
        id="one answer after another",
    ),
    pytest.param(all_of(FENCED), PLAIN, Facts(), ("code fence", 'prefill = "{"'), id="fences"),
    pytest.param(
        all_of(FENCED), PLAIN, Facts(opening="["), ("code fence", 'prefill = "["'), id="fences around a list"
    ),
    pytest.param(
        all_of(FENCED),
        PLAIN,
        Facts(opening="", labelled=False),
        ("code fence", f"adhere synth --schema SCHEMA --out made; {SFT.replace('DATA', 'made')}"),
        id="fences, and answers that begin in several ways",
    ),
    pytest.param(
        all_of(trial('{"a":"mug"} Done.', 0)),
        PLAIN,
        Facts(),
        ("prose around", SFT),
        id="words after the answer, which no prefill prevents",
    ),
    pytest.param(
        all_of(trial('<answer>{"a":"mug"}</answer>', 0)),
        PLAIN,
        Facts(),
        ("answer tags", 'form = "think"'),
        id="answers in tags",
    ),
    pytest.param(all_of(trial("A mug.", 0)), PLAIN, Facts(), ("nothing parses", SFT), id="prose"),
    pytest.param(
        all_of(trial("<think>So.</think>", 0, form="think")),
        THINK,
        Facts(),
        ("nothing parses", SFT_THINK),
        id="no tags after the thought",
    ),
    pytest.param(
        all_of(WRONG),
        GrpoSettings(reward="schema"),
        Facts(),
        ("schema never obeyed", 'reward = "fields"'),
        id="JSON of another schema, under a reward that has one price for it",
    ),
    pytest.param(
        all_of(WRONG),
        GrpoSettings(reward="schema"),
        Facts(labelled=False),
        ("schema never obeyed", 'reward = "grounded"'),
        id="the same without labels",
    ),
    pytest.param(
        all_of(replace(RIGHT, reward=0.5), replace(WRONG, reward=0.5)),
        GrpoSettings(reward="mine.py:f"),
        Facts(),
        (
            "reward constant",
            "Mend the reward mine.py:f: an answer that obeys must earn more than one that does not",
        ),
        id="a reward that does not look",
    ),
    pytest.param(
        all_of(RIGHT, WRONG),
        GrpoSettings(reward="mine.py:f"),
        Facts(answers=replace(LABELLED, reward=0.5, reward_of_nothing=0.5)),
        ("reward constant", "Mend the reward mine.py:f: a right answer must earn more than none"),
        id="a reward that pays nothing for being right",
    ),
    pytest.param(
        all_of(replace(RIGHT, reward=0.5), trial('{"a":"pot"}', 0.5)),
        GrpoSettings(reward="mine.py:f"),
        Facts(),
        ("reward constant", "Let the reward mine.py:f pay for parts of an answer"),
        id="all obey and earn the same",
    ),
    pytest.param(
        all_of(LOW, OTHER),
        PLAIN,
        Facts(),
        ("reward constant", SFT),
        id="all obey and earn the same, though the reward looks at every leaf",
    ),
    pytest.param(
        all_of(RIGHT, RIGHT),
        PLAIN,
        Facts(),
        ("already solved", "Train on harder rows, or measure with `adhere eval` and be done"),
        id="full marks",
    ),
    pytest.param(
        all_of(replace(RIGHT, reward=0.3)),
        GrpoSettings(temperature=0.2),
        Facts(),
        ("temperature too low", "temperature = 1"),
        id="all the same text, cold",
    ),
    pytest.param(
        all_of(replace(RIGHT, reward=0.3)),
        PLAIN,
        Facts(),
        ("temperature too low", "temperature = 1.5"),
        id="all the same text, though not cold",
    ),
    pytest.param(
        # 2 of 64 completions, 1 in 32. Of groups of 16, 1 − (31/32)¹⁶ = 40 % would differ; of 32, 64 %.
        some_of(2, (RIGHT, LOW, LOW, OTHER), (LOW, LOW, LOW, OTHER)),
        PLAIN,
        Facts(),
        ("group too small", "group_size = 32"),
        id="rare success",
    ),
    pytest.param(
        # 2 of 50 completions. Of groups of 12, 1 − 0.96¹² = 39 % would differ; of 24, 62 %.
        [*all_of(LOW, OTHER, LOW), (RIGHT, WRONG)],
        GrpoSettings(reward="schema"),
        Facts(labelled=False),
        ("group too small", "group_size = 24"),
        id="rare success comes before a coarse reward",
    ),
    pytest.param(
        some_of(2, (RIGHT, BROKEN), (RIGHT, trial('{"a":"pot"}', 1.0)), groups=9)
        + some_of(0, (), (WRONG, trial('{"b":2}', 0.1)), groups=10),
        GrpoSettings(reward="schema"),
        Facts(),
        ("reward too coarse", 'reward = "fields"'),
        id="answers differ and earn the same",
    ),
    pytest.param(
        some_of(2, (RIGHT, BROKEN), (RIGHT, trial('{"a":"pot"}', 1.0)), groups=9)
        + some_of(0, (), (WRONG, trial('{"b":2}', 0.1)), groups=10),
        PLAIN,
        Facts(),
        ("rows too easy or too hard", "group_size = 4"),
        id="some rows always, others never",
    ),
    pytest.param(
        all_of(RIGHT, WRONG),
        GrpoSettings(reward="thinkjson"),
        Facts(),
        ("form does not fit the reward", 'form = "think"'),
        id="tags paid for and not asked for",
    ),
    pytest.param(
        all_of(RIGHT, WRONG),
        PLAIN,
        Facts(
            prompts=Prompts(
                count=16, lacking={"schema": 16, "text": 16}, opens_thinking=False, can_switch_thinking=False
            )
        ),
        (
            "prompt lacks the schema and the text",
            "Mend the tokenizer's chat_template: it must write the system message and the user's",
        ),
        id="a chat template that drops messages",
    ),
    pytest.param(
        all_of(RIGHT, WRONG),
        PLAIN,
        Facts(answers=replace(LABELLED, stated=Rate(74, 100), unstated=("row 1 /a = 'x'",))),
        (
            "targets not in the text",
            "Mend the targets, or import the column that states them with --text-column",
        ),
        id="74 of 100 values in the text",
    ),
    pytest.param(
        all_of(RIGHT, WRONG),
        PLAIN,
        Facts(trl="0.19.0"),
        ("trainer version", "pip install --upgrade trl"),
        id="TRL",
    ),
]


@pytest.mark.parametrize(("groups", "config", "known", "expected"), CAUSES)
def test_the_first_cause_is_named_with_what_to_change(
    groups: list[Group], config: GrpoSettings, known: Facts, expected: tuple[str, str]
) -> None:
    first = diagnose(groups, config, known).causes[0]
    assert (first.name, first.fix) == expected


def test_every_cause_stands_in_the_document_and_the_other_way_round() -> None:
    train = Path(str(examining.__file__)).parent
    source = "".join(
        (train / f"{name}.py").read_text(encoding="utf-8")
        for name in ("examine", "causes", "watch", "decline")
    )
    named = set(re.findall(r'\bCause\(\s*f?"([^"{]+?) ?[{"]', source)) | {"code fence", "prose around"}
    table = DOCUMENT.read_text(encoding="utf-8").partition("## Causes")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)) == {
        name if name != "prompt lacks" else "prompt lacks …" for name in named
    }


def test_healthy_groups_have_no_cause() -> None:
    report = diagnose(
        all_of(RIGHT, WRONG, BROKEN), PLAIN, Facts(answers=replace(LABELLED, stated=Rate(75, 100)))
    )
    assert (report.verdict, report.causes) == ("ready", ())


@pytest.mark.parametrize(
    ("share", "named"),
    [
        pytest.param(3, (), id="3 of 16 is under a quarter"),
        pytest.param(4, ("code fence",), id="4 of 16 is a quarter"),
    ],
)
def test_a_fault_is_named_from_a_quarter_of_the_completions_even_where_there_is_signal(
    share: int, named: tuple[str, ...]
) -> None:
    group = (*[FENCED] * share, *[RIGHT] * (16 - share))
    report = diagnose(all_of(*group), PLAIN, Facts())
    assert report.verdict == "ready"
    assert tuple(cause.name for cause in report.causes) == named


@pytest.mark.parametrize(
    ("informative", "same", "expected"),
    [
        pytest.param(0, BROKEN, "no signal", id="0 of 20"),
        pytest.param(1, BROKEN, "weak", id="1 of 20 is 5 %"),
        pytest.param(4, BROKEN, "weak", id="4 of 20 is 20 %"),
        pytest.param(5, BROKEN, "ready", id="5 of 20 is 25 %"),
        pytest.param(0, RIGHT, "already solved", id="all earn full marks"),
        pytest.param(4, RIGHT, "already solved", id="16 of 20 earn full marks"),
        pytest.param(5, RIGHT, "ready", id="15 of 20 earn full marks, and a quarter differ"),
    ],
)
def test_the_verdict_goes_by_the_share_of_groups_that_differ(
    informative: int, same: Trial, expected: str
) -> None:
    groups = some_of(informative, (WRONG, BROKEN), (same, same), groups=20)
    assert diagnose(groups, PLAIN, Facts()).verdict == expected


def test_full_marks_are_what_right_answers_earn() -> None:
    # Right answers earn 0.5 and nothing 0.1: full marks begin at 0.1 + 0.98 · 0.4 = 0.492.
    known = Facts(answers=replace(LABELLED, reward=0.5, reward_of_nothing=0.1))
    for earned, verdict in ((0.493, "already solved"), (0.491, "no signal")):
        assert diagnose(all_of(replace(RIGHT, reward=earned)), PLAIN, known).verdict == verdict


def test_the_cause_that_leads_to_others_comes_first() -> None:
    thinking = cut("<think>Let me")
    report = diagnose(all_of(thinking, thinking, trial("A mug.", 0), trial("A pot.", 0)), PLAIN, Facts())
    assert [cause.name for cause in report.causes] == ["thinking truncated", "nothing parses"]


def test_a_rubric_asks_for_no_json() -> None:
    report = diagnose(all_of(trial("Good.", 0.7), trial("Bad.", 0.2)), GrpoSettings(reward="rubric"), Facts())
    assert (report.verdict, report.causes) == ("ready", ())


PROSE = Schema.of({"type": "string"}, name="prose")
TOLD = Example(
    id="p",
    text="Mug.",
    schema="prose",
    target="A mug, it says.",
    meta={"instruction": "Sum up.", "rubric": [{"aspect": "accuracy", "check": "contains", "value": "mug"}]},
)


def test_free_text_has_no_fault_of_form_but_being_cut_off() -> None:
    ended = Trial(
        text="A {mug", verdict=judge("A {mug", PROSE, form="prose"), reward=0, finished=True, tokens=3
    )
    assert fault(ended, "prose") is None
    assert fault(replace(ended, finished=False), "prose") == "answer truncated"


def test_under_prose_a_prompt_shows_the_row_s_instruction_and_answers_need_not_stand_in_the_text(
    model: Model,
) -> None:
    whole = model.tokenizer.decode(prompt.prompt(TOLD, PROSE, model.tokenizer, form="prose"))
    for read, lacking in ((whole, {}), (whole.replace("Sum up.", ""), {"instruction": 1})):
        seen = facts.prompts([read], [TOLD], {"prose": PROSE}, model.tokenizer, form="prose")
        assert dict(seen.lacking) == lacking
    reward = loading.load("rubric", form="prose")
    found = facts.answers([TOLD], {"prose": PROSE}, reward, None, form="prose", longest=60)
    assert found is not None
    assert (found.stated, found.reward, found.reward_of_nothing) == (None, 1.0, 0.0)


def test_the_template_that_thinks_is_named() -> None:
    seen = Prompts(count=1, lacking={}, opens_thinking=True, can_switch_thinking=False)
    thinks = all_of(trial('<think>So.</think>{"a":"mug"}', 0))
    for prompts, expected in (
        (seen, "the chat template itself writes <think>"),
        (replace(seen, opens_thinking=False), "the chat template has no enable_thinking to switch off"),
    ):
        assert diagnose(thinks, PLAIN, Facts(prompts=prompts)).causes[0].why.endswith(expected)


def test_rarer_than_any_group_is_worth_is_for_sft() -> None:
    once = [(WRONG, *[BROKEN] * 7), *[(BROKEN,) * 8] * 30]
    # 1 of 248: of groups of 64, 1 − (247/248)⁶⁴ = 23 % would differ.
    causes = [cause for cause in diagnose(once, PLAIN, Facts()).causes if cause.name == "group too small"]
    assert [cause.fix for cause in causes] == [SFT]


@pytest.mark.parametrize(
    ("chance", "size", "expected"),
    [(0.5, 2, 0.5), (0.1, 8, 1 - 0.9**8 - 0.1**8), (0.0, 8, 0.0), (1.0, 8, 0.0)],
)
def test_how_many_groups_differ_by_chance(chance: float, size: int, expected: float) -> None:
    assert expected_informative(chance, size) == pytest.approx(expected)


TRIALS = st.builds(
    trial,
    st.text(max_size=20),
    st.floats(0, 1),
    form=st.sampled_from(["plain", "think"]),
    finished=st.booleans(),
)


@given(st.lists(st.lists(TRIALS, min_size=2, max_size=4).map(tuple), min_size=1, max_size=6))
def test_any_groups_have_a_report_that_says_why_where_they_do_not_teach(groups: list[Group]) -> None:
    report = diagnose(groups, PLAIN, Facts())
    taught = [any(group_advantages([each.reward for each in group])) for group in groups]
    assert report.informative == Rate(sum(taught), len(groups))
    assert report.causes or report.verdict == "ready"
    assert "\n" not in report.line
    told = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert {"groups", "informative", "verdict", "causes", "outcomes", "reward", "length"} <= told.keys()


# Facts: what is known before a model is asked.


def test_targets_are_looked_up_in_their_texts() -> None:
    kind = {"type": "string", "enum": ["urgent", "later"]}
    numbered = {"type": "object", "properties": {"a": {"type": "string"}, "n": {"type": "number"}, "k": kind}}
    schema = Schema.of({"title": "S", **numbered})
    rows = [
        Example(
            id="1", text="Two mugs for 12.50.", schema="S", target={"a": "mugs", "n": 12.5, "k": "later"}
        ),
        Example(id="2", text="pot", schema="S", target={"a": "pot", "n": 7, "k": "urgent"}),
        Example(id="3", text="A jar.", schema="S"),
    ]
    reward = loading.load("grounded")
    found = facts.answers(rows, {"S": schema}, reward, None, form="plain", longest=60)
    assert found is not None
    # Both names and 12.5, not 7; the kind is a choice and need not be written. The third row has no target.
    assert (found.stated, found.unstated) == (Rate(3, 4), ("row 2 /n = 7",))
    assert found.reward_of_nothing == 0.0
    assert facts.answers(rows[2:], {"S": schema}, reward, None, form="plain", longest=60) is None


def test_a_prompt_must_show_the_instruction_the_schema_and_the_text(model: Model) -> None:
    whole = model.tokenizer.decode(prompt.prompt(EXAMPLES[0], SCHEMA, model.tokenizer))
    for read, lacking in (
        (whole, {}),
        (whole.upper().replace(" ", "\n"), {}),
        (whole.replace(SCHEMA.blank, ""), {"schema": 1}),
        ("<|im_start|>assistant\n", {"instruction": 1, "schema": 1, "text": 1}),
    ):
        seen = facts.prompts([read], EXAMPLES[:1], {"S": SCHEMA}, model.tokenizer, form="plain")
        assert (seen.count, dict(seen.lacking)) == (1, lacking)


@pytest.mark.parametrize(
    ("schemas", "expected"),
    [
        ([SCHEMA], "{"),
        ([Schema.of({"type": "array", "items": {"type": "string"}})], "["),
        ([SCHEMA, Schema.of({"type": "array", "items": {"type": "string"}})], ""),
        ([Schema.of({"type": "string"})], ""),
    ],
    ids=["object", "list", "both", "string"],
)
def test_what_every_answer_begins_with(schemas: list[Schema], expected: str) -> None:
    assert facts.opening({str(place): schema for place, schema in enumerate(schemas)}) == expected


# Logs.


def written(directory: Path, *rows: dict[str, object]) -> Path:
    path = directory / "log.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def test_the_published_run_whose_thinking_was_cut_is_recognised(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--rollouts", str(RECORDED), "--form", "think", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["verdict"], report["groups"], report["informative"]["hits"]) == ("no signal", 10, 0)
    (cause,) = report["causes"]
    assert (cause["cause"], cause["fix"]) == ("thinking truncated", "max_new_tokens = 512")
    assert cause["evidence"]["completions"]["hits"] == 40


def test_the_log_of_another_trainer_is_read(tmp_path: Path) -> None:
    rows = [
        {"step": 1, "prompt": word, "completion": [{"role": "assistant", "content": text}], "reward": reward}
        for word in ("mug", "pot")
        for text, reward in (('{"a":"mug"}', 1), ('{"a":"m', 0.0))
    ]
    groups = recorded(written(tmp_path, *rows), {}, form="plain", prefill=None)
    assert [[each.reward for each in group] for group in groups] == [[1, 0.0], [1, 0.0]]
    # Nobody wrote down what was cut off: what breaks off was.
    assert [each.finished for each in groups[0]] == [True, False]
    assert diagnose(groups, PLAIN, Facts()).verdict == "ready"


def test_what_a_log_says_itself_counts(tmp_path: Path) -> None:
    row = {
        "id": 1,
        "completion": '{"b":1}',
        "reward": 0.1,
        "finished": False,
        "tokens": 3,
        "outcome": "violates",
    }
    ((one, _),) = recorded(written(tmp_path, row, row), {}, form="plain", prefill=None)
    assert (one.finished, one.tokens, fault(replace(one, finished=True), "plain")) == (
        False,
        3,
        "breaks the schema",
    )


def test_a_log_whose_length_nobody_wrote_down_has_no_number_for_it(tmp_path: Path) -> None:
    row = {"id": 1, "completion": "<think>Let me", "reward": 0}
    groups = recorded(written(tmp_path, row, row), {}, form="plain", prefill=None)
    assert "cut off while still thinking" in diagnose(groups, PLAIN, Facts()).causes[0].why


def test_a_log_is_judged_by_the_schemas_of_its_rows_where_they_are_given(
    taught: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"id": "mug", "completion": '{"b":1}', "reward": 0.5}] * 2
    asked = ["--rollouts", str(written(tmp_path, *rows)), "--reward", "schema", "--json"]
    data = ["--data", str(taught("right") / "data")]
    for beside, expected in ((data, "schema never obeyed"), ([], "temperature too low")):
        assert main(["doctor", *asked, *beside]) == 1
        assert json.loads(capsys.readouterr().out)["causes"][0]["cause"] == expected


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        pytest.param([{"completion": "x", "reward": 1}], "neither this nor `prompt`", id="no group"),
        pytest.param([{"id": 1, "reward": 1}], "completion = None: the row has no such column", id="no text"),
        pytest.param([{"id": 1, "completion": "x"}], "reward = None: it is not a number", id="no reward"),
        pytest.param(
            [{"id": 1, "completion": "x", "reward": True}], "reward = True: it is not a number", id="a bool"
        ),
        pytest.param(
            [{"id": 1, "completion": "x", "reward": 1}, {"id": 2, "completion": "x", "reward": 1}],
            "each has one completion",
            id="nothing to compare",
        ),
    ],
)
def test_a_log_that_cannot_be_read_is_told(tmp_path: Path, rows: list[dict[str, object]], why: str) -> None:
    with pytest.raises(DataError, match=re.escape(why)):
        recorded(written(tmp_path, *rows), {}, form="plain", prefill=None)


# The run, from the command line: a small model that was taught in a second or two how to answer wrongly.

SAYS: dict[str, tuple[Form, Callable[[str], str]]] = {
    "think": (
        "think",
        lambda word: f'{"Let me see. " * 4}</think>\n<answer>{{"a":"{word}"}}</answer>',
    ),
    "right": ("plain", lambda word: f'{{"a":"{word}"}}'),
    "fence": ("plain", lambda word: f'```json\n{{"a":"{word}"}}\n```'),
}
TAUGHT: dict[str, Path] = {}


def teach(model: Model, name: str) -> None:
    """Train until the model writes what `SAYS` says, whatever it is asked."""
    form, says = SAYS[name]
    rows: list[Rendered] = []
    for example in EXAMPLES:
        asked = prompt.prompt(example, SCHEMA, model.tokenizer, form=form)
        words = [*model.tokenizer.encode(says(str(example.id)), add_special_tokens=False), 2]
        rows.append(Rendered((*asked, *words), (False,) * len(asked) + (True,) * len(words)))
    ((_, pack),) = packs(of_rows(rows), model.device)
    optimizer = adamw(model, lr=1e-2, weight_decay=0.0)
    for step in range(180):
        lr = 1e-2 if step < 120 else 1e-3
        loss = -answer_logprobs(model, pack).logprob_N.mean()
        loss.backward()
        update(model, optimizer, loss=float(loss.detach()), lr=lr, grad_clip=1.0)


@pytest.fixture
def taught(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A directory with `model` and `data`; each model is taught once."""

    def place(name: str) -> Path:
        if name not in TAUGHT:
            TAUGHT[name] = tmp_path_factory.mktemp(name)
            teach(model, name)
            save(model, TAUGHT[name] / "model")
            (TAUGHT[name] / "data").mkdir()
            store.write(Dataset({"S": SCHEMA}, EXAMPLES), TAUGHT[name] / "data")
        return TAUGHT[name]

    return place


def words(place: Path, **settings: object) -> list[str]:
    given = {"model": place / "model", "data": place / "data", "group_size": 4, **settings}
    return [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]


def test_thinking_cut_at_the_limit_is_found_before_the_run_and_the_limit_to_set_is_tried(
    taught: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = words(taught("think"), form="think", max_new_tokens=48, groups=8)
    assert main(["doctor", *asked, "--json"]) == 1
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert report["verdict"] == "no signal"
    assert [cause["cause"] for cause in report["causes"]] == ["thinking truncated"]
    # 'Let me see. ' four times, both tags, and the answer: over 80 bytes, each of them a token.
    assert report["causes"][0]["fix"] == "max_new_tokens = 96"
    assert report["informative"] == Rate(0, 8).as_json()
    assert "adhere doctor: the run would not learn: no signal.\n" in printed.err


def test_rows_that_are_always_right_are_told_to_be_solved(
    taught: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = words(taught("right"), max_new_tokens=32, groups=8)
    assert main(["doctor", *asked, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["verdict"], report["causes"][0]["cause"]) == ("already solved", "already solved")
    assert report["reward"]["average"] > 0.98


def test_people_read_the_verdict_first_then_what_to_change(
    taught: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", *words(taught("fence"), max_new_tokens=40, groups=4)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "no signal: the run would learn nothing; 0 of 4 groups teach anything [0%, 49%]"
    assert lines[2].strip() == "code fence"
    assert 'change  prefill = "{"' in lines[4]
    assert lines[-1].startswith('code fence  "```json')
    assert max(map(len, lines)) <= 80


def test_the_doctor_looks_at_the_completions_of_the_run_itself(
    taught: Callable[[str], Path], tmp_path: Path
) -> None:
    place = taught("fence")
    settings = {"group_size": 2, "prompts_per_step": 2, "max_new_tokens": 12, "steps": 1}
    config = GrpoConfig(
        model=str(place / "model"),
        data=place / "data",
        out=tmp_path / "out",
        **settings,  # type: ignore[arg-type]
    )
    model, dataset = load(config.model), store.read(config.data)
    (step,) = grpo.train(model, dataset.examples, dataset.schemas, config)
    ran = [rollout.completion.text for group in step.groups for rollout in group]
    asked = DoctorConfig(
        model=config.model, data=config.data, groups=2, group_size=2, prompts_per_step=2, max_new_tokens=12
    )
    looked = examining.doctor(asked)
    assert looked["completions"] == 4
    samples = looked["samples"]
    assert isinstance(samples, list)
    assert all(isinstance(each, dict) and each["completion"] in ran for each in samples)


def test_a_prompt_that_opens_the_thinking_itself_counts_as_thinking(
    model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = str(model.tokenizer.chat_template)
    model.tokenizer.chat_template = template.replace("assistant\n", "assistant\n<think>\n")
    save(model, tmp_path / "model")
    (tmp_path / "data").mkdir()
    store.write(Dataset({"S": SCHEMA}, EXAMPLES), tmp_path / "data")
    assert main(["doctor", *words(tmp_path, max_new_tokens=6, groups=2), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["causes"][0]["cause"] == "thinking truncated"


def test_no_higher_limit_is_tried_where_the_context_ends(
    taught: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    # The context is 512 tokens and the prompt takes over 52 of them: 230 more fit, and 460 do not.
    asked = words(taught("fence"), max_new_tokens=230, groups=1, group_size=8, temperature=30)
    assert main(["doctor", *asked, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["causes"][0]["cause"] == "answer truncated"
    assert "ended_within" not in report["causes"][0]["evidence"]


def test_a_template_that_drops_the_messages_is_found(
    model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.tokenizer.chat_template = "{{ messages[0]['content'] }}\n"
    save(model, tmp_path / "model")
    (tmp_path / "data").mkdir()
    store.write(Dataset({"S": SCHEMA}, EXAMPLES), tmp_path / "data")
    assert main(["doctor", *words(tmp_path, max_new_tokens=20, groups=2), "--json"]) == 1
    cause, *_ = json.loads(capsys.readouterr().out)["causes"]
    assert cause["cause"] == "prompt lacks the schema and the text"


def test_the_command_line_and_the_recipe_of_grpo_are_taken_as_they_are(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('[grpo]\ndata = "d"\nout = "o"\nlr = 1e-4\nform = "think"\n[doctor]\ngroups = 4\n')
    expected = DoctorConfig(data=Path("d"), out=Path("o"), lr=1e-4, form="think", groups=4)
    assert parse("doctor", [str(recipe)]) == expected
    flags = ["--data", "d", "--out", "o", "--lr", "1e-4", "--form", "think", "--steps", "50", "--no-stop"]
    assert parse("doctor", flags) == DoctorConfig(
        data=Path("d"), out=Path("o"), lr=1e-4, form="think", stop=False
    )


def test_the_doctor_needs_something_to_look_at() -> None:
    with pytest.raises(ConfigError, match=r"doctor\.data = None: there is nothing to look at"):
        DoctorConfig()
    with pytest.raises(ConfigError, match=r"doctor\.groups = 0"):
        DoctorConfig(data=Path("d"), groups=0)


# Runs that would be refused.


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["doctor", *words, "--model", "nowhere", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["verdict"], report["groups"], report["informative"]) == ("cannot start", 0, None)
    (cause,) = report["causes"]
    return cause


def rows_of(directory: Path, *rows: dict[str, object]) -> str:
    (directory / "schema.json").write_text(json.dumps(SCHEMA.source))
    path = directory / "examples.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(directory)


def test_rows_without_the_target_that_the_reward_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = rows_of(tmp_path, {"text": "A mug.", "target": {"a": "mug"}}, {"id": "u", "text": "A pot."})
    cause = refused(capsys, "--data", data)
    assert (cause["cause"], cause["fix"]) == ("targets missing", 'reward = "grounded"')
    assert cause["evidence"] == {"unlabelled": 1, "rows": 2}


def test_targets_that_break_their_own_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = rows_of(
        tmp_path, {"text": "A mug.", "target": {"a": 1}}, {"text": "A pot.", "target": {"a": "pot"}}
    )
    cause = refused(capsys, "--data", data)
    assert cause["cause"] == "targets break the schema"
    assert cause["evidence"]["targets"] == Rate(1, 2).as_json()
    assert main(["doctor", "--data", data, "--model", "nowhere"]) == 1
    assert capsys.readouterr().out.splitlines()[0] == "cannot start: the run would be refused"


def test_rows_that_are_no_rows_are_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = rows_of(tmp_path, {"target": {"a": "mug"}})
    assert main(["doctor", "--data", data]) == 2
    assert "text = None: the row has no such column" in capsys.readouterr().err


def own(directory: Path, body: str) -> str:
    path = directory / "mine.py"
    path.write_text(f"import json\n\ndef f(completion, row):\n    {body}\n")
    return f"{path}:f"


@pytest.mark.parametrize(
    ("body", "name", "fix"),
    [
        pytest.param(
            "return float(row['label'] in completion)",
            "column missing",
            "Import rows that have 'label', or read another column",
            id="a column that no row has",
        ),
        pytest.param("return {}['a']", "reward fails", "Mend the function", id="a key of the schema's own"),
        pytest.param("return json.loads(completion)", "reward fails", "Mend the function", id="no JSON"),
    ],
)
def test_a_reward_that_fails_is_a_cause(
    body: str,
    name: str,
    fix: str,
    taught: Callable[[str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reward = own(tmp_path, body)
    assert main(["doctor", *words(taught("fence"), reward=reward, groups=1, max_new_tokens=4), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "cannot start"
    assert (report["causes"][0]["cause"], report["causes"][0]["fix"]) == (name, fix)


def test_a_reward_of_ones_own_that_never_varies_is_told_from_right_answers(
    taught: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reward = own(tmp_path, "return 0.5")
    assert main(["doctor", *words(taught("fence"), reward=reward, groups=2, max_new_tokens=4), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["verdict"], report["causes"][0]["cause"]) == ("no signal", "reward constant")
    assert report["causes"][0]["evidence"] == {"right_answers": 0.5, "empty": 0.5}


# The same check inside a run.


def test_a_run_that_teaches_nothing_is_stopped_and_keeps_what_it_had(
    taught: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    asked = words(taught("think"), form="think", max_new_tokens=24, steps=50, out=out)
    assert main(["grpo", *asked, "--json"]) == 1
    printed = capsys.readouterr()
    last = printed.err.splitlines()[-1]
    assert last.startswith("adhere grpo: stopped after 5 of 50 steps: no signal (0 of 40 [0%, 9%] groups")
    assert "thinking truncated: " in last
    assert "Change: max_new_tokens = 96." in last
    assert artifact.verify(out)["finished"] is False
    summary = json.loads(printed.out)
    assert summary == json.loads((out / "summary.json").read_text())
    assert (summary["steps"], summary["diagnosis"]["causes"][0]["cause"]) == (5, "thinking truncated")
    load(str(out / "checkpoint"))
    # Its log says the same afterwards, with the settings of its manifest.
    assert main(["doctor", "--rollouts", str(out / "rollouts.jsonl"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["causes"][0]["cause"] == "thinking truncated"


def test_a_run_may_go_on_and_is_warned_once(
    taught: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = words(taught("think"), form="think", max_new_tokens=4, steps=11, out=tmp_path / "out")
    assert main(["grpo", *asked, "--no-stop"]) == 0
    printed = capsys.readouterr()
    assert printed.err.count("Going on, as --no-stop asks.") == 1
    assert "\nno signal: the run would learn nothing; 0 of 40 groups" in printed.out
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["steps"], summary["diagnosis"]["verdict"]) == (11, "no signal")
    assert artifact.verify(tmp_path / "out")["finished"] is True


def test_verdicts_that_learn() -> None:
    assert {"ready", "weak"} == LEARNS
