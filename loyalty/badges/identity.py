"""Which badge, challenge or board of a draft is which of the versions before it: what members have outlives rows and codes."""

from typing import Any

from django.db import models

from loyalty.badges.models import Badge, Board, Challenge
from loyalty.programs.models import ProgramVersion

# What cannot be changed of something for which facts are counted: with another one of these it counts something else.
COUNTED = ("metric", "interaction", "window", "window_days", "first_day", "last_day", "further")


def keep_badge_identities(draft: ProgramVersion) -> None:
    """
    Give what was written anew in a draft the identity of what had its code in the latest published version.

    A challenge or a board that counts something else, or over another time, is a new one, whatever its code is.
    """
    published = ProgramVersion.objects.filter(program=draft.program_id, status=ProgramVersion.Status.PUBLISHED)
    latest = published.exclude(pk=draft.pk).order_by("-effective_from").first()
    if latest is None:
        return
    for model, same in ((Badge, ()), (Challenge, COUNTED), (Board, COUNTED[:-1])):
        _keep(model, draft, latest, same)


def _keep(model: type[models.Model], draft: ProgramVersion, latest: ProgramVersion, same: tuple[str, ...]) -> None:
    rows: Any = model._default_manager
    before = list(rows.filter(version=latest))
    by_key, by_code = {row.key: row for row in before}, {row.code: row for row in before}
    new = list(rows.filter(version=draft))
    taken = {row.key for row in new}
    for row in new:
        was = by_key.get(row.key)
        if was is not None and _said(was, same) == _said(row, same):
            continue
        named = by_code.get(row.code)
        if was is None and named is not None and named.key not in taken and _said(named, same) == _said(row, same):
            row.key = named.key
        elif was is not None:
            row.key = type(row)().key  # a new one
        else:
            continue
        taken.add(row.key)
        row.save(update_fields=["key"])


def _said(row: Any, names: tuple[str, ...]) -> list[Any]:
    return [getattr(row, name) for name in names]
