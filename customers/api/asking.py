"""
What an operation can be asked: what its document names, and nothing else.

A misspelt `dry_run` would do what was only to be tried out, a misspelt filter would answer with everybody, and a misspelt
field would be recorded as if it had not been said. So whatever is not understood is refused before anything is done.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from unicodedata import is_normalized, normalize

from django.db import transaction
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from customers.api.documented import Documented, documented
from customers.api.names import refuse_unknown

WORDS = {"true": True, "1": True, "false": False, "0": False}
DRY_RUN = OpenApiParameter("dry_run", bool, description="Answer what would happen, and write nothing.")
CURSOR = "cursor"
ATOMIC = OpenApiParameter("atomic", bool, description="All rows or none.")


class AnsweredBefore(Exception):
    """The same request was answered before: whoever may ask it is given that answer again."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer


class AskedView(APIView):
    """
    A view that takes the query parameters and the body that its document names, and no other ones.

    The answer to a dry run is 200 with `dry_run`, and without ids: those of what would be made do not exist.

    :cvar switches: the query parameters of a method, beside those that `extend_schema` names
    :cvar ids: the fields of an answer that a dry run leaves out
    :cvar reads_body_itself: whether its body is a stranger's, of whom nobody can say what it may hold
    :cvar reads_values_itself: whether it looks into the values of its query parameters as strictly by itself
    :cvar scopes: what a key needs for each method; a view without is for shoppers
    """

    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    switches: ClassVar[dict[str, tuple[OpenApiParameter, ...]]] = {}
    reads_body_itself: ClassVar[bool] = False
    reads_values_itself: ClassVar[bool] = False
    ids: ClassVar[tuple[str, ...]] = ("id",)

    def dispatch(self, request: HttpRequest, *given: Any, **named: Any) -> HttpResponseBase:
        """Answer, with names and numbers in the form in which they are recorded: one character for é."""
        places = {name: in_one_form(value) if isinstance(value, str) else value for name, value in named.items()}
        if "%" in request.META.get("QUERY_STRING", ""):
            request.GET = _in_one_form(request.GET)  # type: ignore[assignment] # it is as immutable as it was
        return super().dispatch(request, *given, **places)

    def initial(self, request: Request, *given: Any, **named: Any) -> None:
        super().initial(request, *given, **named)
        if (answer := getattr(request._request, "answered_before", None)) is not None:
            raise AnsweredBefore(answer)
        asked = documented(self, str(request.method))
        _check_parameters(request, asked, with_values=not self.reads_values_itself)
        if request.method not in {"GET", "HEAD"} and not self.reads_body_itself and _may_say_something(request, asked):
            _check_body(request, asked)

    def perform_authentication(self, request: Request) -> None:
        try:
            super().perform_authentication(request)
        except AuthenticationFailed:
            super().check_throttles(request)  # by its address: whoever guesses keys is slowed
            raise

    def check_permissions(self, request: Request) -> None:
        super().check_throttles(request)  # whoever is refused has asked as well
        if str(request.method) not in self.allowed_methods:
            self.http_method_not_allowed(request)
        super().check_permissions(request)

    def check_throttles(self, request: Request) -> None:
        """Do nothing: what a caller may ask for is counted before it is told what it may not do."""

    def handle_exception(self, exc: Exception) -> Response:
        return exc.answer if isinstance(exc, AnsweredBefore) else super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Response, *given: Any, **named: Any) -> Response:
        is_new = not hasattr(request._request, "answered_before")
        is_done = is_new and status.is_success(response.status_code) and DRY_RUN in self._switches(request)
        if is_done and asked_for(request, DRY_RUN.name):
            response.data = {**self._without_ids(response.data or {}), "dry_run": True}
            response.status_code = status.HTTP_200_OK
        return super().finalize_response(request, response, *given, **named)

    def _switches(self, request: Request) -> tuple[OpenApiParameter, ...]:
        return self.switches.get(str(request.method), ())

    def _without_ids(self, said: dict[str, Any]) -> dict[str, Any]:
        rows = {name: [self._without_ids(row) for row in said[name]] for name in ("results",) if name in said}
        return {name: value for name, value in said.items() if name not in self.ids} | rows


@contextmanager
def all_or_dry(request: Request) -> Iterator[None]:
    """Do what is inside in one transaction, and undo it where a dry run was asked for."""
    is_dry = asked_for(request, DRY_RUN.name)
    with transaction.atomic():
        yield
        if is_dry:
            transaction.set_rollback(True)


def said_in(kind: type[BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    """
    Return what the body of a request says.

    :raises ValidationError: when it is not as `kind` takes it
    """
    given = kind(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


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


def in_one_form(text: str) -> str:
    """Return a text in NFC: what looks the same is the same."""
    return text if is_normalized("NFC", text) else normalize("NFC", text)


def _in_one_form(query: QueryDict) -> QueryDict:
    if all(is_normalized("NFC", value) for _name, values in query.lists() for value in values):
        return query
    found = QueryDict(mutable=True)
    for name, values in query.lists():
        found.setlist(name, [in_one_form(value) for value in values])
    found._mutable = False
    return found


def _check_parameters(request: Request, asked: Documented, *, with_values: bool) -> None:
    if not request.META.get("QUERY_STRING"):
        return
    words = _("There is no such query parameter here.")
    if asked.parameters:
        words = _("There is no such query parameter here, only %(known)s.") % {"known": ", ".join(asked.parameters)}
    refuse_unknown(request.query_params, asked.parameters, words, code="unknown_parameter")
    flags = {name for name, parameter in asked.parameters.items() if with_values and parameter.is_flag}
    _refuse_empty(request.query_params, but={CURSOR, *flags})
    for name, parameter in asked.parameters.items() if with_values else ():
        if parameter.is_flag:
            asked_for(request, name)
        else:
            check_values(name, request.query_params.getlist(name), parameter.choices, is_many=parameter.is_many)


def _refuse_empty(query: QueryDict, *, but: Collection[str]) -> None:
    """
    Refuse filters that are said to be nothing: one that is left out answers with everybody, of whom a till takes the first.

    :param but: what may be empty, as the cursor of the first page, or is refused by other words
    """
    empty = [name for name, values in query.lists() if name not in but and not all(map(str.strip, values))]
    if empty:
        words = _("%(name)s is empty. Say what it is to be, or leave it out.")
        raise ValidationError({name: [words % {"name": name}] for name in empty}, code="blank")


def check_values(name: str, values: list[str], choices: tuple[str, ...], *, is_many: bool) -> None:
    """Refuse what is said more than once of which one counts, and what is none of the choices, where there are any."""
    if len(values) > 1 and not is_many:
        raise ValidationError({name: [_("%(name)s is said more than once.") % {"name": name}]}, code="said_twice")
    if choices and (wrong := [value for value in values if value not in choices]):
        words = _("“%(value)s” is none of %(known)s.") % {"value": wrong[0], "known": ", ".join(choices)}
        raise ValidationError({name: [words]}, code="invalid_choice")


def _may_say_something(request: Request, asked: Documented) -> bool:
    """Tell whether there is a body to look into: some clients send an empty form where nothing is to be said."""
    return asked.has_body or not (request.content_type or "").startswith("multipart/")


def _check_body(request: Request, asked: Documented) -> None:
    flags = [name for name, parameter in asked.parameters.items() if parameter.is_flag]
    if flags and isinstance(request.data, dict):
        _refuse_parameters(request.data, flags)
    if asked.body is not None and isinstance(request.data, dict) and not asked.fields.issuperset(request.data):
        asked.body(data=request.data).is_valid(raise_exception=True)  # before anything else is looked for
    if asked.has_body or not request.data:
        return
    if not isinstance(request.data, dict):
        raise ValidationError(_("Nothing is to be said here: the body is empty, or {}."), code="unknown_field")
    refuse_unknown(request.data, (), _("There is no such field here: nothing is to be said."), code="unknown_field")


def _refuse_parameters(said: Iterable[str], names: Iterable[str]) -> None:
    for name in names:
        if name in said:
            words = _("%(name)s goes into the address, as ?%(name)s=true, and not into the body; nothing was done.")
            raise ValidationError({name: [words % {"name": name}]}, code="parameter_in_body")
