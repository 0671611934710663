"""The address in each message at which one request ends such messages: GET shows a page, POST acts, and no one signs in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.cache import add_never_cache_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from customers.core import tenancy
from loyalty.campaigns.reaching.unsubscribing import PURPOSES, UnknownToken, message_of, unsubscribe

POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


@csrf_exempt  # a mail program has no token of ours; who knows the address is who may
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribed(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether messages shall end, or end them; the same request again changes nothing."""
    try:
        with tenancy.acting_for(tenancy.ALL_TENANTS):
            message = message_of(token)
    except UnknownToken as refusal:
        return _page(request, {"refusal": str(refusal)}, status=404)
    customer = message.customer.merged_into or message.customer
    with tenancy.acting_for(message.retailer_id), translation.override(customer.language or customer.retailer.language):
        is_done = request.method == "POST"
        if is_done:
            unsubscribe(message, now=timezone.now())
        about = {
            "message": message,
            "retailer": customer.retailer,
            "is_done": is_done,
            "can": message.channel in PURPOSES,
        }
        return _page(request, about)


def _page(request: HttpRequest, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    response = render(
        request,
        "campaigns/unsubscribe.html",
        {"language": translation.get_language() or "en", **context},
        status=status,
    )
    add_never_cache_headers(response)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
