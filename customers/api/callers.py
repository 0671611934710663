from rest_framework.request import Request

from customers.models import Retailer


def retailer_of(request: Request) -> Retailer:
    """Return whose system calls."""
    retailer: Retailer = request.auth.retailer  # type: ignore[union-attr] # HasScope let only a key through
    return retailer
