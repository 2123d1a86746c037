"""Why a run would not learn: one rule a cause, each with its threshold.

`docs/doctor.md` is the table of them. A rule looks at what was sampled and at what else is known, and returns
a cause or nothing. They stand in the order in which one thing leads to another: the first is the root.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, mode
from typing import TypeAlias, cast

from adhere.config import GrpoSettings
from adhere.measure.statistics import Rate
from adhere.records import JSON
from adhere.reward.verdict import Malformed, Obeys, Violates
from adhere.train.facts import Facts
from adhere.train.trial import Fault, Group, Trial, fault

OFTEN = 0.25
"""Share of completions from which a fault of form is named: below it three in four still show the rest."""
NEVER = 0.05
"""Share of completions below which something as good as never happens: less than once in two groups of 8."""
ENOUGH = 0.75
"""Share of the completions cut off that a higher limit must let end, to be the limit to set."""
TOO_LONG = 0.05
"""Share of right answers longer than the limit from which that is named: those rows earn full marks never."""
STATED = 0.75
"""Share of right values in the text below which that is named: a sound data set has nearly all there."""
FULL = 0.98
"""Share of full marks from which a group has nothing left to learn; 1 would let one slip in fifty hide it."""
MOST = 0.5
"""Share of groups from which a run is said to be as they are."""
LARGEST_GROUP = 64
"""Completions per prompt beyond which a larger group is not advised: other means are cheaper by then."""
KNOWN_FAULTS = {
    "0.16.0": "cannot resume a run where transformers is 4.51 and torch 2.6 or newer (huggingface/trl#3247)",
    "0.19.0": "drops tokens marked special, such as tags, before the reward (huggingface/trl#2897)",
}
"""Versions of TRL with a fault that bears on rewards for form, and which."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that keeps a run from learning."""

    name: str
    why: str
    """One clause with the numbers in it."""
    evidence: Mapping[str, JSON]
    fix: str
    """The line to change, as it stands in a TOML file; or what to do where that is no setting."""

    def as_json(self) -> dict[str, JSON]:
        """Spell the cause as `{cause, why, evidence, fix}`."""
        return {"cause": self.name, "why": self.why, "evidence": dict(self.evidence), "fix": self.fix}

    @classmethod
    def of_json(cls, kept: Mapping[str, JSON]) -> "Cause":
        """Read what `as_json` wrote."""
        evidence = cast("dict[str, JSON]", kept["evidence"])
        return cls(str(kept["cause"]), str(kept["why"]), evidence, str(kept["fix"]))


@dataclass(frozen=True, slots=True)
class Seen:
    """What the rules look at."""

    groups: Sequence[Group]
    config: GrpoSettings
    facts: Facts

    @property
    def trials(self) -> list[Trial]:
        """All completions."""
        return [trial for group in self.groups for trial in group]

    @property
    def informative(self) -> Rate:
        """Groups whose completions do not all earn the same."""
        return Rate(sum(_differs(group) for group in self.groups), len(self.groups))

    @property
    def solved(self) -> Rate:
        """Groups that earn full marks, or nearly; none where the reward does not know a right answer."""
        answers = self.facts.answers
        if answers is None:
            # A log does not say what its reward pays at most.
            full = FULL * max(1.0, *(trial.reward for trial in self.trials))
        else:
            nothing, right = answers.reward_of_nothing, answers.reward
            full = nothing + FULL * (right - nothing) if right > nothing else math.inf
        return Rate(sum(fmean(trial.reward for trial in group) >= full for group in self.groups), self.size)

    @property
    def size(self) -> int:
        """Number of groups."""
        return len(self.groups)

    @property
    def parses(self) -> Rate:
        """Completions whose answer is JSON."""
        return self.share(lambda trial: isinstance(trial.verdict, Violates | Obeys))

    def share(self, holds: Callable[[Trial], bool]) -> Rate:
        """Count the completions of which something holds."""
        trials = self.trials
        return Rate(sum(map(holds, trials)), len(trials))

    def faulty(self, *faults: Fault) -> Rate:
        """Count the completions with one of these faults."""
        return self.share(lambda trial: fault(trial, self.config.form) in faults)


Rule: TypeAlias = Callable[[Seen], Cause | None]


def causes(seen: Seen, *, learns: bool) -> list[Cause]:
    """Return what holds of `seen`, the root cause first; where it does not learn, at least one.

    Args:
        seen: What was sampled, and what else is known.
        learns: Whether signal is plentiful: then only faults of form and of rows are worth naming.
    """
    forms = _FORM if seen.config.reward == "rubric" else _FORM + _JSON
    rules: tuple[Rule, ...] = forms if learns or already_solved(seen) else forms + _SIGNAL
    found = [cause for rule in rules if (cause := rule(seen)) is not None]
    if not found and not learns:
        found = [reward_is_constant(seen) or _all_or_nothing(seen)]
    return found + [cause for rule in _AROUND if (cause := rule(seen)) is not None]


def reward_cannot_tell(seen: Seen) -> Cause | None:
    """Right answers earn what an empty completion earns, or all earn the same though only some obey."""
    answers = seen.facts.answers
    if answers is not None and math.isclose(answers.reward, answers.reward_of_nothing):
        return Cause(
            "reward constant",
            f"the right answers earn {answers.reward:.3g}, and so does an empty completion",
            {"right_answers": answers.reward, "empty": answers.reward_of_nothing},
            f"Mend the reward {seen.config.reward}: a right answer must earn more than none",
        )
    earned = {trial.reward for trial in seen.trials}
    obeys = seen.share(lambda trial: isinstance(trial.verdict, Obeys))
    if len(earned) > 1 or obeys.hits in (0, obeys.tries):
        return None
    constant = earned.pop()
    return Cause(
        "reward constant",
        f"all {obeys.tries} completions earn {constant:.3g}, and {obeys.hits} of them obey the schema",
        {"reward": constant, "obeys": obeys.as_json()},
        f"Mend the reward {seen.config.reward}: an answer that obeys must earn more than one that does not",
    )


def form_does_not_fit(seen: Seen) -> Cause | None:
    """The reward `thinkjson` pays for tags that the form plain tells the model not to write."""
    if seen.config.reward != "thinkjson" or seen.config.form == "think":
        return None
    why = "the reward thinkjson pays for <think> and <answer>, and the form plain asks for the answer alone"
    return Cause("form does not fit the reward", why, {"form": seen.config.form}, 'form = "think"')


def prompt_is_incomplete(seen: Seen) -> Cause | None:
    """What is asked for is not in the prompt, most often because a chat template drops a message."""
    prompts = seen.facts.prompts
    if prompts is None or max(prompts.lacking.values(), default=0) < MOST * prompts.count:
        return None
    parts = " and ".join(f"the {part}" for part in prompts.lacking)
    return Cause(
        f"prompt lacks {parts}",
        f"{max(prompts.lacking.values())} of {prompts.count} prompts do not show it",
        {"prompts": prompts.count, **prompts.lacking},
        "Mend the tokenizer's chat_template: it must write the system message and the user's",
    )


def thinking_truncated(seen: Seen) -> Cause | None:
    """Completions are cut off while they think."""
    cut = seen.faulty("thinking truncated")
    if cut.rate < OFTEN:
        return None
    return Cause(
        "thinking truncated",
        f"{_of(cut)} completions were cut off{_at(seen)} while still thinking{_longer(seen)}",
        {"completions": cut.as_json(), "max_new_tokens": _limit(seen), **_ended(seen)},
        _fix_of_thinking(seen),
    )


def thinking_left_on(seen: Seen) -> Cause | None:
    """The form is plain, and completions think."""
    thinks = seen.faulty("thinking left on")
    if thinks.rate < OFTEN:
        return None
    prompts = seen.facts.prompts
    why = f"{_of(thinks)} completions think first, and the form plain takes the answer alone"
    if prompts and prompts.opens_thinking:
        why += "; the chat template itself writes <think>"
    elif prompts and not prompts.can_switch_thinking:
        why += "; the chat template has no enable_thinking to switch off"
    evidence: dict[str, JSON] = {"completions": thinks.as_json()}
    return Cause("thinking left on", why, evidence, 'form = "think"')


def answer_truncated(seen: Seen) -> Cause | None:
    """Completions are cut off, or right answers do not fit."""
    cut, too_long, answers = seen.faulty("answer truncated"), _too_long(seen), seen.facts.answers
    why: list[str] = []
    evidence: dict[str, JSON] = {"completions": cut.as_json(), "max_new_tokens": _limit(seen), **_ended(seen)}
    if cut.rate >= OFTEN and not _endless(seen):
        why.append(f"{_of(cut)} completions were cut off{_at(seen)}{_longer(seen)}")
    if answers is not None and too_long is not None and too_long.rate >= TOO_LONG:
        evidence |= {"right_answers_too_long": too_long.as_json(), "longest": max(answers.tokens)}
        why.append(f"{_of(too_long)} right answers take more tokens, the longest {max(answers.tokens)}")
    if not why or thinking_truncated(seen):
        return None
    return Cause("answer truncated", "; ".join(why), evidence, f"max_new_tokens = {_enough(seen)}")


def never_ends(seen: Seen) -> Cause | None:
    """The model does not end its turn: it goes on after its answer, or beyond every limit tried."""
    runs_on, cut = seen.faulty("runs on"), seen.faulty("runs on", "answer truncated")
    if runs_on.rate < OFTEN and not (cut.rate >= OFTEN and _endless(seen)):
        return None
    return Cause(
        "never ends",
        f"{_of(cut)} completions were cut off{_at(seen)}, {runs_on.hits} of them after a whole "
        f"answer{_longer(seen)}",
        {"completions": cut.as_json(), "after_an_answer": runs_on.hits, **_ended(seen)},
        _warm_up(seen),
    )


def code_fence(seen: Seen) -> Cause | None:
    """The answer stands in a code fence."""
    return _wrapped(seen, "code fence", "write the answer in a code fence")


def prose_around(seen: Seen) -> Cause | None:
    """Words stand around the answer."""
    return _wrapped(seen, "prose around", "write words around the answer")


def answer_tags(seen: Seen) -> Cause | None:
    """The form is plain, and the answer stands in tags."""
    tagged = seen.faulty("answer tags")
    if tagged.rate < OFTEN:
        return None
    why = f"{_of(tagged)} completions put the answer in <answer>, and the form plain takes it alone"
    return Cause("answer tags", why, {"completions": tagged.as_json()}, 'form = "think"')


def nothing_parses(seen: Seen) -> Cause | None:
    """The model ends its turn, and what it wrote is not JSON."""
    broken = seen.faulty("no JSON", "broken JSON")
    if broken.rate < OFTEN or seen.parses.rate >= NEVER:
        return None
    none = seen.faulty("no JSON")
    return Cause(
        "nothing parses",
        f"{_of(seen.parses)} completions are JSON; {none.hits} do not even begin it",
        {"parses": seen.parses.as_json(), "no_json": none.as_json()},
        _warm_up(seen),
    )


def already_solved(seen: Seen) -> Cause | None:
    """Most groups earn full marks."""
    solved = seen.solved
    if solved.rate < MOST:
        return None
    mean = fmean(trial.reward for trial in seen.trials)
    return Cause(
        "already solved",
        f"{_of(solved)} groups earn full marks already, {mean:.3g} on average",
        {"groups": solved.as_json(), "reward": mean},
        "Train on harder rows, or measure with `adhere eval` and be done",
    )


def never_obeys(seen: Seen) -> Cause | None:
    """Answers are JSON, and all of them break the schema."""
    broken = [trial.verdict for trial in seen.trials if isinstance(trial.verdict, Violates)]
    if seen.parses.rate < OFTEN or seen.share(lambda trial: isinstance(trial.verdict, Obeys)).hits:
        return None
    first = Counter(
        f"{verdict.violations[0].keyword} at {verdict.violations[0].pointer or 'the root'}"
        for verdict in broken
        if verdict.violations
    )
    ((violation, count),) = first.most_common(1) or [("unknown", len(broken))]
    return Cause(
        "schema never obeyed",
        f"{_of(seen.parses)} completions are JSON and none obeys the schema, most often for {violation}",
        {"parses": seen.parses.as_json(), "violation": violation, "completions": count},
        _finer(seen) if seen.config.reward == "schema" else _warm_up(seen),
    )


def reward_is_constant(seen: Seen) -> Cause | None:
    """Every completion of every group earns the same."""
    earned = {trial.reward for trial in seen.trials}
    if len(earned) > 1:
        return None
    constant = earned.pop()
    has_content = seen.parses.rate >= OFTEN
    return Cause(
        "reward constant",
        f"all {len(seen.trials)} completions of {seen.size} groups earn {constant:.3g}",
        {"reward": constant, "completions": len(seen.trials), "parses": seen.parses.as_json()},
        _finer(seen) if has_content else _warm_up(seen),
    )


def all_alike(seen: Seen) -> Cause | None:
    """The completions of a group are the same text; at temperature 1 that is only named of JSON.

    A model may well be certain of the words around its answer, and those have a cause of their own.
    """
    distinct = [len({trial.text for trial in group}) for group in seen.groups]
    alike = Rate(sum(count == 1 for count in distinct), seen.size)
    given = seen.config.temperature
    if alike.rate < MOST or (given >= 1 and seen.parses.rate < MOST):
        return None
    share = fmean(count / len(group) for count, group in zip(distinct, seen.groups, strict=True))
    return Cause(
        "temperature too low",
        f"in {_of(alike)} groups all completions are the same text at temperature {given:g}",
        {"groups": alike.as_json(), "distinct": share, "temperature": given},
        f"temperature = {1.0 if given < 1 else 1.5 * given:g}",
    )


def group_too_small(seen: Seen) -> Cause | None:
    """A completion that earns something else is rarer than one in a group.

    Only where as many groups differ as would by chance: where fewer do, rows are at fault and not the draws.
    """
    usual = mode(trial.reward for trial in seen.trials)
    rare = seen.share(lambda trial: trial.reward != usual)
    size = max(map(len, seen.groups))
    expected = expected_informative(rare.rate, size)
    if rare.hits == 0 or rare.rate * size >= 1 or seen.informative.high < expected:
        return None
    larger = [size << shift for shift in range(1, 8) if size << shift <= LARGEST_GROUP]
    enough = next((each for each in larger if expected_informative(rare.rate, each) >= MOST), None)
    return Cause(
        "group too small",
        f"{_of(rare)} completions earn anything but {usual:.3g}, fewer than one in a group of {size}",
        {
            "completions": rare.as_json(),
            "group_size": size,
            "expected_informative": expected,
        },
        f"group_size = {enough}" if enough else _warm_up(seen),
    )


def reward_too_coarse(seen: Seen) -> Cause | None:
    """Completions of a group differ and are JSON, and the reward `schema` tells two cases of them apart."""
    differing = Rate(sum(len({trial.text for trial in group}) > 1 for group in seen.groups), seen.size)
    if seen.config.reward != "schema" or differing.rate < MOST or seen.parses.rate < MOST:
        return None
    earned = len({trial.reward for trial in seen.trials})
    return Cause(
        "reward too coarse",
        f"in {_of(differing)} groups completions differ, and the reward schema gives {earned} values in all",
        {"groups": differing.as_json(), "values": earned},
        _finer(seen),
    )


def targets_not_in_the_text(seen: Seen) -> Cause | None:
    """Right values that no reader could find."""
    answers = seen.facts.answers
    if answers is None or answers.stated is None or answers.stated.rate >= STATED:
        return None
    return Cause(
        "targets not in the text",
        f"the texts state {_of(answers.stated)} right values; not, for one, {answers.unstated[0]}",
        {"stated": answers.stated.as_json(), "examples": list(answers.unstated)},
        "Mend the targets, or import the column that states them with --text-column",
    )


def faulty_trainer(seen: Seen) -> Cause | None:
    """TRL is installed in a version with a known fault; adhere's own loop does not use it."""
    version = seen.facts.trl
    if version not in KNOWN_FAULTS:
        return None
    return Cause(
        "trainer version",
        f"TRL {version} {KNOWN_FAULTS[version]}; adhere grpo itself does not use it",
        {"trl": version},
        "pip install --upgrade trl",
    )


_FORM = (
    reward_cannot_tell,
    form_does_not_fit,
    prompt_is_incomplete,
    thinking_truncated,
    thinking_left_on,
    answer_truncated,
    never_ends,
    already_solved,
)
_JSON = (code_fence, answer_tags, prose_around, nothing_parses)
"""Faults of form where JSON is asked for, as `rubric` does not."""
_SIGNAL = (never_obeys, all_alike, group_too_small, reward_too_coarse)
_AROUND = (targets_not_in_the_text, faulty_trainer)


def expected_informative(chance: float, size: int) -> float:
    """Return the share of groups whose completions differ, where each succeeds with this chance.

    Two outcomes and independent draws: 1 − (1 − p)ᴳ − pᴳ.
    """
    return 1 - (1 - chance) ** size - chance**size


def _all_or_nothing(seen: Seen) -> Cause:
    """Say what is left where no rule holds: groups agree, some on success and some on failure."""
    solved = seen.solved
    size = max(map(len, seen.groups))
    return Cause(
        "rows too easy or too hard",
        f"{_of(seen.informative)} groups differ within; {solved.hits} earn full marks, the rest agree",
        {"informative": seen.informative.as_json(), "solved": solved.as_json()},
        f"group_size = {2 * size}",
    )


def _wrapped(seen: Seen, name: Fault, what: str) -> Cause | None:
    wrapped = [trial for trial in seen.trials if fault(trial, seen.config.form) == name]
    share = Rate(len(wrapped), len(seen.trials))
    if share.rate < OFTEN:
        return None
    before = sum(_starts_late(trial) for trial in wrapped)
    evidence: dict[str, JSON] = {"completions": share.as_json(), "before_the_answer": before}
    # What begins with the answer has nothing before it; only training teaches a model to stop after it.
    helps = seen.config.form == "plain" and before >= MOST * share.hits and seen.facts.opening
    fix = f"prefill = {_quoted(seen.facts.opening)}" if helps else _warm_up(seen)
    return Cause(name, f"{_of(share)} completions {what}", evidence, fix)


def _starts_late(trial: Trial) -> bool:
    return isinstance(trial.verdict, Malformed) and trial.verdict.embedded.start > 0


def _too_long(seen: Seen) -> Rate | None:
    """Count the right answers that the limit cuts off."""
    answers = seen.facts.answers
    if answers is None or not answers.tokens:
        return None
    return Rate(sum(count > seen.config.max_new_tokens for count in answers.tokens), len(answers.tokens))


def _enough(seen: Seen) -> int:
    """Return the token limit to set: one that was tried and did, else twice the present one."""
    doing = (limit for limit, rate in sorted(seen.facts.ended.items()) if rate.rate >= ENOUGH)
    longest = max(seen.facts.answers.tokens, default=0) if seen.facts.answers else 0
    limit = next(doing, 2 * _limit(seen))
    # A right answer is met by the shortest way only; half as much again leaves room for others.
    return limit if limit >= longest else -(-3 * longest // 2)


def _endless(seen: Seen) -> bool:
    """Whether higher limits were tried, and none did."""
    ended = seen.facts.ended.values()
    return bool(ended) and all(rate.rate < ENOUGH for rate in ended)


def _fix_of_thinking(seen: Seen) -> str:
    if _endless(seen):
        return _warm_up(seen)
    longer = f"max_new_tokens = {_enough(seen)}"
    if seen.config.form == "think":
        return longer
    return f'form = "think" and {longer}; or a model that does not think'


def _limit(seen: Seen) -> int:
    """Return the token limit that completions met: the longest of those cut off, or the setting."""
    cut = [trial.tokens for trial in seen.trials if not trial.finished and trial.tokens is not None]
    return max(cut, default=seen.config.max_new_tokens)


def _at(seen: Seen) -> str:
    """Name the limit, where a log says what it was."""
    return f" at {_limit(seen)} tokens" if any(trial.tokens is not None for trial in seen.trials) else ""


def _longer(seen: Seen) -> str:
    tried = sorted(seen.facts.ended.items())
    ended = " and ".join(f"{rate.hits} end within {limit}" for limit, rate in tried)
    return f"; of {tried[0][1].tries} continued, {ended}" if tried else ""


def _ended(seen: Seen) -> dict[str, JSON]:
    tried = sorted(seen.facts.ended.items())
    return {"ended_within": {str(limit): rate.as_json() for limit, rate in tried}} if tried else {}


def _finer(seen: Seen) -> str:
    """Return the reward that tells more answers apart than the one that was used."""
    finest = "fields" if seen.facts.labelled else "grounded"
    if seen.config.reward in ("fields", "grounded"):
        return _warm_up(seen)
    if seen.config.reward == "schema":
        return f'reward = "{finest}"'
    return f"Let the reward {seen.config.reward} pay for parts of an answer"


def _warm_up(seen: Seen) -> str:
    """Return what teaches a model the form of an answer before it is rewarded."""
    form = seen.config.form
    made = "" if seen.facts.labelled else "adhere synth --schema SCHEMA --out made; "
    data = seen.facts.rows if seen.facts.labelled else "made"
    if form == "think":
        made, data = f"{made}adhere reason {data} --out reasoned; ", "reasoned"
    shape = "" if form == "plain" else f" --form {form}"
    warmed = f"adhere sft --model {seen.config.model} --data {data}{shape} --out warm"
    return f'{made}{warmed}; then model = "warm/checkpoint"'


def _differs(group: Group) -> bool:
    return len({trial.reward for trial in group}) > 1


def _quoted(text: str) -> str:
    return f'"{text}"'


def _of(rate: Rate) -> str:
    return f"{rate.hits} of {rate.tries}"
