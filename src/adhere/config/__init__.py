"""The settings of every verb: one frozen dataclass each, whose field docstrings are its `--help`.

A setting outside its range raises `ConfigError` when the record is made, before any work.
"""

from collections.abc import Mapping
from typing import TypeAlias

from adhere.config.bounds import COMPARED, FLOORED, Bounds, bounds, floors
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
from adhere.config.guarding import KeyConfig, LimitSettings
from adhere.config.measuring import (
    SERVED,
    STANDARD_STREAM,
    Bound,
    BridgeConfig,
    CompareConfig,
    EvalConfig,
    ExtractConfig,
    QuickstartConfig,
    SchemaConfig,
    ScoreConfig,
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
from adhere.config.serving import Manner, ServeConfig
from adhere.config.study import StudyConfig
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
    "COMPARED",
    "DOMAINS",
    "FLOORED",
    "SERVED",
    "STANDARD_STREAM",
    "VERBS",
    "Advantage",
    "Bound",
    "Bounds",
    "BridgeConfig",
    "CheckConfig",
    "Combine",
    "CompareConfig",
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
    "KeyConfig",
    "Length",
    "LimitSettings",
    "Lora",
    "Loss",
    "Manner",
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
    "ServeConfig",
    "SftConfig",
    "StudyConfig",
    "SynthConfig",
    "Task",
    "Tracker",
    "bounds",
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
    | CompareConfig
    | BridgeConfig
    | ExtractConfig
    | ServeConfig
    | KeyConfig
    | QuickstartConfig
    | StudyConfig
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
    "compare": CompareConfig,
    "bridge": BridgeConfig,
    "extract": ExtractConfig,
    "serve": ServeConfig,
    "key": KeyConfig,
    "study": StudyConfig,
}
"""What `adhere` can be told to do, and the settings of each."""
