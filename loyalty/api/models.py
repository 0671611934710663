import hashlib
import secrets
from datetime import datetime, timedelta
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import DEFAULT_DB_ALIAS, models
from django.utils.translation import gettext_lazy as _
from rest_framework_api_key.models import AbstractAPIKey

from customers.core import bulk
from customers.core.tenancy import acting_for
from customers.models import Customer, Retailer

MEMBER_TOKEN_LIFE = timedelta(hours=12)
TOKEN_COLUMNS = ("id", "retailer_id", "customer_id", "digest", "expires_at")
# Each request of a shopper asks it first, so it is planned once.
FIND_TOKEN = f"SELECT {', '.join(TOKEN_COLUMNS)} FROM api_membertoken WHERE digest = %s AND expires_at > %s"


class Scope(models.TextChoices):
    """What a key may do."""

    ACTIVITY_WRITE = "activity:write", _("report customers, orders, returns and interactions; enrol")
    MEMBERS_READ = "members:read", _("look members up")
    REWARDS_REDEEM = "rewards:redeem", _("hold and redeem points")
    POINTS_ADJUST = "points:adjust", _("adjust points, with a reason")
    LEDGER_READ = "ledger:read", _("prove the ledger, read liability and journal")
    PROGRAM_READ = "program:read", _("read programs and their versions")
    PROGRAM_WRITE = "program:write", _("edit drafts")
    PROGRAM_SIMULATE = "program:simulate", _("ask what-ifs")
    PROGRAM_PUBLISH = "program:publish", _("publish and withdraw versions")
    MEMBERS_TOKEN = "members:token", _("sign members in")
    ANALYTICS_READ = (
        "analytics:read",
        _("read analytics: what customers are worth, key figures, and what is owed in points"),
    )
    WEBHOOKS_READ = "webhooks:read", _("read webhooks and what was delivered")
    WEBHOOKS_WRITE = "webhooks:write", _("add, change, try out and remove webhooks")
    CUSTOMERS_PRIVACY = "customers:privacy", _("export and erase what is held on persons")


class RetailerKey(AbstractAPIKey):
    """A retailer's credential for its systems. The key itself is shown once; we keep its hash."""

    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="keys", verbose_name=_("retailer"))
    scopes = ArrayField(models.CharField(max_length=30, choices=Scope), verbose_name=_("scopes"), default=list)
    made_by = models.CharField(
        _("made by"),
        max_length=150,
        blank=True,
        editable=False,
        help_text=_("For whom it stands where two must agree."),
    )

    class Meta(AbstractAPIKey.Meta):
        verbose_name = _("API key")  # type: ignore[assignment] # the package's Meta says str
        verbose_name_plural = _("API keys")  # type: ignore[assignment]


class MemberToken(models.Model):
    """A shopper's credential, which the retailer's backend asks for after it has signed the shopper in."""

    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="+", verbose_name=_("retailer"))
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="tokens", verbose_name=_("customer"))
    digest = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField(_("expires"), db_index=True)

    class Meta:
        verbose_name = _("member token")
        verbose_name_plural = _("member tokens")

    def __str__(self) -> str:
        return str(self.customer_id)

    @classmethod
    def issue(cls, customer: Customer, *, now: datetime) -> tuple[str, datetime]:
        """Return a new token, of which only a hash is kept, and when it ends."""
        token = secrets.token_urlsafe(32)
        with acting_for(customer.retailer_id):  # who signs in acts for nobody yet
            made = cls.objects.create(
                retailer_id=customer.retailer_id,
                customer=customer,
                digest=digest(token),
                expires_at=now + MEMBER_TOKEN_LIFE,
            )
        return token, made.expires_at

    @classmethod
    def find(cls, text: str, *, now: datetime) -> "MemberToken | None":
        """Return the token that somebody shows, with nothing else read; None where it is none, or has ended."""
        found = bulk.fetch(FIND_TOKEN, [digest(text), now])
        return cls.from_db(DEFAULT_DB_ALIAS, TOKEN_COLUMNS, found[0]) if found else None


class IdempotencyRecord(models.Model):
    """The answer to a request that had an Idempotency-Key, committed with its effect."""

    credential = models.CharField(max_length=64, help_text=_("A hash of the credential: keys are each caller's own."))
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    content_type = models.CharField(max_length=100)
    body = models.BinaryField()
    created_at = models.DateTimeField(db_index=True)
    # No foreign keys: an answer is looked for before anybody is known, and outlives nobody.
    acted_for = models.BigIntegerField(null=True, help_text=_("The id of the retailer whose caller was answered."))
    customer = models.UUIDField(null=True, help_text=_("The id of the shopper who was answered, by a token."))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["credential", "key"], name="idempotency_key_once_per_credential"),
        ]

    def __str__(self) -> str:
        return self.key


def digest(text: str) -> str:
    """Return the SHA-256 of a credential that has enough randomness of its own."""
    return hashlib.sha256(text.encode()).hexdigest()
