"""
Who is in which variant: told by a digest, written once, and never decided anew.

Whoever becomes known is assigned by a trigger, in the statement that makes it known (its migration says how); those who are
known when an experiment starts are assigned by its start.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from customers.core import bulk
from customers.core.values import dataclass
from customers.models import Customer
from loyalty.experiments.models import Assignment, Experiment

BLOCK = 20_000
ASSIGN = """
WITH block AS (
    SELECT c.id FROM customers_customer c
    WHERE c.retailer_id = %s AND c.id > %s AND c.merged_into_id IS NULL AND c.erased_at IS NULL ORDER BY c.id LIMIT %s
), ids AS (SELECT array_agg(b.id ORDER BY b.id) AS all_of_them FROM block b)
SELECT all_of_them[cardinality(all_of_them)], experiments_assign(%s, all_of_them, %s) FROM ids WHERE all_of_them IS NOT NULL
"""
ASSIGN_MISSING = """
SELECT experiments_assign(%s, array_agg(c.id ORDER BY c.id), %s) FROM customers_customer c
WHERE c.retailer_id = %s AND NOT EXISTS (
    SELECT 1 FROM experiments_assignment a WHERE a.experiment_id = %s AND a.customer_id = c.id)
HAVING count(*) > 0
"""
ASSIGN_THESE = "SELECT experiments_assign(%s, %b::uuid[], %s)"
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('experiments.starting'), %s)"
# Whether a customer is in the control of an experiment that holds out of everything, at an instant, in a program.
HELD_OUT_OF_ALL = """EXISTS (
        SELECT 1 FROM experiments_assignment g JOIN experiments_variant v ON v.id = g.variant_id
        JOIN experiments_experiment x ON x.id = g.experiment_id
        WHERE g.customer_id = {customer} AND v.is_control AND x.layer = 'global' AND x.state = 'running' AND x.starts_at <= {at}
            AND (x.ends_at IS NULL OR x.ends_at > {at}) AND (x.program_id IS NULL OR x.program_id = {program}))"""
BEFORE_ALL = UUID(int=0)
HOLD_OUTS = frozenset({Experiment.Form.NOT_INVITED, Experiment.Form.NO_BENEFITS})


@dataclass(frozen=True, slots=True)
class Arm:
    """
    In which variant of an experiment a customer is.

    :param is_held_out: whether it is the control of a hold-out
    """

    experiment: str
    variant: str
    bucket: int
    assigned_at: datetime
    exposed_at: datetime
    is_held_out: bool
    is_running: bool


def assign_all(experiment: Experiment, *, now: datetime) -> int:
    """
    Assign all customers who are known, in blocks, and return how many were; one who is assigned already stays.

    Those who are being registered meanwhile are waited for at the end, and those who come later wait for the transaction's end:
    then they see that it runs.
    """
    last, written = BEFORE_ALL, 0
    while rows := bulk.fetch(ASSIGN, [experiment.retailer_id, last, BLOCK, experiment.pk, now]):
        ((last, assigned),) = rows
        written += assigned
    bulk.fetch(ONE_AT_A_TIME, [experiment.retailer_id])
    if rows := bulk.fetch(ASSIGN_MISSING, [experiment.pk, now, experiment.retailer_id, experiment.pk]):
        written += rows[0][0]
    return written


def assign_these(experiment: Experiment, customers: Sequence[UUID], *, now: datetime) -> int:
    """Assign some customers, and return how many were; who is held out of it, merged or erased is not."""
    written = 0
    for start in range(0, len(customers), BLOCK):
        written += bulk.fetch(ASSIGN_THESE, [experiment.pk, list(customers[start : start + BLOCK]), now])[0][0]
    return written


def arms_of(customer: Customer, *, now: datetime) -> list[Arm]:
    """Return the variants that a customer is in, those of ended experiments too, the newest last."""
    rows = Assignment.objects.filter(customer=customer).select_related("experiment", "variant").order_by("pk")
    return [
        Arm(
            row.experiment.code,
            row.variant.code,
            row.bucket,
            row.assigned_at,
            row.exposed_at,
            row.variant.is_control and row.experiment.form in HOLD_OUTS,
            runs_at(row.experiment, now),
        )
        for row in rows
    ]


def runs_at(experiment: Experiment, instant: datetime) -> bool:
    """Tell whether an experiment treats its variants differently at an instant."""
    ends = [end for end in (experiment.ends_at, experiment.ended_at) if end is not None]
    return experiment.starts_at is not None and experiment.starts_at <= instant and all(instant < end for end in ends)


def sizes(experiments: Iterable[Experiment]) -> Mapping[UUID, Mapping[str, int]]:
    """Return how many persons each variant of experiments has so far, by experiment and variant; one that has none has 0."""
    pks = [experiment.pk for experiment in experiments]
    found = {pk: Counter[str]() for pk in pks}
    for pk, code, number in bulk.fetch(SIZES, [pks]):
        found[pk][code] = number
    return found


# As looks count them: of a person's records its own counts, or else the first that was assigned.
SIZES = """
SELECT v.experiment_id, v.code, count(a.id) FILTER (WHERE CASE WHEN c.merged_into_id IS NULL THEN true ELSE NOT EXISTS (
    SELECT 1 FROM customers_customer p
    JOIN experiments_assignment o ON o.customer_id = p.id AND o.experiment_id = a.experiment_id
    WHERE (p.id = c.merged_into_id OR p.merged_into_id = c.merged_into_id)
        AND (p.merged_into_id IS NULL OR (o.assigned_at, o.id) < (a.assigned_at, a.id))) END)
FROM experiments_variant v
LEFT JOIN experiments_assignment a ON a.experiment_id = v.experiment_id AND a.variant_id = v.id
LEFT JOIN customers_customer c ON c.id = a.customer_id
WHERE v.experiment_id = ANY(%s) GROUP BY v.experiment_id, v.position, v.code ORDER BY v.experiment_id, v.position
"""
