"""`adhere bridge`: an evaluation or a data set in the format of another evaluation tool."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from adhere import artifact, prompt
from adhere.config import BridgeConfig, EvalConfig, JsonForm
from adhere.data import store
from adhere.evaluate import evaluation, harness, inspect_log, inspect_task
from adhere.evaluate.documents import Asking
from adhere.records import JSON


def bridge(config: BridgeConfig) -> dict[str, JSON]:
    """Write what the other tool reads into a directory, and the summary; return the summary.

    Raises:
        ConfigError: `out` stands already.
        DataError: `data` holds no data set, or an evaluation that was changed since it was sealed.
    """
    is_evaluation = (config.data / evaluation.PREDICTIONS).exists()
    manifest = artifact.verify(config.data) if is_evaluation else None
    dataset = store.read(config.data)
    asking = _asking(config, manifest)
    out = shlex.quote(str(config.out))
    with artifact.writing(config.out, config, inputs=[config.data]) as run:
        made: dict[str, JSON] = {"to": config.to, "rows": len(dataset.examples), "task": config.name}
        if config.to == "lm_eval":
            harness.write(dataset, run.path, asking, name=config.name)
            model = "--model hf --model_args pretrained=MODEL,enable_thinking=False,add_bos_token=False"
            task = f"--tasks {config.name} --include_path {out} --apply_chat_template"
            run.summary = {**made, "run": f"lm_eval {model} {task}"}
        else:
            inspect_task.write(dataset, run.path, asking, name=config.name)
            model = "--model hf/MODEL -M do_sample=false -M enable_thinking=false"
            made["run"] = f"inspect eval {out}/{inspect_task.FILE}@{config.name} {model}"
            run.summary = made if manifest is None else {**made, **_logged(config, manifest, run.path)}
    return dict(run.summary)


def _logged(config: BridgeConfig, manifest: Mapping[str, JSON], directory: Path) -> dict[str, JSON]:
    """Write the log of an evaluation, and return where it is and how to look at it."""
    log = inspect_log.log(
        evaluation.read(config.data),
        manifest,
        artifact.sha256(config.data / artifact.MANIFEST),
        task=config.name,
        file=config.out / inspect_task.FILE,
    )
    name = inspect_log.filename(log)
    artifact.write_json(directory / name, log)
    return {
        "log": str(config.out / name),
        "view": f"inspect view --log-dir {shlex.quote(str(config.out))}",
    }


def _asking(config: BridgeConfig, manifest: Mapping[str, JSON] | None) -> Asking:
    """Return how rows are asked about: as set, else as they were in the evaluation, else as `eval` does."""
    usual = EvalConfig(data=config.data, out=config.out)
    was = cast("Mapping[str, JSON]", manifest["config"]) if manifest else {}
    form = config.form or cast("JsonForm", was.get("form", usual.form))
    prefill = cast("str | None", was.get("prefill")) if config.form is None else None
    longest = config.max_new_tokens or cast("int", was.get("max_new_tokens", usual.max_new_tokens))
    return Asking(form=form, prefill=prompt.beginning(form, prefill), max_new_tokens=longest)
