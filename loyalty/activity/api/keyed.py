"""Facts that are reported with an Idempotency-Key, taken together with others: each answer is kept with what it tells of."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from rest_framework import status

from customers.core.values import dataclass
from loyalty.activity.api.rendering import answers
from loyalty.activity.intake import Answer
from loyalty.api.idempotency import Once, answered, keep
from loyalty.api.renderers import QuickJSONRenderer


@dataclass(frozen=True, slots=True)
class Reported:
    """A fact that is on its way, with its request's key where it has one."""

    fact: Any
    once: Once | None = None


def take_reported(
    take: Callable[[Sequence[Any]], list[Answer[Any]]], reported: Sequence[Reported]
) -> list[Answer[Any] | HttpResponse]:
    """
    Take facts in one transaction; return what became of each, as it is told where it has a key.

    A fact that was refused is answered for nobody to keep: its words are in its own caller's language.
    """
    keyed = [each.once for each in reported if each.once]
    if not keyed:
        return list(take([each.fact for each in reported]))
    with transaction.atomic():
        before = dict(zip(keyed, answered(keyed), strict=True))
        told: list[Any] = [each.once and before[each.once] for each in reported]
        new = [place for place, answer in enumerate(told) if answer is None]
        taken = take([reported[place].fact for place in new]) if new else []
        made: list[tuple[Once, HttpResponse]] = []
        for place, answer in zip(new, taken, strict=True):
            once = reported[place].once
            told[place] = answer
            if once and answer.outcome.error is None:
                told[place] = said = _said(answer)
                made.append((once, said))
        keep(made)
    return told


def _said(taken: Answer[Any]) -> HttpResponse:
    body = QuickJSONRenderer().render(answers([taken])[0])
    return HttpResponse(body, status=code_of(taken), content_type=QuickJSONRenderer.media_type)


def code_of(taken: Answer[Any]) -> int:
    """Return the status of a fact that was taken: 201 where it is new."""
    return status.HTTP_201_CREATED if taken.outcome.status == "created" else status.HTTP_200_OK
