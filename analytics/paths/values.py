"""Whether the value of customers who stopped may be told: what is withheld of each of them is told of none together either."""

from customers.core.withheld import withheld_of
from customers.models import Retailer

VALUE = "predicted_value"


def why_not_shown(retailer: Retailer) -> str:
    """Return why the audit lets no predicted value be told; empty where it may be."""
    hidden = withheld_of(retailer.pk)
    return hidden.words if VALUE in hidden.fields else ""
