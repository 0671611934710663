"""Who did what with an experiment: in its own log, and for subscribers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loyalty.experiments.models import Experiment, ExperimentEvent
from loyalty.outbox.publishing import NewEvent, publish

TOLD = {
    ExperimentEvent.Action.PLANNED: "experiment.planned",
    ExperimentEvent.Action.STARTED: "experiment.started",
    ExperimentEvent.Action.ENDED: "experiment.ended",
}


def note(
    experiment: Experiment,
    action: ExperimentEvent.Action,
    *,
    author: str,
    said: Mapping[str, Any] | None = None,
    now: datetime,
) -> None:
    """Note what was done with an experiment, in the transaction in which it is done, and tell it."""
    ExperimentEvent.objects.create(
        experiment=experiment,
        retailer_id=experiment.retailer_id,
        action=action,
        author=author,
        said=dict(said or {}),
        occurred_at=now,
    )
    if action in TOLD:
        publish([NewEvent(experiment.retailer_id, TOLD[action], experiment.pk, _payload(experiment), now)], now=now)


def _payload(experiment: Experiment) -> dict[str, Any]:
    return {
        "experiment": experiment.code,
        "program": experiment.program.slug if experiment.program else None,
        "layer": experiment.layer,
        "form": experiment.form,
        "plan_hash": experiment.plan_hash,
        **{name: _iso(getattr(experiment, name)) for name in ("starts_at", "ends_at", "ended_at")},
    }


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
