"""Training runs: prepare, fit, measure, publish.

    from anzan.presets import load_config
    from anzan.training import train

    reader, result = train(load_config("demo"), Path("runs/mine"))

Everything is imported on first use.
"""

from typing import TYPE_CHECKING

from anzan._lazy import lazy

if TYPE_CHECKING:
    from anzan.training.model import new_model as new_model
    from anzan.training.null_examples import null_control as null_control
    from anzan.training.pause import Control as Control
    from anzan.training.pause import SliceOver as SliceOver
    from anzan.training.run import train as train
    from anzan.training.settings import DataSettings as DataSettings
    from anzan.training.settings import ModelSettings as ModelSettings
    from anzan.training.settings import PossessionSettings as PossessionSettings
    from anzan.training.settings import RunConfig as RunConfig
    from anzan.training.settings import RunName as RunName
    from anzan.training.settings import TrainSettings as TrainSettings
else:
    __getattr__, __all__ = lazy(
        __name__,
        {
            "model": ("new_model",),
            "null_examples": ("null_control",),
            "pause": ("Control", "SliceOver"),
            "run": ("train",),
            "settings": (
                "DataSettings",
                "ModelSettings",
                "PossessionSettings",
                "RunConfig",
                "RunName",
                "TrainSettings",
            ),
        },
    )
