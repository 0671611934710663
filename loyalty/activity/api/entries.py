"""Entries of the ledger as plain values: a page of them is read more often than anything but a balance."""

from collections.abc import Sequence
from typing import Any

from loyalty.activity.explained_words import readers_words
from loyalty.activity.explaining import RuleNames, rule_names, said_by
from loyalty.points.models import label_of
from loyalty.points.paging import StatedEntry, running_balances
from loyalty.points.statement import Clock


def said_entries(page: Sequence[StatedEntry], clock: Clock) -> list[dict[str, Any]]:
    """
    Return entries as plain values of `EntryOut`.

    :param page: entries that are sorted by the clock, the newest first
    """
    balances = running_balances(page) if clock is Clock.OCCURRED else {entry.id: entry.balance_after for entry in page}
    rules, labels, words = _rules(page), _labels(page), readers_words()
    return [
        {
            "id": entry.id,
            "kind": entry.kind,
            "kind_label": label,
            "wallet": entry.wallet,
            "order": entry.order,
            "occurred_at": entry.occurred_at,
            "recorded_at": entry.recorded_at,
            "available_change": entry.available_change,
            "pending_change": entry.pending_change,
            "owed_change": entry.owed_change,
            "balance_after": balances[entry.id],
            "sentences": said_by(entry, rules[entry.program_id], words=words),
            "explanation": entry.explanation,
        }
        for entry, label in zip(page, labels, strict=True)
    ]


def _rules(page: Sequence[StatedEntry]) -> dict[int, RuleNames]:
    """Return what rules are called, by program."""
    by_program: dict[int, list[StatedEntry]] = {}
    for entry in page:
        by_program.setdefault(entry.program_id, []).append(entry)
    return {program_id: rule_names(program_id, entries) for program_id, entries in by_program.items()}


def _labels(page: Sequence[StatedEntry]) -> list[str]:
    """Return what happened by each entry: the same words, for the most part."""
    known: dict[tuple[str, bool, bool], str] = {}
    found: list[str] = []
    for entry in page:
        said = entry.kind, "correction" in entry.explanation, "grant_back" in entry.explanation
        if said not in known:
            known[said] = label_of(entry.kind, entry.explanation)
        found.append(known[said])
    return found
