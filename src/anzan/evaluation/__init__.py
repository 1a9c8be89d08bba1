"""Evaluation of readers: scores, interventions on the calculator's output, audits and saliency.

    from anzan.evaluation import audit_reader, evaluate

    evaluate(reader, problems)["f1"], audit_reader(reader, problems).verdict

Everything is imported on first use; `drop_metric`, `scores` and `interventions` load neither torch nor transformers.
"""

from typing import TYPE_CHECKING

from anzan._lazy import lazy

if TYPE_CHECKING:
    from anzan.evaluation.drop_metric import drop_em_f1 as drop_em_f1
    from anzan.evaluation.drop_metric import normalize as normalize
    from anzan.evaluation.drop_metric import signed_em as signed_em
    from anzan.evaluation.explanation import Candidate as Candidate
    from anzan.evaluation.explanation import Explanation as Explanation
    from anzan.evaluation.explanation import explain as explain
    from anzan.evaluation.gradients import NoAnswer as NoAnswer
    from anzan.evaluation.gradients import Salient as Salient
    from anzan.evaluation.gradients import calculator_share as calculator_share
    from anzan.evaluation.gradients import saliency as saliency
    from anzan.evaluation.interventions import Intervention as Intervention
    from anzan.evaluation.layer_audit import observe_layer as observe_layer
    from anzan.evaluation.number_swaps import original_and_swapped as original_and_swapped
    from anzan.evaluation.predictions import evaluate as evaluate
    from anzan.evaluation.predictions import evaluate_under as evaluate_under
    from anzan.evaluation.predictions import predict as predict
    from anzan.evaluation.predictions import predict_under as predict_under
    from anzan.evaluation.reader_audit import NothingToAudit as NothingToAudit
    from anzan.evaluation.reader_audit import audit_passes as audit_passes
    from anzan.evaluation.reader_audit import audit_reader as audit_reader
    from anzan.evaluation.scores import Argument as Argument
    from anzan.evaluation.scores import Prediction as Prediction
    from anzan.evaluation.scores import argument_accuracy as argument_accuracy
    from anzan.evaluation.scores import evaluate_predictions as evaluate_predictions
    from anzan.evaluation.tool_use import evaluate_tool_use as evaluate_tool_use
    from anzan.evaluation.tool_use import follow_rate as follow_rate
    from anzan.evaluation.verdict import Audit as Audit
    from anzan.evaluation.verdict import Interval as Interval
    from anzan.evaluation.verdict import Observed as Observed
    from anzan.evaluation.verdict import audit as audit
else:
    __getattr__, __all__ = lazy(
        __name__,
        {
            "drop_metric": ("drop_em_f1", "normalize", "signed_em"),
            "interventions": ("Intervention",),
            "scores": ("Argument", "Prediction", "argument_accuracy", "evaluate_predictions"),
            "explanation": ("Candidate", "Explanation", "explain"),
            "gradients": ("NoAnswer", "Salient", "calculator_share", "saliency"),
            "layer_audit": ("observe_layer",),
            "number_swaps": ("original_and_swapped",),
            "predictions": ("evaluate", "evaluate_under", "predict", "predict_under"),
            "reader_audit": ("NothingToAudit", "audit_passes", "audit_reader"),
            "tool_use": ("evaluate_tool_use", "follow_rate"),
            "verdict": ("Audit", "Interval", "Observed", "audit"),
        },
    )
