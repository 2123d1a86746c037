"""Puts trained weights where adhere looks for its embedded models, in half the size.

python recipes/nano/ship.py --from runs/nano --to src/adhere/nano

Weights are written as bfloat16: on a processor that has it they were multiplied so in training, and adhere
reads them into whatever precision it works in.
"""

import argparse
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from adhere.train.checkpoint import newest_first, whole

BESIDE = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
)
_WEIGHTS = "model.safetensors"


def ship(run: Path, place: Path) -> None:
    """Write the newest checkpoint of a run into `place`, instead of all that stands there.

    Args:
        run: Directory of `train.py`.
        place: The model's; a calibration or a card that lies there belongs to other weights, and goes.
    """
    newest = newest_first(run)[0]
    weights = {name: value.to(torch.bfloat16) for name, value in load_file(newest / _WEIGHTS).items()}
    with whole(place) as aside:
        save_file(weights, aside / _WEIGHTS, metadata={"format": "pt"})
        for name in BESIDE:
            shutil.copyfile(newest / name, aside / name)
        for file in aside.iterdir():
            file.chmod(0o644)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--from", dest="run", type=Path, required=True, help="run of train.py")
    parser.add_argument("--to", type=Path, required=True, help="directory of the model")
    given = parser.parse_args()
    ship(given.run, given.to)


if __name__ == "__main__":
    main()
