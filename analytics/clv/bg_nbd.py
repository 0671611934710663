"""
BG/NBD: customers buy at a Gamma-distributed rate and may leave after a repeat purchase, each with an own chance.

Fader, Hardie, Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model. It is here for
comparison: who bought once cannot have left by it, so that its probability of being active is never shown as churn. Time is in
any unit, that of the tuples; alpha is in the same one.
"""

from typing import ClassVar, overload

from analytics.clv.covariates import ByCategory, Covariates
from analytics.clv.families import fit_family
from analytics.clv.fitting import Fit
from analytics.clv.leaving_chance import LeavingChance, family
from analytics.clv.tuples import Tuples


class BGNBD(LeavingChance):
    """A fitted model, with parameters r, alpha (in units of time), a and b."""

    name: ClassVar[str] = "BG/NBD"
    first_counts: ClassVar[bool] = False


FAMILY = family(BGNBD, BGNBD.name)


@overload
def fit(tuples: Tuples) -> tuple[BGNBD, Fit]: ...
@overload
def fit(tuples: Tuples, *, covariates: None) -> tuple[BGNBD, Fit]: ...
@overload
def fit(tuples: Tuples, *, covariates: Covariates) -> tuple[ByCategory[BGNBD], Fit]: ...


def fit(tuples: Tuples, *, covariates: Covariates | None = None) -> tuple[BGNBD | ByCategory[BGNBD], Fit]:
    """
    Fit the model to customers.

    :param covariates: what is known of the categories that the tuples name, to scale alpha, a and b by
    :returns: the model, and its parameters r, alpha, a, b, then the coefficients of alpha, of a and of b
    :raises DidNotConverge: when the data do not determine it, for instance when nobody bought twice
    """
    found = fit_family(FAMILY, tuples, None if covariates is None else covariates.design)
    base = BGNBD(*(float(value) for value in found.values[:4]))
    if covariates is None:
        return base, found
    return ByCategory.of(base, FAMILY, covariates, found), found
