"""What the API's frame holds on a person: its tokens, and answers that are kept for requests that come again."""

import json
import re
from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _

from customers.core import bulk
from customers.models import Customer
from customers.privacy import Part, Person, Section
from loyalty.api.models import MemberToken
from loyalty.api.problems import CONTENT_TYPE, problem

# Of the retailer's callers; what was answered before that was noted may be anybody's.
THEIRS = "(acted_for = %s OR acted_for IS NULL)"
# An answer stays known as given, so that nothing is done twice; what it said is forgotten.
FORGET_ANSWERS = f"""
UPDATE api_idempotencyrecord SET status = 410, content_type = %s, body = convert_to(%s, 'UTF8')
WHERE {THEIRS} AND (customer = ANY(%s)
    OR EXISTS (SELECT 1 FROM unnest(%b::text[]) AS t(trace) WHERE position(convert_to(t.trace, 'UTF8') IN body) > 0))
"""
# Nothing was done that could be done twice: who asks again is answered by what is so then.
FORGET_REFUSALS = f"""
DELETE FROM api_idempotencyrecord
WHERE {THEIRS} AND status = 422 AND (customer = ANY(%s) OR convert_from(body, 'UTF8') ~ %s)
"""
NO_WORD, ESCAPED = re.compile(r"(\W)"), r"\\\1"
NAMES = ("customer", "external_id")


def holds(person: Person, _now: datetime) -> list[Section]:
    """Return until when a person's tokens are good; their texts are not kept."""
    tokens = MemberToken.objects.filter(customer__in=person.ids).order_by("pk")
    return [Section("tokens", _("Apps in which you are signed in"), tokens.values("expires_at"))]


def erase(person: Person, _now: datetime) -> None:
    """End a person's tokens, and forget answers that name it."""
    MemberToken.objects.filter(customer__in=person.ids).delete()
    shop, ids = person.retailer.pk, list(person.ids)
    detail = "This request was carried out. What it answered was erased with a person's data."
    gone = json.dumps(problem(410, "erased", detail))
    addresses = _addresses(person)
    bulk.execute(FORGET_REFUSALS, [shop, ids, _in_words([*addresses, *person.names, *person.renamed])])
    bulk.execute(FORGET_ANSWERS, [CONTENT_TYPE, gone, shop, ids, _traces(person, addresses)])


def _addresses(person: Person) -> list[str]:
    rows = Customer.objects.filter(pk__in=person.ids).values_list("email", "phone")
    return [text for row in rows for text in row if text]


def _in_words(texts: Iterable[str]) -> str:
    """Return a pattern of PostgreSQL's for texts that stand by themselves in what is said, or in an address."""
    written = (json.dumps(text, ensure_ascii=False)[1:-1] for text in texts)
    return rf"(^|\W)({'|'.join(NO_WORD.sub(ESCAPED, text) for text in written)})(\W|$)"


def _traces(person: Person, addresses: Iterable[str]) -> list[str]:
    """Return the texts by which an answer in JSON names a person: a short id only where it stands as one."""
    known = [json.dumps(text, ensure_ascii=False) for text in addresses]
    known += [json.dumps(str(key)) for key in person.ids] + list(person.renamed)
    named = [f"{json.dumps(name)}:{json.dumps(text, ensure_ascii=False)}" for name in NAMES for text in person.names]
    return known + named


PART = Part("api", ("api_membertoken", "api_idempotencyrecord"), holds=holds, erase=erase)
