"""Why rules gave nothing for an order, and which lines others did not count, as sentences: reads only."""

from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from customers.core.money import unit_of
from customers.core.values import dataclass
from customers.models import Order
from loyalty.activity.history import load_orders
from loyalty.activity.models import OrderDecision
from loyalty.activity.versions import published_version
from loyalty.engine.basket import Occasion
from loyalty.points.models import EarningRule
from loyalty.points.remarks import Remark, Remarked, remarks
from loyalty.points.state import RULES

WORDS = {
    Remark.UNDER_MINIMUM: _(
        "%(rule)s gave nothing: its minimum of %(minimum)s %(currency)s was not reached, for %(amount)s counted."
    ),
    Remark.ONLY_FREE_LINES: _("%(rule)s gave nothing: free lines do not count for it."),
    Remark.ONLY_GIFT_CARDS: _("%(rule)s gave nothing: gift cards do not count for it."),
    Remark.PAID_WITH_POINTS: _("%(rule)s gave nothing: all that counts for it was paid with points."),
    Remark.BELOW_A_POINT: _("%(rule)s gave nothing: it came to less than a point."),
    Remark.FREE_LINES_NOT_COUNTED: ngettext_lazy(
        "%(rule)s: %(lines)s free line did not count.", "%(rule)s: %(lines)s free lines did not count.", "lines"
    ),
    Remark.GIFT_CARDS_NOT_COUNTED: _("%(rule)s: gift cards of %(amount)s %(currency)s did not count."),
}


@dataclass(frozen=True, slots=True)
class Said:
    """
    What there is to say of a rule for an order.

    :param rule: its code
    :param amount: in the order's currency: what it counted, or the gift cards that it did not count
    :param sentence: in the reader's language
    """

    rule: str
    remark: str
    amount: Decimal
    minimum: Decimal
    lines: int
    sentence: str


def remarks_on(order: Order, decision: OrderDecision) -> list[Said]:
    """
    Return why rules gave a member nothing for an order, and what others did not count.

    Of whom an experiment withholds points nothing is told: that it does is nobody's to know.
    """
    if decision.version_id is None:
        return []
    version = published_version(decision.version_id)
    occasion = Occasion(order.occurred_at, version.zone).restored(decision.occasion)
    if occasion.is_withheld:
        return []
    (placed,) = load_orders([order.pk])
    found = remarks(placed.basket, version.seen_by(occasion.arms).of(RULES).earnings, occasion)
    if not found:
        return []
    rules = EarningRule.objects.filter(version=decision.version_id, code__in=[each.rule for each in found])
    names = {rule.code: str(rule) for rule in rules}
    return [_said(each, names.get(each.rule, each.rule), order.currency) for each in found]


def _said(found: Remarked, name: str, currency: str) -> Said:
    unit = unit_of(currency)
    amount, minimum = found.amount.quantize(unit), found.minimum.quantize(unit)
    words = WORDS[found.remark] % {
        "rule": name, "amount": number_format(amount), "minimum": number_format(minimum), "currency": currency,
        "lines": found.lines,
    }  # fmt: skip
    return Said(found.rule, found.remark.value, amount, minimum, found.lines, str(words))
