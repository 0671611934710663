from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models.retailer import Retailer


class ImportKind(models.TextChoices):
    """What a file holds."""

    CUSTOMERS = "customers", _("customers")
    ORDERS = "orders", _("orders with lines")
    RETURNS = "returns", _("returns")
    INTERACTIONS = "interactions", _("interactions")


class ImportJob(models.Model):
    """
    A file that somebody uploaded, what a preview said of it, and how far its import has come.

    The work is this row: a task that dies leaves `running` with an old `touched_at`, and the next one goes on from the
    start of the file, which changes nothing that is already recorded.
    """

    Kind = ImportKind

    class Status(models.TextChoices):
        ASKED = "asked", _("to be answered")
        PREVIEWED = "previewed", _("previewed")
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="imports", verbose_name=_("retailer"))
    kind = models.CharField(_("kind"), max_length=20, choices=ImportKind)
    filename = models.CharField(_("file"), max_length=255)
    content = models.BinaryField(editable=False)
    said = models.JSONField(
        _("answers"),
        default=dict,
        editable=False,
        help_text=_("What somebody said of the file: its columns, dates, numbers."),
    )
    seen = models.JSONField(
        _("reading"), default=dict, editable=False, help_text=_("How the file is read, and what to look at.")
    )
    refused_rows = models.BinaryField(null=True, editable=False)
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.PREVIEWED)
    rows_total = models.PositiveIntegerField(_("rows"), default=0)
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


class ImportMapping(models.Model):
    """What the columns of a retailer's files of one kind are, as somebody said it: the next file is read so, too."""

    retailer = models.ForeignKey(
        Retailer, models.CASCADE, db_index=False, related_name="import_mappings", verbose_name=_("retailer")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=ImportKind)
    columns = models.JSONField(
        _("columns"), default=dict, help_text=_("Our column by the file's; an empty one: nobody reads it.")
    )
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("column mapping")
        verbose_name_plural = _("column mappings")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "kind"], name="one_mapping_of_a_retailers_kind_of_file"),
        ]

    def __str__(self) -> str:
        return f"{self.retailer} · {self.kind}"
