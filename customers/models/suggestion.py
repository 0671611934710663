"""What customers may like, written down by analytics for the floors below it, and how products are called."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models.customer import Customer
from customers.models.retailer import Retailer

MAX_SKU = 100


class Product(models.Model):
    """What a retailer says of a product that it sells; orders name products whether they are said here or not."""

    retailer = models.ForeignKey(
        Retailer, models.CASCADE, db_index=False, related_name="products", verbose_name=_("retailer")
    )
    sku = models.CharField(_("SKU"), max_length=MAX_SKU)
    name = models.CharField(_("name"), max_length=200, blank=True, help_text=_("As shoppers read it."))
    product_type = models.CharField(
        _("product type"), max_length=100, blank=True,
        help_text=_("Such as “whole milk”: one list of suggestions shows each type once."),
    )  # fmt: skip
    in_stock = models.BooleanField(_("in stock"), null=True, help_text=_("Empty where nobody says."))
    is_suggested = models.BooleanField(_("may be suggested"), default=True)
    updated_at = models.DateTimeField(_("last told"))

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "sku"], name="product_once_per_sku"),
            models.CheckConstraint(condition=~models.Q(sku=""), name="product_has_a_sku"),
        ]

    def __str__(self) -> str:
        return self.name or self.sku


class SuggestionList(models.TextChoices):
    """What is suggested."""

    AGAIN = "again", _("for the next basket")
    NEW = "new", _("new to the customer")


class SuggestionReason(models.TextChoices):
    """Why a product is suggested; the words with names stand in customers.suggesting."""

    BOUGHT = "bought", _("bought before")
    TOGETHER = "together", _("often bought together with")
    BECAUSE = "because", _("goes with")
    ALIKE = "alike", _("bought by customers who buy alike")
    CATEGORY = "category", _("popular in the favourite category")
    POPULAR = "popular", _("much bought of late")


class Suggestion(models.Model):
    """A product that a customer may like, by its last recommendation run; nobody has any who does not allow a profile."""

    # Without constraints of their own: written a million times, by one writer, for customers whose rows are never deleted.
    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    customer = models.ForeignKey(
        Customer,
        models.CASCADE,
        related_name="suggestions",
        db_constraint=False,
        db_index=False,
        verbose_name=_("customer"),
    )
    list = models.CharField(_("list"), max_length=10, choices=SuggestionList)
    rank = models.PositiveSmallIntegerField(_("rank"))
    sku = models.CharField(_("SKU"), max_length=MAX_SKU)
    reason = models.CharField(_("reason"), max_length=10, choices=SuggestionReason)
    because_sku = models.CharField(_("because of"), max_length=MAX_SKU, blank=True, default="", db_default="")
    days_bought = models.PositiveIntegerField(_("days on which it was bought"), default=0, db_default=0)
    run_id = models.BigIntegerField(_("run"), help_text=_("The analytics run that computed it."))

    class Meta:
        verbose_name = _("suggestion")
        verbose_name_plural = _("suggestions")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["customer", "list", "rank"], name="suggestion_once_per_rank"),
        ]

    def __str__(self) -> str:
        return f"{self.list} {self.rank}: {self.sku}"


class PopularProduct(models.Model):
    """What most baskets of late have, which is suggested to whoever nothing else is."""

    retailer = models.ForeignKey(Retailer, models.CASCADE, db_index=False, related_name="+", verbose_name=_("retailer"))
    rank = models.PositiveSmallIntegerField(_("rank"))
    sku = models.CharField(_("SKU"), max_length=MAX_SKU)
    run_id = models.BigIntegerField(_("run"))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "rank"], name="popular_product_once_per_rank"),
        ]

    def __str__(self) -> str:
        return f"{self.rank}: {self.sku}"


class RelatedProduct(models.Model):
    """A product that goes with another one, whoever buys it."""

    class Relation(models.TextChoices):
        """How it is related."""

        TOGETHER = "together", _("often bought together")
        SIMILAR = "similar", _("similar")
        UPGRADE = "upgrade", _("similar and dearer")

    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="+", verbose_name=_("retailer"), db_index=False)
    sku = models.CharField(_("SKU"), max_length=MAX_SKU)
    relation = models.CharField(_("relation"), max_length=10, choices=Relation)
    rank = models.PositiveSmallIntegerField(_("rank"))
    related_sku = models.CharField(_("related SKU"), max_length=MAX_SKU)
    run_id = models.BigIntegerField(_("run"))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["retailer", "sku", "relation", "rank"], name="related_product_once_per_rank"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sku} {self.relation} {self.related_sku}"
