"""Words that several of the tables share, as people read them."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Channel(models.TextChoices):
    EMAIL = "email", _("e-mail")
    SMS = "sms", _("SMS")
    PUSH = "push", _("push")
    WEBHOOK = "webhook", _("webhook")
    INBOX = "inbox", _("inbox")


class MessageKind(models.TextChoices):
    SERVICE = "service", _("service")
    PROGRAM = "program", _("about the program")
    MARKETING = "marketing", _("marketing")


class Ground(models.TextChoices):
    CONSENT = "consent", _("consent")
    EXISTING_CUSTOMER = "existing_customer", _("has bought, and did not refuse")
