from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models import Customer, Retailer


class WaitingFact(models.Model):
    """
    Something that a customer did and that concerns a campaign, until it is looked at.

    Written by triggers of the database, in the statement that records the fact, and only where a campaign waits for it: an
    order, a return, a contact with support, a withdrawal or a merge of somebody who is in a campaign, a cart where a campaign
    begins with one. Rows are only inserted and deleted.
    """

    class Kind(models.TextChoices):
        ORDER = "order", _("order")
        CART = "cart", _("cart")
        RETURN = "return", _("return")
        CONTACT = "contact", _("contact with support")
        MERGED = "merged", _("merged into another customer")
        PROFILING_WITHDRAWN = "profiling_withdrawn", _("no offers based on a profile any more")

    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="+", verbose_name=_("retailer"))
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+", db_index=False, verbose_name=_("customer"))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    number = models.CharField(_("number"), max_length=100, blank=True)
    occurred_at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("fact that waits")
        verbose_name_plural = _("facts that wait")

    def __str__(self) -> str:
        return f"{self.kind} {self.number}".strip()
