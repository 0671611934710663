"""The admin itself: the theme's site, which makes what a page does not show for nobody."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from unfold.sites import UnfoldAdminSite


class AdminSite(UnfoldAdminSite):  # type: ignore[misc] # the theme has no types
    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """
        Return the applications with their models when somebody looks at them.

        Every page's context has them, our menu shows none of them, and asking for the rights to some 130 models took a
        third of a page's time.
        """
        return SimpleLazyObject(lambda: super(AdminSite, self).get_app_list(request, app_label))
