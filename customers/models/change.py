"""What became of facts after they were recorded: corrected, claimed, merged. Each row is a statement of the retailer's."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.guards import append_only
from customers.models.customer import Customer
from customers.models.order import Order
from customers.models.retailer import Retailer


class OrderRevision(models.Model):
    """What an order said before the retailer corrected it."""

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    order = models.ForeignKey(Order, models.PROTECT, db_index=False, related_name="revisions", verbose_name=_("order"))
    version = models.PositiveIntegerField(_("version"), help_text=_("Of this content; 0 is the first report."))
    content = models.JSONField(_("content"), help_text=_("The order with its lines; amounts are texts."))
    content_hash = models.BinaryField(max_length=16, editable=False)
    replaced_at = models.DateTimeField(_("replaced"))

    class Meta:
        verbose_name = _("earlier content of an order")
        verbose_name_plural = _("earlier contents of orders")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order", "version"], name="order_revision_once_per_version"),
        ]
        triggers: ClassVar = append_only("order_revisions")

    def __str__(self) -> str:
        return str(self.version)


class OrderClaim(models.Model):
    """A guest's order was given to a customer, because the retailer's system had a proof."""

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    order = models.ForeignKey(Order, models.PROTECT, db_index=False, related_name="claims", verbose_name=_("order"))
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="claims", verbose_name=_("customer"))
    reference = models.CharField(_("reference"), max_length=100, help_text=_("The retailer's own proof."))
    claimed_at = models.DateTimeField(_("claimed"))

    class Meta:
        verbose_name = _("claim of an order")
        verbose_name_plural = _("claims of orders")
        constraints: ClassVar = [models.UniqueConstraint(fields=["order"], name="order_claimed_once")]
        triggers: ClassVar = append_only("order_claims")

    def __str__(self) -> str:
        return self.reference


class CustomerMerge(models.Model):
    """Two customers turned out to be one: what the source had went to the target."""

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    source = models.ForeignKey(Customer, models.PROTECT, db_index=False, related_name="+", verbose_name=_("merged"))
    target = models.ForeignKey(Customer, models.PROTECT, related_name="merges", verbose_name=_("into"))
    reference = models.CharField(_("reference"), max_length=100, help_text=_("The retailer's own proof."))
    merged_at = models.DateTimeField(_("merged at"))

    class Meta:
        verbose_name = _("merge of customers")
        verbose_name_plural = _("merges of customers")
        constraints: ClassVar = [models.UniqueConstraint(fields=["source"], name="customer_merged_once")]
        triggers: ClassVar = append_only("customer_merges")

    def __str__(self) -> str:
        return self.reference
