"""How segments, tags and stages are called, in the reader's language."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.core.segments import LifeStage, SegmentTag, SegmentType

TYPE_NAMES: Mapping[str, Promise] = {
    SegmentType.VIP: _("VIP"),
    SegmentType.VIP_AT_RISK: _("VIP at risk"),
    SegmentType.POTENTIAL_LOYAL: _("potential loyal"),
    SegmentType.LOYAL_LOW_VALUE: _("loyal of low value"),
    SegmentType.LOW_VALUE_AT_RISK: _("low value at risk"),
}
TAG_NAMES: Mapping[str, Promise] = {
    SegmentTag.SERIAL_RETURNER: _("serial returner"),
    SegmentTag.SELDOM_BUYER: _("visitor who seldom buys"),
    SegmentTag.GIFT_BUYER: _("gift buyer"),
    SegmentTag.CATEGORY_LOVER: _("category lover"),
    SegmentTag.BRAND_LOVER: _("brand lover"),
    SegmentTag.SEASONAL_BUYER: _("seasonal buyer"),
    SegmentTag.PROMOTION_LOVER: _("promotion lover"),
}
STAGE_NAMES: Mapping[str, Promise] = {
    LifeStage.NEVER_BOUGHT: _("never bought"),
    LifeStage.NEW: _("new customer"),
    LifeStage.ESTABLISHED: _("established"),
    LifeStage.OVERDUE: _("overdue"),
    LifeStage.LOST: _("lost"),
}
NAMES: Mapping[str, Promise] = {**TYPE_NAMES, **TAG_NAMES, **STAGE_NAMES}


def choices_of(names: Mapping[str, Promise]) -> list[tuple[str, Promise]]:
    """Return codes with their names, as a field's choices."""
    return [(str(code), name) for code, name in names.items()]
