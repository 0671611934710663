"""What each grade asks for, in words: what is looked at, what it says when it fails, and what would lift it."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True)
class Condition:
    """
    A condition of a grade in words.

    :param name: what is looked at
    :param failed: the sentence of a result that did not meet it, with `seen` and `asked`
    :param lift: what would lift it
    :param unit: how its values are written: "count", "share", "points", "chance", "size" or "flag"
    :param at_most: whether it asks for at most so much
    """

    name: Text
    failed: Text
    lift: Text
    unit: str
    at_most: bool = False


CONDITIONS: dict[str, Condition] = {
    "identification": Condition(
        _("How orders are identified is reported"),
        _("It is not reported how orders were linked to customers, so nothing can say whether joining changed it."),
        _("Send “identified_by” with every order, also with those of nobody known."),
        "flag",
    ),
    "capture_jump": Condition(
        _("Joining changes the linked share of orders by"),
        _(
            "Members’ orders are linked to a customer more often than others’, by %(seen)s; %(asked)s are allowed. What was "
            "bought before joining is partly not seen, so that spending seems to rise at joining even if it does not."
        ),
        _("Link earlier orders by keys that need no membership (e-mail, payment), or hold customers out at random."),
        "points",
        at_most=True,
    ),
    "capture_error": Condition(
        _("How well the linked share is known (two standard errors)"),
        _("How much joining changes the linked share of orders is known to %(seen)s only; %(asked)s are asked for."),
        _("More orders, or more months, tell it more exactly."),
        "points",
        at_most=True,
    ),
    "members": Condition(
        _("Evaluated members"),
        _("%(seen)s members can be evaluated; %(asked)s are needed."),
        _("Wait until more customers have joined after buying for some time, or hold customers out at random."),
        "count",
    ),
    "controls": Condition(
        _("Customers to compare with"),
        _("%(seen)s customers who had not joined can be compared with; %(asked)s are needed."),
        _("A program that nearly everybody joins leaves nobody to compare with: hold customers out at random."),
        "count",
    ),
    "members_of_each": Condition(
        _("Members of the estimate with the fewest"),
        _("One of the estimates rests on %(seen)s members; %(asked)s are needed."),
        _("A longer history lets the estimates with a longer distance to joining rest on more members."),
        "count",
    ),
    "controls_of_each": Condition(
        _("Customers to compare with, of the estimate with the fewest"),
        _("One of the estimates rests on %(seen)s customers to compare with; %(asked)s are needed."),
        _("A longer history lets the estimates with a longer distance to joining rest on more customers."),
        "count",
    ),
    "estimates": Condition(
        _("Estimates that could be made"),
        _("%(seen)s of the planned estimates could be made; %(asked)s are needed."),
        _("A longer history lets the estimates with a longer distance to joining be made."),
        "count",
    ),
    "placebo": Condition(
        _("Placebo: chance of such an effect before joining"),
        _("The same comparison finds an effect before anybody joined, where there can be none (chance %(seen)s)."),
        _("Members changed before they joined, for a reason that is not seen. Only a random hold-out answers that."),
        "chance",
    ),
    "leads": Condition(
        _("Leads: chance of so unequal months before joining"),
        _("In the months before joining, members and others did not move alike (chance %(seen)s)."),
        _("Members changed before they joined, for a reason that is not seen. Only a random hold-out answers that."),
        "chance",
    ),
    "balance": Condition(
        _("Largest difference after weighting (in standard deviations)"),
        _("After weighting, members and others still differ by %(seen)s standard deviations; %(asked)s are allowed."),
        _("More customers who had not joined, and who are like members, would lift it."),
        "size",
        at_most=True,
    ),
    "effective_sample": Condition(
        _("Customers that the weighted ones are worth"),
        _("The weighted customers count for %(seen)s only; %(asked)s are needed."),
        _("More customers who had not joined, and who are like members, would lift it."),
        "count",
    ),
    "overlap": Condition(
        _("Members with comparable customers"),
        _("%(seen)s of the members have customers like them who had not joined; %(asked)s are needed."),
        _("For the others nothing is known: hold customers like them out at random."),
        "share",
    ),
    "contrast": Condition(
        _("What later joining left of the comparison"),
        _("Most of those compared with joined soon as well: %(seen)s of their spending is untouched; %(asked)s are needed."),
        _("A shorter window leaves more of it, or a random hold-out."),
        "share",
    ),
    "concentration": Condition(
        _("Largest share of one customer in what its side spent"),
        _("One customer alone has %(seen)s of what its side spent; %(asked)s are allowed. Such a mean is no one else’s."),
        _("Look for a mistyped amount, or a customer that is no consumer, and correct it or leave it out."),
        "share",
        at_most=True,
    ),
}  # fmt: skip
