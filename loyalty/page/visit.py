"""Who looks at which retailer's page: found before a view runs, and acting for that retailer while it does."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _

from customers.core import tenancy
from customers.core.errors import DomainError
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.activity.versions import versions_of_program
from loyalty.badges.state import BADGES
from loyalty.memberships.models import Membership
from loyalty.page.models import Branding
from loyalty.signin.sessions import memberships_of

# Nothing comes from elsewhere but a retailer's own pictures, and nobody frames a page on which points are spent.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: https:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'; worker-src 'self'"
)
PERMISSIONS = "camera=(self), geolocation=(), microphone=(), payment=()"


@dataclass(frozen=True, slots=True)
class Shop:
    """A retailer's page that somebody looks at."""

    retailer: Retailer
    branding: Branding


@dataclass(frozen=True, slots=True)
class Visit:
    """
    A member who looks at its own page.

    :param memberships: all that the signed-in person has at this retailer, this one among them
    """

    shop: Shop
    member: Membership
    memberships: tuple[Membership, ...]

    @property
    def address(self) -> dict[str, str]:
        """Return what names this page in addresses."""
        return {"retailer": self.shop.retailer.slug, "program": self.member.program.slug}


PageView = Callable[..., HttpResponse]


def of_shop(view: PageView) -> PageView:
    """Let a view show a retailer's page, whoever looks; 404 where there is none, and a plain word where it is closed."""

    @wraps(view)
    def shown(request: HttpRequest, retailer: str, **named: Any) -> HttpResponse:
        shop = _shop(retailer)
        with tenancy.acting_for(shop.retailer.pk):
            if not shop.branding.is_open:
                response = render(request, "page/closed.html", {"shop": shop}, status=503)
            else:
                response = _of_view(request, shop, view, named)
        return guarded(response)

    return shown


def _of_view(request: HttpRequest, shop: Shop, view: PageView, named: dict[str, Any]) -> HttpResponse:
    """Return what a view answers, or a page that says that there is nothing, under the same rules for browsers."""
    try:
        return view(request, shop, **named)
    except Http404 as missing:
        said = str(missing) or _("There is nothing at this address.")
        return render(request, "page/missing.html", {"shop": shop, "said": said}, status=404)


def of_member(view: PageView) -> PageView:
    """Let a view show a member its own page; who is not signed in is asked to, and comes back here."""

    @wraps(view)
    def shown(request: HttpRequest, shop: Shop, program: str, **named: Any) -> HttpResponse:
        mine = tuple(memberships_of(request, shop.retailer))
        if not mine:
            return redirect("page:start", retailer=shop.retailer.slug)
        member = next((each for each in mine if each.program.slug == program), None)
        if member is None:
            raise Http404
        visit = Visit(shop, member, mine)
        try:
            response = view(request, visit, **named)
        except DomainError as refusal:
            response = refused(request, visit, refusal)
        return response

    return of_shop(shown)


def go(visit: Visit, name: str, **named: Any) -> HttpResponse:
    """Return the way to another page of the member's."""
    return HttpResponseRedirect(reverse(f"page:{name}", kwargs=visit.address | named))


def refused(request: HttpRequest, visit: Visit, refusal: DomainError) -> HttpResponse:
    """Return a page that says why something was not done, and that nothing was."""
    return show(request, visit, "page/refused.html", {"refusal": str(refusal)}, status=409)


def show(
    request: HttpRequest, visit: Visit, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Return a member's page."""
    uses = versions_of_program(visit.member.program_id).uses
    about = {
        "has_challenges": BADGES.name in uses,
        "visit": visit,
        "shop": visit.shop,
        "member": visit.member,
        "now": timezone.now(),
        **visit.address,
    }
    return render(request, template, about | context, status=status)


def _shop(slug: str) -> Shop:
    with tenancy.acting_for(tenancy.ALL_TENANTS):
        retailer = Retailer.objects.select_related("branding").filter(slug=slug).first()
    if retailer is None:
        raise Http404(_("There is no such shop."))
    return shop_of(retailer)


def shop_of(retailer: Retailer) -> Shop:
    """Return a retailer's page, with its own colours or the usual ones."""
    return Shop(retailer, getattr(retailer, "branding", None) or Branding(retailer=retailer))


def guarded(response: HttpResponse) -> HttpResponse:
    """Return an answer with what browsers are to keep to."""
    if not response.has_header("Cache-Control"):  # forms have a token of their own, and pages say who is signed in
        add_never_cache_headers(response)
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("Permissions-Policy", PERMISSIONS)
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Content-Language", translation.get_language() or "en")
    return response
