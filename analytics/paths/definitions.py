"""The funnels that a retailer can ask for: those that are shipped, and its own."""

from dataclasses import dataclass

from analytics.paths.models import Funnel
from analytics.paths.touchpoints import SHIPPED, FunnelSteps
from analytics.paths.words import SHIPPED_NAMES
from customers.models import Retailer


@dataclass(frozen=True, slots=True)
class NamedFunnel:
    """A funnel by its code; `is_own` of one that the retailer defined."""

    code: str
    name: str
    definition: FunnelSteps
    is_own: bool


def funnels_of(retailer: Retailer) -> list[NamedFunnel]:
    """Return all funnels, a retailer's own first."""
    rows = Funnel.objects.filter(retailer=retailer).order_by("name", "code")
    own = [NamedFunnel(each.code, each.name, each.definition, is_own=True) for each in rows]
    return own + [NamedFunnel(code, str(SHIPPED_NAMES[code]), each, is_own=False) for code, each in SHIPPED.items()]
