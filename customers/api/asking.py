"""What a write can be asked for beside its body: its query parameters, of which each is known and means one thing."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from django.db import transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

WORDS = {"true": True, "1": True, "false": False, "0": False}
DRY_RUN = OpenApiParameter("dry_run", bool, description="Answer what would happen, and write nothing.")
ATOMIC = OpenApiParameter("atomic", bool, description="All rows or none.")


class AskedView(APIView):
    """
    A view whose writes take the query parameters that `switches` names for their method, and no other ones.

    A misspelt `dry_run` would do what was only to be tried out, so whatever is not understood is refused before anything is done.
    The answer to a dry run says that it is one, and names nothing that is not there: it is 200 with `dry_run`, without ids.

    :cvar made: fields of an answer that name what the write has made
    """

    switches: ClassVar[dict[str, tuple[OpenApiParameter, ...]]] = {}
    made: ClassVar[tuple[str, ...]] = ("id",)

    def initial(self, request: Request, *given: Any, **named: Any) -> None:
        super().initial(request, *given, **named)
        if request.method not in SAFE_METHODS:
            _check(request, [switch.name for switch in self._switches(request)])

    def finalize_response(self, request: Request, response: Response, *given: Any, **named: Any) -> Response:
        is_done = status.is_success(response.status_code) and DRY_RUN in self._switches(request)
        if is_done and asked_for(request, DRY_RUN.name):
            response.data = {**self._without_ids(response.data or {}), "dry_run": True}
            response.status_code = status.HTTP_200_OK
        return super().finalize_response(request, response, *given, **named)

    def _switches(self, request: Request) -> tuple[OpenApiParameter, ...]:
        return self.switches.get(str(request.method), ())

    def _without_ids(self, said: dict[str, Any]) -> dict[str, Any]:
        rows = {name: [self._without_ids(row) for row in said[name]] for name in ("results",) if name in said}
        return {name: None if name in self.made else value for name, value in said.items()} | rows


@contextmanager
def all_or_dry(request: Request) -> Iterator[None]:
    """Do what is inside in one transaction, and undo it where a dry run was asked for."""
    is_dry = asked_for(request, DRY_RUN.name)
    with transaction.atomic():
        yield
        if is_dry:
            transaction.set_rollback(True)


def asked_for(request: Request, name: str) -> bool:
    """
    Tell whether a query parameter switches something on.

    :raises ValidationError: for a value that is neither on nor off, or both
    """
    said = {WORDS.get(value.lower()) for value in request.query_params.getlist(name)} or {False}
    if said not in ({True}, {False}):
        words = _("%(name)s is true or false (1 or 0); nothing was done.") % {"name": name}
        raise ValidationError({name: [words]}, code="not_a_boolean")
    return said == {True}


def _check(request: Request, names: list[str]) -> None:
    if request.META.get("QUERY_STRING"):
        _refuse_unknown(set(request.query_params) - set(names), names)
    for name in names:
        asked_for(request, name)
        if isinstance(request.data, dict) and name in request.data:
            words = _("%(name)s goes into the address, as ?%(name)s=true, and not into the body; nothing was done.")
            raise ValidationError({name: [words % {"name": name}]}, code="parameter_in_body")


def _refuse_unknown(unknown: Iterable[str], names: list[str]) -> None:
    words = _("There is no such query parameter here. Nothing was done.")
    if names:
        words = _("There is no such query parameter here, only %(known)s. Nothing was done.") % {
            "known": ", ".join(names)
        }
    errors = {name: [words] for name in sorted(unknown)}
    if errors:
        raise ValidationError(errors, code="unknown_parameter")
