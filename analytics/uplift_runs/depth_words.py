"""What an experiment on the depth of an offer says, in words: why a depth was chosen, or none, and what it would take."""

from django.utils.translation import gettext_lazy as _

from analytics.uplift_runs.conditions import Text

SHARES = {
    "depth",
    "deeper",
    "probability",
    "share",
}  # of its values; `asked` is one where a probability or a share is asked for
DEPTHS: dict[str, Text] = {
    "pays": _("It pays with a probability of %(probability)s."),
    "shallower_kept": _(
        "A depth of %(deeper)s looks better, but cannot be told from a smaller one: that takes %(needed)s customers in each arm, "
        "%(weeks)s weeks more. The smaller one is kept."
    ),
    "nothing_earns": _("No depth is expected to earn more than it costs, %(depth)s least badly."),
    "nobody_moved": _("At %(depth)s nobody bought who would not have bought: it would be given to those who buy anyway."),
    "not_sure": _(
        "A depth of %(depth)s pays with a probability of %(probability)s; %(asked)s are asked for. That takes %(needed)s "
        "customers in each arm, %(weeks)s weeks more."
    ),
    "refused": _("Nothing is chosen, for the experiment may not be read."),
    "arms_broken": _("The arms are not as large as they should be (p = %(p)s; below %(asked)s nothing is told)."),
    "too_few": _("The smallest arm has %(least)s customers; %(asked)s are needed, which takes %(weeks)s weeks more."),
    "window_open": _("The window is open for %(days)s days more."),
    "pull_forward_unseen": _(
        "The window of %(days)s days is shorter than the time between purchases: whether people only bought earlier is not seen. "
        "It takes %(asked)s days."
    ),
    "costs_unknown": _("The costs of what was sold are not known: send the unit costs of the lines, or enter the margin rate."),
    "codes_shared": _("%(share)s of the codes were used by customers who had not got them; %(asked)s are allowed."),
    "households_crossed": _(
        "%(share)s of the customers share a household with somebody of another arm, and what the one gets the other uses; "
        "%(asked)s are the most. Run a new experiment whose unit is the household."
    ),
    "price_changed": _("A price changed while it ran: what the offer did cannot be told from that."),
}  # fmt: skip
