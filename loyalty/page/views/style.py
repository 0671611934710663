"""A retailer's colours as a style sheet, and what a phone's home screen needs."""

import hashlib

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.urls import reverse

from loyalty.page.visit import Shop, of_shop

SHEET = """:root {{ --accent: {accent}; --on-accent: {on_accent}; --link: {on_light}; }}
@media (prefers-color-scheme: dark) {{ :root {{ --link: {on_dark}; }} }}
"""
KEPT = "public, max-age=3600"


@of_shop
def colours(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Return the retailer's colours."""
    text = SHEET.format(**shop.branding.palette._asdict())
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified(headers={"ETag": tag, "Cache-Control": KEPT})
    return HttpResponse(text, content_type="text/css; charset=utf-8", headers={"ETag": tag, "Cache-Control": KEPT})


@of_shop
def manifest(_request: HttpRequest, shop: Shop) -> HttpResponse:
    """Return what a phone's home screen shows."""
    name = shop.retailer.name
    start = reverse("page:start", kwargs={"retailer": shop.retailer.slug})
    said = {
        "name": name, "short_name": name[:12], "start_url": start, "scope": start, "display": "standalone",
        "theme_color": shop.branding.accent, "background_color": "#ffffff",
    }  # fmt: skip
    return JsonResponse(said, headers={"Cache-Control": KEPT}, content_type="application/manifest+json")
