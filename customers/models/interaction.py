from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.contacts import CONTACT, MAX_COMMENT, MAX_TOPIC, OUTCOMES
from customers.core.ids import new_id
from customers.models.customer import Customer
from customers.models.retailer import Retailer


class Interaction(models.Model):
    """Everything that a customer does and that is no purchase."""

    class Kind(models.TextChoices):
        VISIT = "visit", _("visit")
        PRODUCT_VIEW = "product_view", _("product view")
        CART_ABANDONED = "cart_abandoned", _("cart abandoned")
        REVIEW = "review", _("review")
        PHOTO = "photo", _("photo")
        NPS = "nps", _("answer to an NPS survey")
        CSAT = "csat", _("answer to a satisfaction survey")
        SUPPORT = "support", _("contact with support")
        SHARE = "share", _("share")
        EVENT = "event", _("event attended")

    class Outcome(models.TextChoices):
        OPEN = "open", _("still open")
        SOLVED = "solved", _("solved")
        UNSOLVED = "unsolved", _("not solved")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(
        Retailer, models.PROTECT, db_index=False, related_name="interactions", verbose_name=_("retailer")
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, db_index=False, related_name="interactions", verbose_name=_("customer")
    )
    number = models.CharField(_("number"), max_length=100, help_text=_("The retailer's own id of the interaction."))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    occurred_at = models.DateTimeField(_("occurred"))
    channel = models.CharField(_("channel"), max_length=50, blank=True)
    sku = models.CharField(_("SKU"), max_length=100, blank=True)
    score = models.SmallIntegerField(_("score"), null=True, blank=True)
    topic = models.CharField(
        _("topic"), max_length=MAX_TOPIC, blank=True, default="", db_default="",
        help_text=_("What a contact with support was about."),
    )  # fmt: skip
    outcome = models.CharField(
        _("outcome"), max_length=10, choices=Outcome, blank=True, default="", db_default="",
        help_text=_("How a contact with support ended."),
    )  # fmt: skip
    comment = models.TextField(_("comment"), max_length=MAX_COMMENT, blank=True, default="", db_default="")
    content_hash = models.BinaryField(max_length=16, editable=False)
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        verbose_name = _("interaction")
        verbose_name_plural = _("interactions")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "number"], name="interaction_once_per_number"),
            models.CheckConstraint(
                condition=models.Q(kind=CONTACT) | models.Q(topic="", outcome="", comment=""),
                name="interaction_topic_is_of_a_contact",
            ),
            models.CheckConstraint(
                condition=models.Q(outcome__in=["", *OUTCOMES]), name="interaction_outcome_is_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer", "occurred_at"], name="interaction_by_customer"),
            models.Index(fields=["retailer", "occurred_at", "id"], name="interaction_by_time"),
            models.Index(
                fields=["retailer", "sku", "occurred_at"],
                condition=models.Q(kind__in=["review", "photo"]),
                name="interaction_content_by_product",
            ),
            models.Index(
                fields=["retailer", "occurred_at"],
                condition=~models.Q(topic=""),
                name="interaction_with_a_topic",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.number}"
