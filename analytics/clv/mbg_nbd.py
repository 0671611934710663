"""
MBG/NBD: customers buy at a Gamma-distributed rate and may leave after any purchase, the first too, each with an own chance.

Batislam, Denizel, Filiztekin (2007), Empirical Validation and Comparison of Models for Customer Base Analysis. Much faster to
fit than Pareto/NBD, and, unlike BG/NBD, it can see that one who bought once has left. Time is in any unit, that of the tuples;
alpha is in the same one.
"""

from typing import ClassVar, overload

from analytics.clv.covariates import ByCategory, Covariates
from analytics.clv.families import fit_family
from analytics.clv.fitting import Fit
from analytics.clv.leaving_chance import LeavingChance, family
from analytics.clv.tuples import Tuples


class MBGNBD(LeavingChance):
    """A fitted model, with parameters r, alpha (in units of time), a and b."""

    name: ClassVar[str] = "MBG/NBD"
    first_counts: ClassVar[bool] = True


FAMILY = family(MBGNBD, MBGNBD.name)


@overload
def fit(tuples: Tuples) -> tuple[MBGNBD, Fit]: ...
@overload
def fit(tuples: Tuples, *, covariates: None) -> tuple[MBGNBD, Fit]: ...
@overload
def fit(tuples: Tuples, *, covariates: Covariates) -> tuple[ByCategory[MBGNBD], Fit]: ...


def fit(tuples: Tuples, *, covariates: Covariates | None = None) -> tuple[MBGNBD | ByCategory[MBGNBD], Fit]:
    """
    Fit the model to customers.

    :param covariates: what is known of the categories that the tuples name, to scale alpha, a and b by
    :returns: the model, and its parameters r, alpha, a, b, then the coefficients of alpha, of a and of b
    :raises DidNotConverge: when the data do not determine it, for instance when nobody bought twice
    """
    found = fit_family(FAMILY, tuples, None if covariates is None else covariates.design)
    base = MBGNBD(*(float(value) for value in found.values[:4]))
    if covariates is None:
        return base, found
    return ByCategory.of(base, FAMILY, covariates, found), found
