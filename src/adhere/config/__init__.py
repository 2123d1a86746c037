"""The settings of every verb: one frozen dataclass each, whose field docstrings are its `--help`.

A setting outside its range raises `ConfigError` when the record is made, before any work.
"""

from collections.abc import Mapping
from typing import TypeAlias

from adhere.config.data import (
    DOMAINS,
    CheckConfig,
    EndpointSettings,
    HoldOut,
    ImportConfig,
    ReasonConfig,
    SynthConfig,
    Task,
)
from adhere.config.measuring import (
    FLOORED,
    STANDARD_STREAM,
    EvalConfig,
    ExtractConfig,
    QuickstartConfig,
    SchemaConfig,
    ScoreConfig,
    floors,
)
from adhere.config.scoring import (
    Form,
    HierarchicalScoring,
    JsonForm,
    Length,
    Normaliser,
    OwnCalls,
    Preset,
    RubricScoring,
    Scoring,
    is_preset,
    normalisers,
    own_function,
    own_reward,
    refuse_unread_form,
)
from adhere.config.training import (
    ACCEPTED,
    Advantage,
    Combine,
    DoctorConfig,
    GrpoConfig,
    GrpoSettings,
    Lora,
    Loss,
    Precision,
    Saving,
    SftConfig,
    Tracker,
)

__all__ = [
    "ACCEPTED",
    "DOMAINS",
    "FLOORED",
    "STANDARD_STREAM",
    "VERBS",
    "Advantage",
    "CheckConfig",
    "Combine",
    "Config",
    "DoctorConfig",
    "EndpointSettings",
    "EvalConfig",
    "ExtractConfig",
    "Form",
    "GrpoConfig",
    "GrpoSettings",
    "HierarchicalScoring",
    "HoldOut",
    "ImportConfig",
    "JsonForm",
    "Length",
    "Lora",
    "Loss",
    "Normaliser",
    "OwnCalls",
    "Precision",
    "Preset",
    "QuickstartConfig",
    "ReasonConfig",
    "RubricScoring",
    "Saving",
    "SchemaConfig",
    "ScoreConfig",
    "Scoring",
    "SftConfig",
    "SynthConfig",
    "Task",
    "Tracker",
    "floors",
    "is_preset",
    "normalisers",
    "own_function",
    "own_reward",
    "refuse_unread_form",
]

Config: TypeAlias = (
    SchemaConfig
    | ScoreConfig
    | SynthConfig
    | ImportConfig
    | CheckConfig
    | ReasonConfig
    | SftConfig
    | GrpoConfig
    | DoctorConfig
    | EvalConfig
    | ExtractConfig
    | QuickstartConfig
)


VERBS: Mapping[str, type[Config]] = {
    "quickstart": QuickstartConfig,
    "schema": SchemaConfig,
    "score": ScoreConfig,
    "synth": SynthConfig,
    "import": ImportConfig,
    "check": CheckConfig,
    "reason": ReasonConfig,
    "sft": SftConfig,
    "doctor": DoctorConfig,
    "grpo": GrpoConfig,
    "eval": EvalConfig,
    "extract": ExtractConfig,
}
"""What `adhere` can be told to do, and the settings of each."""
