"""
The same request twice has one effect: `Idempotency-Key`, per credential, committed with the effect.

Same key and body: the stored answer, with `Idempotent-Replayed: true`. Another body: 422. Still in flight: 409.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from customers.core import bulk
from loyalty.api.models import IdempotencyRecord, digest
from loyalty.api.problems import problem_response

PREFIX = "/api/"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_KEY_LENGTH = 255
# Answers that ask for another try are not kept, nor is what an unknown caller got.
NOT_KEPT = frozenset({401, 403, 409, 412, 428, 429})


class IdempotencyMiddleware:
    """Wraps a write that has a key in one transaction with the record of its answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = request.META.get("HTTP_IDEMPOTENCY_KEY")  # `headers` would read all of them
        if key is None or request.method in SAFE or not request.path.startswith(PREFIX):
            return self.get_response(request)
        if not key or len(key) > MAX_KEY_LENGTH:
            detail = _("An Idempotency-Key has 1 to %(limit)s characters.") % {"limit": MAX_KEY_LENGTH}
            return problem_response(400, "bad_idempotency_key", detail, instance=request.path)
        with transaction.atomic():
            return self._once(request, digest(_caller(request)), key)

    def _once(self, request: HttpRequest, credential: str, key: str) -> HttpResponse:
        if not _lock(credential, key):
            detail = _("A request with this Idempotency-Key is still in flight. Ask again in a second.")
            response: HttpResponse = problem_response(409, "in_flight", detail, instance=request.path)
            response["Retry-After"] = "1"
            return response
        request_digest = _digest(request)
        record = IdempotencyRecord.objects.filter(credential=credential, key=key).first()
        if record is not None:
            return _replay(record, request_digest, request.path)
        response = self.get_response(request)
        if response.status_code < 500 and _may_be_kept(response):  # noqa: PLR2004 - server errors
            _keep(response, credential, key, request_digest, timezone.now())
        elif response.status_code >= 500:  # noqa: PLR2004 - server errors
            transaction.set_rollback(True)  # what is not answered is not done either
        return response


def forget_old(*, now: datetime) -> int:
    """Delete records that are older than keys are kept; return how many."""
    before = now - timedelta(days=settings.IDEMPOTENCY_KEPT_DAYS)
    return IdempotencyRecord.objects.filter(created_at__lt=before).delete()[0]


def _may_be_kept(response: HttpResponse) -> bool:
    """Tell whether an answer may be given again: none that asks for another try, nor one with a secret."""
    return response.status_code not in NOT_KEPT and "no-store" not in response.get("Cache-Control", "")


def _caller(request: HttpRequest) -> str:
    """Return what tells one caller from another: its credential, or its session."""
    return request.headers.get("Authorization") or request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")


def _lock(credential: str, key: str) -> bool:
    number = int.from_bytes(hashlib.sha256(f"{credential} {key}".encode()).digest()[:8], signed=True)
    return bool(bulk.fetch("SELECT pg_try_advisory_xact_lock(%s)", [number])[0][0])


def _digest(request: HttpRequest) -> str:
    asked = f"{request.method} {request.get_full_path()} ".encode()
    return hashlib.sha256(asked + request.body).hexdigest()


def _replay(record: IdempotencyRecord, request_digest: str, path: str) -> HttpResponse:
    if record.request_digest != request_digest:
        detail = _("This Idempotency-Key came with another request before. Use a new key for a new request.")
        return problem_response(422, "idempotency_key_reused", detail, instance=path)
    response = HttpResponse(bytes(record.body), status=record.status, content_type=record.content_type)
    response["Idempotent-Replayed"] = "true"
    return response


def _keep(response: HttpResponse, credential: str, key: str, request_digest: str, now: datetime) -> None:
    IdempotencyRecord.objects.create(
        credential=credential,
        key=key,
        request_digest=request_digest,
        status=response.status_code,
        content_type=response["Content-Type"],
        body=response.content,
        created_at=now,
    )
