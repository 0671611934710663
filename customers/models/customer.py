from typing import ClassVar, Self

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.expressions import RawSQL
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from customers.core.ids import new_id
from customers.core.money import MoneyField
from customers.core.phones import PLUS_FIRST, spellings_of
from customers.models.retailer import Retailer
from customers.models.searching import PersonText

# A policy lets no index be used for an address in small letters, or for the digits of a phone number: these look as the owner.
WITH_EMAIL = "SELECT customers_with_email(%s, %s)"
WITH_PHONE = "SELECT customers_with_phone(%s, %s::text[])"


class Digits(models.Func):
    """The digits of a text."""

    function = "regexp_replace"
    template = "%(function)s(%(expressions)s, '[^0-9]', '', 'g')"
    output_field = models.TextField()


class CustomerQuerySet(models.QuerySet["Customer"]):
    """Customers, and how they are found."""

    def known_as(self, external_id: str) -> Self:
        """Return the customer to whom an external id leads: its own, or one that was merged into it; never one who was erased."""
        own = models.Q(external_id=external_id, merged_into=None, erased_at=None)
        return self.filter(own | models.Q(aliases__external_id=external_id))

    def persons(self) -> Self:
        """Return those that were not merged into another one."""
        return self.filter(merged_into=None)

    def of_person(self, customer: "Customer") -> Self:
        """
        Return a customer and those that were merged into it, who are one person.

        Rows of a person are asked for by `customer__in` of these, each of whom is found in an index: "its own, or of one that was
        merged into it" by a join reads everybody's.
        """
        return self.filter(models.Q(pk=customer.pk) | models.Q(merged_into=customer))

    def at_address(self, address: str, retailer: Retailer) -> Self:
        """Return a retailer's with an e-mail address, in small letters."""
        return self.filter(pk__in=RawSQL(WITH_EMAIL, [retailer.pk, address]))  # noqa: S611 - a constant

    def at_phone(self, phone: str, retailer: Retailer) -> Self:
        """Return a retailer's with a phone number, however it is written; one that names no country is of the retailer's own."""
        spelled = spellings_of(phone, retailer.country)
        likely = sorted(spelled.with_plus | spelled.without_plus)
        found = self.alias(digits=Digits("phone")).filter(pk__in=RawSQL(WITH_PHONE, [retailer.pk, likely]))  # noqa: S611 - a constant
        with_plus = models.Q(phone__regex=PLUS_FIRST.pattern)
        return found.filter(
            (with_plus & models.Q(digits__in=spelled.with_plus))
            | (~with_plus & models.Q(digits__in=spelled.without_plus))
        )


class Customer(models.Model):
    """
    A person (or household) who buys from a retailer, member of a program or not.

    One that was merged into another one stays as an alias, whose external id leads there; no alias leads to an alias.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(
        Retailer, models.PROTECT, db_index=False, related_name="customers", verbose_name=_("retailer")
    )
    external_id = models.CharField(_("external id"), max_length=100, help_text=_("The retailer's own id."))
    email = models.EmailField(_("e-mail"), blank=True)
    phone = models.CharField(_("phone"), max_length=32, blank=True)
    first_name = models.CharField(_("first name"), max_length=100, blank=True)
    last_name = models.CharField(_("last name"), max_length=100, blank=True)
    birth_date = models.DateField(_("birth date"), null=True, blank=True)
    language = models.CharField(_("language"), max_length=2, choices=Retailer.Language, blank=True)
    acquisition_channel = models.CharField(_("acquired through"), max_length=50, blank=True)
    acquisition_cost = MoneyField(_("acquisition cost"), null=True, blank=True)
    identified_at = models.DateTimeField(
        _("first identified"),
        help_text=_("The earliest instant at which this customer is known to have bought or come."),
    )
    merged_into = models.ForeignKey(
        "self",
        models.PROTECT,
        related_name="aliases",
        null=True,
        blank=True,
        editable=False,
        db_index=False,
        verbose_name=_("merged into"),
    )
    erased_at = models.DateTimeField(
        _("erased"), null=True, blank=True, editable=False, help_text=_("Since then this row says of nobody.")
    )
    recorded_at = models.DateTimeField(_("recorded"), auto_now_add=True)

    objects: ClassVar[CustomerQuerySet] = CustomerQuerySet.as_manager()  # type: ignore[assignment] # a manager of it

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "external_id"], name="customer_once_per_external_id"),
            models.CheckConstraint(condition=~models.Q(external_id=""), name="customer_has_an_external_id"),
            models.CheckConstraint(
                condition=models.Q(merged_into=None) | ~models.Q(merged_into=models.F("id")),
                name="customer_never_merged_into_itself",
            ),
            models.CheckConstraint(
                condition=models.Q(erased_at=None)
                | models.Q(email="", phone="", first_name="", last_name="", birth_date=None, language=""),
                name="customer_erased_says_nothing",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["retailer", "email"], name="customer_by_email"),
            models.Index("retailer", Lower("email"), name="customer_by_address", condition=~models.Q(email="")),
            models.Index("retailer", Digits("phone"), name="customer_by_phone", condition=~models.Q(phone="")),
            models.Index(
                fields=["merged_into"], name="customer_aliases", condition=models.Q(merged_into__isnull=False)
            ),
            GinIndex(  # for customers_found, below the policy that hides other retailers' rows
                "retailer",
                OpClass(PersonText("first_name", "last_name", "email", "external_id", "phone"), name="gin_trgm_ops"),
                name="customer_searched",
                condition=models.Q(erased_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.external_id
