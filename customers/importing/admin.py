"""Files in the admin: uploaded, looked at, answered for, started by who may, watched and cancelled."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from customers.core.admin import CheckboxWidget, FileWidget, ModelAdmin, SelectWidget, display
from customers.core.errors import DomainError
from customers.importing.formats import FORMATS
from customers.importing.jobs import answer, cancel, confirm, upload
from customers.importing.pages import answers_of, import_page
from customers.importing.shipped import SHIPPED
from customers.importing.table import Said
from customers.importing.templates import write_template
from customers.models import ImportJob

MAX_BYTES = 50 * 1024 * 1024
DATES = (
    ("", _("as the file shows")),
    ("dmy", _("day, month, year: 29/03/2026")),
    ("mdy", _("month, day, year: 03/29/2026")),
    ("ymd", _("year first: 2026-03-29")),
)
DECIMAL = (("", _("as the file shows")), ("comma", _("comma: 1 234,50")), ("point", _("point: 1,234.50")))
PRESETS = (
    ("", _("no other system")),
    *((each.code, each.name) for each in SHIPPED),
)


class UploadForm(forms.ModelForm[ImportJob]):
    """A file to import: its preview is made at once."""

    file = forms.FileField(
        label=_("File"),
        widget=FileWidget,
        help_text=_("CSV in UTF-8 or UTF-16, or as French Excel writes it. One row per line of an order."),
    )
    preset = forms.ChoiceField(label=_("Export of"), choices=PRESETS, required=False, widget=SelectWidget)
    dates = forms.ChoiceField(label=_("Dates"), choices=DATES, required=False, widget=SelectWidget)
    decimal = forms.ChoiceField(label=_("Decimals"), choices=DECIMAL, required=False, widget=SelectWidget)
    takes_scientific = forms.BooleanField(
        label=_("Take ids such as 4.51235E+12"),
        required=False,
        widget=CheckboxWidget,
        help_text=_("A spreadsheet has cut off their last digits: several may have become one."),
    )

    class Meta:
        model = ImportJob
        fields = ("retailer", "kind")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        templates = ((reverse("admin:customers_importjob_template", args=[kind]), kind) for kind in FORMATS)
        links = format_html_join(", ", '<a href="{}" class="underline">{}</a>', templates)
        self.fields["kind"].help_text = format_html("{} {}", _("Files to begin with:"), links)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        file = cleaned.get("file")
        if file is not None and file.size > MAX_BYTES:
            raise forms.ValidationError(_("The file is larger than 50 MB. Split it, or use `manage.py import_csv`."))
        return cleaned


@admin.register(ImportJob)
class ImportJobAdmin(ModelAdmin):
    list_display = (
        "filename", "kind", "retailer", "status_label", "rows_read", "created", "unchanged", "bad", "uploaded_at",
    )  # fmt: skip
    list_filter = ("retailer", "kind", "status")
    list_select_related = ("retailer",)
    ordering = ("-pk",)

    def get_form(self, request: HttpRequest, obj: ImportJob | None = None, **kwargs: Any) -> Any:
        return super().get_form(request, obj, **(kwargs if obj else kwargs | {"form": UploadForm}))

    def get_fields(self, _request: HttpRequest, _obj: ImportJob | None = None) -> tuple[str, ...]:
        return ("retailer", "kind", "file", "preset", "dates", "decimal", "takes_scientific")

    def has_change_permission(self, request: HttpRequest, obj: ImportJob | None = None) -> bool:
        return obj is None and bool(super().has_change_permission(request))  # an upload stays what it was

    def has_delete_permission(self, _request: HttpRequest, _obj: ImportJob | None = None) -> bool:
        return False

    def has_start_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("customers.change_importjob"))

    def save_model(self, request: HttpRequest, obj: ImportJob, form: forms.ModelForm[ImportJob], _change: bool) -> None:  # noqa: FBT001 - Django's signature
        file, given = form.cleaned_data["file"], form.cleaned_data
        said = Said(dates=given["dates"], decimal=given["decimal"], takes_scientific=given["takes_scientific"])
        try:
            job = upload(
                obj.retailer, obj.kind, file.name, file.read(), now=timezone.now(), said=said, preset=given["preset"]
            )
        except DomainError as error:
            obj.filename, obj.status, obj.failure = file.name, ImportJob.Status.FAILED, str(error)
            obj.content = b""
            obj.save()
            messages.error(request, str(error))
            return
        obj.pk, obj.filename = job.pk, job.filename
        obj.refresh_from_db()

    def response_add(
        self, _request: HttpRequest, obj: ImportJob, _post_url_continue: str | None = None
    ) -> HttpResponse:
        return _to_page(obj.pk)

    @display(description=_("status"), label={
        ImportJob.Status.ASKED: "warning", ImportJob.Status.PREVIEWED: "info", ImportJob.Status.WAITING: "warning",
        ImportJob.Status.RUNNING: "warning", ImportJob.Status.DONE: "success", ImportJob.Status.FAILED: "danger",
        ImportJob.Status.CANCELLED: "warning",
    })  # fmt: skip
    def status_label(self, job: ImportJob) -> tuple[str, SafeString | str]:
        return job.status, job.get_status_display()

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        own: list[tuple[str, str, Callable[..., HttpResponse]]] = [
            ("<int:pk>/start/", "start_import", require_POST(self.start_import)),
            ("<int:pk>/cancel/", "cancel_import", require_POST(self.cancel_import)),
            ("<int:pk>/answer/", "answer", require_POST(self.answer)),
            ("<int:pk>/problems/", "download_problems", require_GET(self.download_problems)),
            ("template/<str:kind>/", "template", require_GET(self.template)),
        ]
        urls = [path(route, wrap(view), name=f"customers_importjob_{name}") for route, name, view in own]
        return [*urls, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, _form_url: str = "", _extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a file: how it is read, what would come of it, what has come of it."""
        if request.method != "GET" or not self.has_view_permission(request):
            raise PermissionDenied
        job = self.get_object(request, object_id)
        if job is None:
            gone: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
            return gone
        context = self.admin_site.each_context(request) | {
            "title": job.filename, "opts": self.opts, "may_start": self.has_start_permission(request),
            "presets": [each for each in PRESETS if _is_for(each[0], job.kind)], "dates": DATES, "decimals": DECIMAL,
        }  # fmt: skip
        answered = render(request, "customers/import.html", context | import_page(job))
        if job.status in {ImportJob.Status.WAITING, ImportJob.Status.RUNNING}:
            answered["Refresh"] = "3"
        return answered

    def start_import(self, request: HttpRequest, pk: int) -> HttpResponse:
        confirm(self._job_to_start(request, pk))
        messages.success(request, _("The import waits for a worker; this page shows how far it is."))
        return _to_page(pk)

    def cancel_import(self, request: HttpRequest, pk: int) -> HttpResponse:
        cancel(self._job_to_start(request, pk))
        messages.success(request, _("The import is cancelled. What was taken stays."))
        return _to_page(pk)

    def answer(self, request: HttpRequest, pk: int) -> HttpResponse:
        job = self._job_to_start(request, pk)
        said, preset = answers_of(request.POST, job)
        try:
            answer(job, said, preset=preset, now=timezone.now())
        except DomainError as error:
            messages.error(request, str(error))
        return _to_page(pk)

    def download_problems(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        job = get_object_or_404(ImportJob, pk=pk)
        headers = {"Content-Disposition": f'attachment; filename="refused-{job.pk}.csv"'}
        return HttpResponse(bytes(job.refused_rows or b""), content_type="text/csv; charset=utf-8", headers=headers)

    def template(self, request: HttpRequest, kind: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        known = kind if kind in FORMATS else next(iter(FORMATS))
        headers = {"Content-Disposition": f'attachment; filename="{known}.csv"'}
        response: Any = HttpResponse(content_type="text/csv; charset=utf-8", headers=headers)  # written like a file
        write_template(response, known)
        found: HttpResponse = response
        return found

    def _job_to_start(self, request: HttpRequest, pk: int) -> ImportJob:
        if not self.has_start_permission(request):
            raise PermissionDenied
        return get_object_or_404(ImportJob, pk=pk)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportJob]:
        queryset: QuerySet[ImportJob] = super().get_queryset(request)
        return queryset.defer("content", "refused_rows")


def _is_for(preset: str, kind: str) -> bool:
    return not preset or any((each.code, each.kind) == (preset, kind) for each in SHIPPED)


def _to_page(pk: int) -> HttpResponse:
    return redirect(reverse("admin:customers_importjob_change", args=[pk]))
