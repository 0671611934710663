"""Key figures in words: their names, and the formula that stands beside each on the page."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

NAMES: Mapping[str, Promise] = {
    "active_customers": _("Active customers"),
    "new_customers": _("New customers"),
    "retention": _("Retention"),
    "churn": _("Churn"),
    "repeat_rate": _("Repeat rate"),
    "frequency": _("Purchase frequency"),
    "average_order": _("Average order"),
    "revenue": _("Revenue of known customers"),
    "revenue_per_customer": _("Revenue per active customer"),
    "profit_per_customer": _("Profit per active customer"),
    "known_share": _("Share of sales that is known"),
    "acquisition_cost": _("Cost of a new customer (CAC)"),
    "payback": _("Payback of a new customer"),
    "nps": _("Net promoter score (NPS)"),
    "csat": _("Satisfaction (CSAT)"),
    "redemption_rate": _("Redemption rate"),
    "expiry_rate": _("Expired points (breakage)"),
    "liability": _("Liability of points"),
    "program_cost": _("Cost of the program"),
    "program_return": _("Return on the program"),
}
FORMULAS: Mapping[str, Promise] = {
    "active_customers": _("Customers with an order in the period that did not come back whole."),
    "new_customers": _("Those of them whose first purchase was in the period."),
    "retention": _(
        "Customers who ordered in the period and in the one before, divided by all who ordered in the one before."
    ),
    "churn": _("1 less retention: who ordered in the period before and not in this one."),
    "repeat_rate": _("Customers who bought on two days or more, divided by all who ever bought, as of now."),
    "frequency": _("Orders divided by active customers."),
    "average_order": _("Revenue divided by orders."),
    "revenue": _("What was paid with money for orders and was kept; a return counts for the day of its order."),
    "revenue_per_customer": _("Revenue divided by active customers."),
    "profit_per_customer": _(
        "Margin of what was bought and kept, less what points paid of it, used rewards beyond that, and contacts with support "
        "and returns where their costs are known, divided by active customers."
    ),
    "known_share": _("Revenue of known customers divided by all revenue, guests included."),
    "acquisition_cost": _(
        "What was spent on channels in whole months, divided by the new customers of these months. Some of them would have come "
        "anyway: how many, no experiment has told, and so nobody knows what one more customer costs."
    ),
    "payback": _(
        "The first month, 0 being that of the first purchase, whose end finds the cost of a new customer earned back."
    ),
    "nps": _("Percentage of 9 and 10 less percentage of 0 to 6, of the last answer of each customer in the period."),
    "csat": _("Share of 4 and 5 of 5, of the last answer of each customer in the period."),
    "redemption_rate": _("Points redeemed in the period divided by points given in it, each net of what was undone."),
    "expiry_rate": _("Points that expired in the period divided by points given in it."),
    "liability": _(
        "Open points that are expected to be redeemed, at the value of a point, by the last month that was closed."
    ),
    "program_cost": _(
        "Rewards, perks, growth of what is owed and what running costs, less fees: of the last measured uplift."
    ),
    "program_return": _(
        "Margin that members bring because of the program, per unit of its cost: of the last measured uplift."
    ),
}
