"""Experiments, their variants, who is in which, and who did what with them."""

from loyalty.experiments.models.assignment import Assignment
from loyalty.experiments.models.event import ExperimentEvent
from loyalty.experiments.models.experiment import Experiment
from loyalty.experiments.models.variant import Variant

__all__ = ["Assignment", "Experiment", "ExperimentEvent", "Variant"]
