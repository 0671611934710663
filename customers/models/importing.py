from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models.retailer import Retailer


class ImportJob(models.Model):
    """
    A file that somebody uploaded, what a preview said of it, and how far its import has come.

    The work is this row: a task that dies leaves `running` with an old `touched_at`, and the next one goes on from the
    start of the file, which changes nothing that is already recorded.
    """

    class Kind(models.TextChoices):
        CUSTOMERS = "customers", _("customers")
        ORDERS = "orders", _("orders with lines")
        RETURNS = "returns", _("returns")
        INTERACTIONS = "interactions", _("interactions")

    class Status(models.TextChoices):
        PREVIEWED = "previewed", _("previewed")
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="imports", verbose_name=_("retailer"))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    filename = models.CharField(_("file"), max_length=255)
    content = models.BinaryField(editable=False)
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.PREVIEWED)
    rows_read = models.PositiveIntegerField(_("rows read"), default=0)
    created = models.PositiveIntegerField(_("new"), default=0)
    unchanged = models.PositiveIntegerField(_("already known"), default=0)
    bad = models.PositiveIntegerField(_("bad"), default=0)
    problems = models.JSONField(_("problems"), default=list, help_text=_("Line, column and reason of each bad row."))
    failure = models.TextField(_("failure"), blank=True)
    uploaded_at = models.DateTimeField(_("uploaded"), auto_now_add=True)
    touched_at = models.DateTimeField(_("last progress"), auto_now=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")

    def __str__(self) -> str:
        return self.filename
