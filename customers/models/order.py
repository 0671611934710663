from typing import Any, ClassVar

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.ids import new_id
from customers.core.money import CurrencyField, MoneyField, PriceField
from customers.models.customer import Customer
from customers.models.retailer import Retailer
from customers.models.searching import Plain


class QuantityField(models.DecimalField[Any, Any]):
    """Pieces, kilograms or litres: up to a billion, with three decimals."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 12)
        kwargs.setdefault("decimal_places", 3)
        super().__init__(*args, **kwargs)


MAX_AMOUNT = 10**12  # of what reports may say: see customers.facts


class Order(models.Model):
    """
    A purchase, as the retailer reported it last.

    What comes back is a Return. A correction replaces the whole content; what it said before is an OrderRevision.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(
        Retailer, models.PROTECT, db_index=False, related_name="orders", verbose_name=_("retailer")
    )
    customer = models.ForeignKey(
        Customer,
        models.PROTECT,
        db_index=False,
        related_name="orders",
        null=True,
        blank=True,
        verbose_name=_("customer"),
    )
    number = models.CharField(_("number"), max_length=100, help_text=_("The retailer's own order number."))
    occurred_at = models.DateTimeField(_("occurred"))
    local_date = models.DateField(_("day"), help_text=_("The day in the retailer's zone."))
    currency = CurrencyField(_("currency"))
    net_amount = MoneyField(_("net amount"), help_text=_("Sum of the lines after discounts, without shipping."))
    shipping_amount = MoneyField(_("shipping"), default=0)
    channel = models.CharField(_("channel"), max_length=50, blank=True)
    store = models.CharField(_("store"), max_length=50, blank=True)
    promotion_code = models.CharField(_("promotion code"), max_length=100, blank=True)
    is_gift = models.BooleanField(_("is a gift"), default=False)
    identified_by = models.CharField(
        _("identified by"), max_length=20, blank=True, help_text=_("How the customer was known: account, card, e-mail.")
    )
    paid_with_points = MoneyField(
        _("paid with points"), default=0, help_text=_("The part of the lines' amounts that was paid with points.")
    )
    redemptions = models.JSONField(
        _("redemptions"), default=list, blank=True, help_text=_("The references of the redemptions that paid it.")
    )
    version = models.PositiveIntegerField(
        _("version"), default=0, db_default=0, help_text=_("Of the last correction; 0 before the first one.")
    )
    content_hash = models.BinaryField(max_length=16, editable=False)
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "number"], name="order_once_per_number"),
            models.CheckConstraint(condition=models.Q(net_amount__gte=0), name="order_amount_never_negative"),
            models.CheckConstraint(condition=models.Q(shipping_amount__gte=0), name="order_shipping_never_negative"),
            models.CheckConstraint(
                condition=models.Q(paid_with_points__gte=0, paid_with_points__lte=models.F("net_amount")),
                name="order_paid_with_points_within_amount",
            ),
            models.CheckConstraint(
                condition=models.Q(net_amount__lt=MAX_AMOUNT, shipping_amount__lt=MAX_AMOUNT),
                name="order_amounts_within_bounds",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["retailer", "occurred_at", "id"], name="order_by_time"),
            models.Index(fields=["customer", "local_date"], name="order_by_customer"),
            GinIndex("retailer", OpClass(Plain("number"), name="gin_trgm_ops"), name="order_searched"),
        ]

    def __str__(self) -> str:
        return self.number


class OrderLine(models.Model):
    """What was bought: `net_amount` is the whole line's, after its discount."""

    # Without a constraint of its own: its order has one, and a line is written a million times.
    retailer = models.ForeignKey(
        Retailer, models.CASCADE, related_name="+", verbose_name=_("retailer"), db_constraint=False, db_index=False
    )
    order = models.ForeignKey(Order, models.CASCADE, db_index=False, related_name="lines")
    position = models.PositiveSmallIntegerField(_("line"))
    sku = models.CharField(_("SKU"), max_length=100)
    category = models.CharField(_("category"), max_length=100, blank=True)
    brand = models.CharField(_("brand"), max_length=100, blank=True)
    quantity = QuantityField(_("quantity"))
    unit_price = PriceField(_("unit price"))
    discount = MoneyField(_("discount"), default=0)
    net_amount = MoneyField(_("net amount"))
    unit_cost = PriceField(_("unit cost"), null=True, blank=True)
    is_gift_card = models.BooleanField(
        _("is a gift card"),
        default=False,
        db_default=False,
        help_text=_("By which a gift card is bought; what is paid with it later is an order of its own."),
    )

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order", "position"], name="order_line_once_per_position"),
            models.CheckConstraint(condition=models.Q(quantity__gt=0), name="order_line_quantity_positive"),
            models.CheckConstraint(condition=models.Q(net_amount__gte=0), name="order_line_amount_never_negative"),
            models.CheckConstraint(condition=models.Q(discount__gte=0), name="order_line_discount_never_negative"),
            models.CheckConstraint(
                condition=models.Q(net_amount__lt=MAX_AMOUNT, discount__lt=MAX_AMOUNT),
                name="order_line_amounts_within_bounds",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["retailer", "order"], condition=models.Q(unit_cost__isnull=False), name="order_line_with_cost"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.sku}"


class Return(models.Model):
    """Some of an order's lines came back."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(
        Retailer, models.PROTECT, db_index=False, related_name="returns", verbose_name=_("retailer")
    )
    order = models.ForeignKey(Order, models.PROTECT, related_name="returns", verbose_name=_("order"))
    number = models.CharField(_("number"), max_length=100, help_text=_("The retailer's own number of the return."))
    occurred_at = models.DateTimeField(_("occurred"))
    net_amount = MoneyField(_("net amount"))
    content_hash = models.BinaryField(max_length=16, editable=False)
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        verbose_name = _("return")
        verbose_name_plural = _("returns")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "number"], name="return_once_per_number"),
            models.CheckConstraint(condition=models.Q(net_amount__gte=0), name="return_amount_never_negative"),
        ]
        indexes: ClassVar = [models.Index(fields=["retailer", "occurred_at", "id"], name="return_by_time")]

    def __str__(self) -> str:
        return self.number


class ReturnLine(models.Model):
    """How much of one line came back, and what of its amount goes with it."""

    order_return = models.ForeignKey(Return, models.CASCADE, db_index=False, related_name="lines")
    line = models.ForeignKey(OrderLine, models.PROTECT, related_name="returns")
    quantity = QuantityField(_("quantity"))
    net_amount = MoneyField(_("net amount"))

    class Meta:
        verbose_name = _("return line")
        verbose_name_plural = _("return lines")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order_return", "line"], name="return_line_once_per_line"),
            models.CheckConstraint(condition=models.Q(quantity__gt=0), name="return_line_quantity_positive"),
        ]

    def __str__(self) -> str:
        return str(self.quantity)


class OrderEvent(models.Model):
    """Something that happened to an order after it was placed, such as its delivery; once per kind."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(
        Retailer, models.PROTECT, db_index=False, related_name="order_events", verbose_name=_("retailer")
    )
    order = models.ForeignKey(Order, models.PROTECT, related_name="events", verbose_name=_("order"))
    number = models.CharField(_("number"), max_length=160, help_text=_("The order's number and the kind."))
    kind = models.SlugField(_("kind"), db_index=False, help_text=_("Such as delivered."))
    occurred_at = models.DateTimeField(_("occurred"))
    content_hash = models.BinaryField(max_length=16, editable=False)
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        verbose_name = _("event of an order")
        verbose_name_plural = _("events of orders")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "number"], name="order_event_once_per_kind"),
        ]

    def __str__(self) -> str:
        return self.number


class FactChange(models.Model):
    """
    A customer about whom something was recorded, until analytics has counted it.

    Rows are only ever inserted and deleted: a unique key per customer would lose a change that is recorded while its
    older twin is being counted.
    """

    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="+")
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return str(self.customer_id)
