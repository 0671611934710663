"""What the API's frame holds on a person: its tokens, and answers that are kept for requests that come again."""

import json
from datetime import datetime

from django.utils.translation import gettext as _

from customers.core import bulk
from customers.models import Customer
from customers.privacy import Part, Person, Section
from loyalty.api.models import MemberToken
from loyalty.api.problems import CONTENT_TYPE, problem

# An answer stays known as given, so that nothing is done twice; what it said is forgotten.
FORGET_ANSWERS = """
UPDATE api_idempotencyrecord SET status = 410, content_type = %s, body = convert_to(%s, 'UTF8')
WHERE EXISTS (SELECT 1 FROM unnest(%b::text[]) AS t(trace) WHERE position(convert_to(t.trace, 'UTF8') IN body) > 0)
"""
NAMES = ("customer", "external_id")


def holds(person: Person, _now: datetime) -> list[Section]:
    """Return until when a person's tokens are good; their texts are not kept."""
    tokens = MemberToken.objects.filter(customer__in=person.ids).order_by("pk")
    return [Section("tokens", _("Apps in which you are signed in"), tokens.values("expires_at"))]


def erase(person: Person, _now: datetime) -> None:
    """End a person's tokens, and forget answers that name it."""
    MemberToken.objects.filter(customer__in=person.ids).delete()
    detail = "This request was carried out. What it answered was erased with a person's data."
    gone = json.dumps(problem(410, "erased", detail))
    bulk.execute(FORGET_ANSWERS, [CONTENT_TYPE, gone, _traces(person)])


def _traces(person: Person) -> list[str]:
    """Return the texts by which an answer in JSON names a person: a short id only where it stands as one."""
    rows = Customer.objects.filter(pk__in=person.ids).values_list("email", "phone")
    known = [json.dumps(text, ensure_ascii=False) for row in rows for text in row if text]
    known += [json.dumps(str(key)) for key in person.ids] + [json.dumps(number) for number in person.renamed]
    named = [f"{json.dumps(name)}:{json.dumps(text, ensure_ascii=False)}" for name in NAMES for text in person.names]
    return known + named


PART = Part("api", ("api_membertoken", "api_idempotencyrecord"), holds=holds, erase=erase)
