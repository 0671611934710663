"""What experiments hold on a person: in which part it is, by chance. Nothing of it says who it is, so nothing is forgotten."""

from datetime import datetime

from django.utils.translation import gettext as _

from customers.privacy import Part, Person, Section
from loyalty.experiments.models import Assignment


def holds(person: Person, _now: datetime) -> list[Section]:
    """Return in which parts of which experiments a person is."""
    rows = Assignment.objects.filter(customer__in=person.ids).select_related("experiment", "variant").order_by("pk")
    return [
        Section(
            "experiments",
            _("Comparisons in which you were put in a part by chance"),
            [
                {
                    "experiment": row.experiment.name,
                    "part": row.variant.name or row.variant.code,
                    "assigned_at": row.assigned_at,
                }
                for row in rows
            ],
        )
    ]


PART = Part("experiments", ("experiments_assignment",), holds=holds)
