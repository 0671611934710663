"""
Pages on which two people may edit the same: the second one is told what the first one changed, and replaces nothing unseen.

A page carries a digest of each value as it was shown. Where one is another when it is saved, nothing is: each is named with what
it says now. Saving once more then means it. What does not say what it showed is not saved either, and has to be opened anew. The
check and the saving hold one row, so that of two at once one is the second.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from hashlib import blake2b
from typing import Any, ClassVar

from django.contrib.admin.utils import flatten, unquote
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.translation import gettext as _

from customers.core.values import dataclass

NOTHING = "-"
SEEN = "seen"  # the field in which a page says what it showed
BYTES, MAX_SAID, MAX_TOLD = 9, 200, 10


@dataclass(frozen=True, slots=True)
class Shown:
    """A value that a page shows. :param said: in words; `value` as it is kept, whatever language it is read in"""

    name: str
    value: str
    said: str

    @property
    def digest(self) -> str:
        return urlsafe_b64encode(blake2b(self.value.encode(), digest_size=BYTES).digest()).decode()


State = dict[str, Shown]  # by the names of fields, and of rows below


class EditedByOne:
    """An admin's page of which the second of two editors is told what has changed; it stands before `ModelAdmin`."""

    change_form_before_template: ClassVar[str] = "campaigns/seen.html"

    def held(self, key: Any) -> None:
        """Lock what all who change this hold: the row itself, where nothing else is said."""
        self.model._default_manager.select_for_update(no_key=True).filter(pk=key).first()  # type: ignore[attr-defined]

    def also_shown(self, _row: Any) -> State:
        """Return what the page shows besides the row's own fields and the rows below it."""
        return {}

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the page with what is seen on it, or save what stands on it unless that is not what was seen."""
        is_sent = request.method == "POST"
        with transaction.atomic() if is_sent else nullcontext():
            row, state, seen = self._row(request, object_id), State(), _seen(request)
            if row is not None:
                if is_sent:
                    self.held(row.pk)
                    row = self._row(request, object_id)
                state = self._state_of(request, row)
                request.changes_told = changes(seen, state) if is_sent else ()  # type: ignore[attr-defined] # `get_form` tells
            # A page that did not say what it showed does not learn here what stands there now: it would replace that unseen.
            shown = {} if is_sent and seen is None else {key: each.digest for key, each in state.items()}
            extra = {**(extra_context or {}), SEEN: json.dumps(shown) if shown else ""}
            answer: HttpResponse = super().changeform_view(request, object_id, form_url, extra)  # type: ignore[misc]
        return answer

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **given: Any) -> Any:  # noqa: FBT001, FBT002 - Django's
        """Refuse what would replace what was not seen."""
        form = super().get_form(request, obj, change=change, **given)  # type: ignore[misc]
        told: Sequence[str] = getattr(request, "changes_told", ())
        if not told:
            return form

        def clean(filled: Any) -> Any:
            found = form.clean(filled)
            for words in told:
                filled.add_error(None, words)
            return found

        return type(form.__name__, (form,), {"clean": clean})

    def _row(self, request: HttpRequest, object_id: str | None) -> Any:
        return self.get_object(request, unquote(object_id)) if object_id else None  # type: ignore[attr-defined] # of an admin

    def _state_of(self, request: HttpRequest, row: Any) -> State:
        """Return what a page shows of a row and of those below it, where they can be changed."""
        if row is None or not self.has_change_permission(request, row):  # type: ignore[attr-defined]
            return {}
        fixed = set(self.get_readonly_fields(request, row))  # type: ignore[attr-defined]
        names = [each for each in flatten(self.get_fields(request, row)) if each not in fixed]  # type: ignore[attr-defined]
        found = dict(_fields_of(row, names)) | dict(self.also_shown(row))
        for inline in self.get_inline_instances(request, row):  # type: ignore[attr-defined]
            found |= _rows_below(row, inline)
        return found


def _rows_below(row: Any, inline: Any) -> Iterator[tuple[str, Shown]]:
    """Yield the rows of an inline, each as one value."""
    fields, shown = inline.model._meta.fields, flatten(inline.fields)
    (key,) = (each for each in fields if each.related_model is type(row))
    leads_to = [each.name for each in fields if each.is_relation and each.name in shown]
    rows = inline.model._default_manager.filter(**{key.name: row}).order_by("pk")
    for below in rows.select_related(*leads_to) if leads_to else rows:
        own = [each for _name, each in _fields_of(below, shown)]
        said = "; ".join(f"{each.name}: {each.said}" for each in own if each.said != NOTHING)
        name = f"{inline.model._meta.verbose_name} “{below}”"
        yield f"{inline.model._meta.model_name}/{below.pk}", Shown(name, json.dumps([each.value for each in own]), said)


def _seen(request: HttpRequest) -> Mapping[str, str] | None:
    """Return the digests of what a page showed that is sent; None where it does not say."""
    try:
        said = json.loads(request.POST.get(SEEN, ""))
    except ValueError:
        return None
    return said if isinstance(said, dict) and said else None


def changes(seen: Mapping[str, str] | None, present: State) -> list[str]:
    """Return in words what is another than it was seen, or that nobody says what was seen; nothing where all is as it was."""
    if seen is None:
        unsaid = _(
            "Nothing was saved: this page does not say what it showed. Open it anew, and make your changes there."
        )
        return [unsaid] if present else []
    others = [each for key, each in present.items() if seen.get(key) != each.digest]
    gone = [key for key in seen if key not in present]
    if not others and not gone:
        return []
    told = [_("%(name)s is now: %(said)s.") % {"name": _upper(each.name), "said": _short(each.said)} for each in others]
    told += [_("%(name)s is there no more.") % {"name": _upper(_name_of(key))} for key in gone]
    more = [_("And more.")] if len(told) > MAX_TOLD else []
    first = _("Nothing was saved: somebody changed this since you opened it.")
    last = _("Save once more to replace that by what stands here, or open the page anew and make your changes there.")
    return [first, *told[:MAX_TOLD], *more, last]


def _name_of(key: str) -> str:
    """Return what something is called of which no more is known than its key."""
    from django.apps import apps  # noqa: PLC0415 - asked for here alone

    name, slash, _pk = key.partition("/")
    known = {
        each._meta.model_name: str(each._meta.verbose_name) for each in apps.get_app_config("campaigns").get_models()
    }
    return known.get(name, name) if slash else name


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _short(said: str) -> str:
    return said if len(said) <= MAX_SAID else f"{said[:MAX_SAID]}…"


def _fields_of(row: Any, names: Sequence[str]) -> Iterator[tuple[str, Shown]]:
    known = {each.name: each for each in row._meta.concrete_fields}
    for field in (known[name] for name in names if name in known):
        value = json.dumps(field.value_from_object(row), default=str)
        yield field.name, Shown(str(field.verbose_name), value, _in_words(row, field))


def _in_words(row: Any, field: models.Field[Any, Any]) -> str:
    """Return a field's value as people read it."""
    value = field.value_from_object(row)
    if value is None or value in ("", [], {}):
        return NOTHING
    if field.choices:
        return str(getattr(row, f"get_{field.name}_display")())
    if field.is_relation:
        return str(getattr(row, field.name))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(localize(timezone.localtime(value) if isinstance(value, datetime) else value))
