"""The site's addresses."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.decorators.cache import cache_control
from django.views.generic import RedirectView
from django.views.static import serve
from drf_spectacular.views import SpectacularSwaggerSplitView

from loyalty.access.choosing import choose
from loyalty.activity.search.page import search
from loyalty.admin_theme.theme import favicon
from loyalty.api import health
from loyalty.api.document import DocumentView
from loyalty.campaigns.reaching.web import unsubscribed
from loyalty.page.views.survey import survey

handler403 = "loyalty.admin_theme.errors.forbidden"
handler404 = "loyalty.admin_theme.errors.missing"
handler500 = "loyalty.api.problems.failure"
# The API first: each address before the one that is meant is looked at.
urlpatterns = [
    path("api/v1/", include("loyalty.activity.api.urls")),
    path("api/v1/", include("loyalty.planning.api.urls")),
    path("api/v1/", include("loyalty.plans.api.urls")),
    path("api/v1/", include("loyalty.referrals.api.urls")),
    path("api/v1/", include("loyalty.badges.api.urls")),
    path("api/v1/", include("loyalty.experiments.api.urls")),
    path("api/v1/", include("loyalty.campaigns.api.urls")),
    path("api/v1/", include("loyalty.signin.api.urls")),
    path("api/v1/", include("loyalty.outbox.api.urls")),
    path("api/v1/", include("analytics.api.urls")),
    path("api/v1/", include("customers.api.urls")),  # last: a customer's id may be anything
    path("favicon.ico", favicon, name="favicon"),
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/retailer/", admin.site.admin_view(choose), name="choose-retailer"),
    path("admin/", include("loyalty.staff_signin.urls")),  # the sign-in of the admin among them
    path("admin/find/", admin.site.admin_view(search), name="search"),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("my/", include("loyalty.page.urls")),
    path("u/<str:token>", unsubscribed, name="unsubscribe"),
    path("s/<str:token>", survey, name="survey"),
    path("api/schema", DocumentView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("health/live", health.live, name="live"),
    path("health/ready", health.ready, name="ready"),
]
if settings.SERVE_MEDIA and settings.MEDIA_URL.startswith("/"):
    folder = settings.MEDIA_URL.strip("/")
    kept = cache_control(public=True, max_age=31_536_000, immutable=True)(serve)  # they are named for what they hold
    urlpatterns.append(path(f"{folder}/<path:path>", kept, {"document_root": settings.MEDIA_ROOT}, name="media"))
