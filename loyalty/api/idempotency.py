"""
The same request twice has one effect: `Idempotency-Key`, per credential, committed with the effect.

Same key and body: the stored answer, with `Idempotent-Replayed: true`. Another body: 422. Still in flight: 409. Kept is what
was done, and what was decided not to be done (422); a request that has to be mended, or may be sent again, is not. A dry run has
no effect, so its key stays free for what it was asked for, and it tells anew what would happen now.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from customers.api.asking import DRY_RUN, WORDS
from customers.core import bulk
from loyalty.access.staff import post_of
from loyalty.api.models import IdempotencyRecord, digest
from loyalty.api.problems import problem_response

PREFIX = "/api/"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_KEY_LENGTH = 255
BAD_REQUEST, REFUSED, SERVER_ERROR = 400, 422, 500
# The locks come first, by a statement of their own: who held one before has committed its answer when it is got.
LOCK = "SELECT pg_try_advisory_xact_lock(number) FROM (SELECT unnest(%b::bigint[]) AS number) AS asked"
KNOWN = """
SELECT r.credential, r.key, r.request_digest, r.status, r.content_type, r.body
FROM (SELECT unnest(%b::text[]) AS credential, unnest(%b::text[]) AS key) AS asked
JOIN api_idempotencyrecord r ON r.credential = asked.credential AND r.key = asked.key
"""
COLUMNS = (
    "credential", "key", "request_digest", "status", "content_type", "body", "created_at", "acted_for", "customer",
)  # fmt: skip


class Once:
    """A request that has a key, and the transaction in which it is answered, where it goes by itself."""

    def __init__(self, request: HttpRequest, key: str, held: ExitStack) -> None:
        self.request, self.key, self.held = request, key, held
        self.credential = digest(_caller(request))
        self.is_alone = False

    @cached_property
    def digest(self) -> str:
        """What is asked, as a hash."""
        asked = f"{self.request.method} {self.request.get_full_path()} ".encode()
        return hashlib.sha256(asked + self.request.body).hexdigest()

    @property
    def number(self) -> int:
        """The number of the key's lock."""
        return int.from_bytes(hashlib.sha256(f"{self.credential} {self.key}".encode()).digest()[:8], signed=True)

    def go_alone(self) -> HttpResponse | None:
        """Begin the request's own transaction; return the answer if it was given before, or is being made."""
        self.held.enter_context(transaction.atomic())
        (answer,) = answered([self])
        self.is_alone = answer is None
        return answer

    def keep(self, response: HttpResponse) -> None:
        """Keep the answer of a request that went alone; undo it where there is none."""
        if response.status_code >= SERVER_ERROR:
            transaction.set_rollback(True)  # what is not answered is not done either
        elif _may_be_kept(response):
            keep([(self, response)])


class IdempotencyMiddleware:
    """
    Lets a write that has a key go in one transaction with the record of its answer.

    A view that names itself in `keeps_answers` takes several together, and keeps each answer with what it did.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = request.META.get("HTTP_IDEMPOTENCY_KEY")  # `headers` would read all of them
        if key is None or request.method in SAFE or not request.path.startswith(PREFIX):
            return self.get_response(request)
        if not key or len(key) > MAX_KEY_LENGTH:
            detail = _("An Idempotency-Key has 1 to %(limit)s characters.") % {"limit": MAX_KEY_LENGTH}
            return problem_response(400, "bad_idempotency_key", detail, instance=request.path)
        if _is_dry(request):
            return self.get_response(request)
        with ExitStack() as held:
            once = request.once = Once(request, key, held)  # type: ignore[attr-defined] # read by `once_of`
            response = self.get_response(request)
            if once.is_alone:
                once.keep(response)
        return response

    def process_view(self, request: HttpRequest, view: Any, *_given: Any) -> None:
        """Let a request go alone whose view knows nothing of keys."""
        once = once_of(request)
        if once is None or getattr(getattr(view, "cls", None), "keeps_answers", False):
            return
        if (answer := once.go_alone()) is not None:
            # Told by the view, after it has asked whether the caller is still who may ask.
            request.answered_before = answer  # type: ignore[attr-defined] # read there


def once_of(request: HttpRequest) -> Once | None:
    """Return the key of a request; None where it has none."""
    return getattr(request, "once", None)


def answered(asked: Sequence[Once]) -> list[HttpResponse | None]:
    """Lock keys until the transaction ends; return the answer to each that was used before, or is at this moment."""
    locks = bulk.fetch(LOCK, [[once.number for once in asked]])
    rows = bulk.fetch(KNOWN, [[once.credential for once in asked], [once.key for once in asked]])
    known = {(credential, key): rest for credential, key, *rest in rows}
    answers: list[HttpResponse | None] = []
    seen: set[int] = set()  # a session may lock twice
    for once, (is_locked,) in zip(asked, locks, strict=True):
        record = known.get((once.credential, once.key))
        if not is_locked or once.number in seen:
            answers.append(_in_flight(once.request.path))
        else:
            answers.append(_replay(once, *record) if record else None)
        seen.add(once.number)
    return answers


def keep(given: Iterable[tuple[Once, HttpResponse]]) -> None:
    """Keep answers under their keys; they are committed with what they tell of."""
    now = timezone.now()
    rows = [
        (
            once.credential, once.key, once.digest, said.status_code, said.get("Content-Type", ""), _body_of(said), now,
            *_asker(once.request),
        )
        for once, said in given
    ]  # fmt: skip
    bulk.insert(IdempotencyRecord, COLUMNS, rows)


def _asker(request: HttpRequest) -> tuple[int | None, UUID | None]:
    """Return for which retailer, and for which of its shoppers, a request was answered: who is erased is so by its own."""
    auth = getattr(request, "auth", None)
    retailer = getattr(auth, "retailer_id", None) or getattr(getattr(auth, "retailer", None), "pk", None)
    return retailer, getattr(auth, "customer_id", None)


def _body_of(response: HttpResponse) -> bytes:
    """Return what is told again: of an answer with a secret what it says may be, so that a lost one makes nothing twice."""
    again = getattr(response, "told_again", None)
    return response.content if again is None else json.dumps(again, cls=DjangoJSONEncoder).encode()


def _is_dry(request: HttpRequest) -> bool:
    """Tell whether a request asks what would happen; of whatever else it says the view decides."""
    said = {WORDS.get(value.lower()) for value in request.GET.getlist(DRY_RUN.name)} if request.GET else set()
    return said == {True}


def _may_be_kept(response: HttpResponse) -> bool:
    """Tell whether an answer may be given again: what was done or refused, but none that is a secret."""
    if response.status_code >= BAD_REQUEST and response.status_code != REFUSED:
        return False
    return hasattr(response, "told_again") or "no-store" not in response.get("Cache-Control", "")


def _caller(request: HttpRequest) -> str:
    """
    Return what tells one caller from another: its credential, however its header is written, or its session.

    Of somebody who works for several retailers, one session acts for each in turn: at each it is another caller.
    """
    scheme, _space, credential = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme:
        return f"{scheme.lower()} {credential.strip()}"
    post = post_of(request)
    retailer = post.retailer.pk if post is not None and post.retailer is not None else ""
    return f"{request.COOKIES.get(settings.SESSION_COOKIE_NAME, '')} {retailer}"


def _in_flight(path: str) -> HttpResponse:
    detail = _("A request with this Idempotency-Key is still in flight. Ask again in a second.")
    response: HttpResponse = problem_response(409, "in_flight", detail, instance=path)
    response["Retry-After"] = "1"
    return response


def _replay(once: Once, request_digest: str, status: int, content_type: str, body: bytes) -> HttpResponse:
    if request_digest != once.digest:
        detail = _("This Idempotency-Key came with another request before. Use a new key for a new request.")
        return problem_response(422, "idempotency_key_reused", detail, instance=once.request.path)
    response = HttpResponse(body, status=status, content_type=content_type)
    if not content_type:  # an answer without a body, such as to DELETE
        del response["Content-Type"]
    response["Idempotent-Replayed"] = "true"
    return response
