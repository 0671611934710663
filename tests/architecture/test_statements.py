"""
What PostgreSQL looks up in an index behind its row-level policies, and what it reads a whole table for.

A condition may be asked before the policy only if nothing in it can tell what a hidden row holds. Comparing columns cannot;
`coalesce`, `||` and all functions might, says PostgreSQL, and so the row is fetched first: each row of the table, on a table
that every order reads. CASE cannot, and neither can what a subquery that ends with OFFSET 0 has made a column of.
"""

import re
from pathlib import Path

import pytest

from customers.core import bulk
from tests.architecture.test_dependencies import ROOT

KEY = r"(?:\w+\.)?(?:id|\w+_id|key|cause|gift|reference)"
MADE_UP = re.compile(rf"\b(?:ON|AND|WHERE|OR)\s+{KEY}\s*(?:=|IN)\s*\(?\s*(?:coalesce\(|'[^']*'\s*\|\|)")
HASHED = re.compile(rf"\bOR\s+{KEY}\s+IN\s*\(\s*SELECT\b")
# A subquery that a join asks again for each row passes over what it has locked: so it takes more than its limit.
AGAIN = re.compile(rf"\b{KEY}\s+IN\s*\(\s*SELECT\b[^\"]{{0,500}}?\bLIMIT\s+%\(?\w+")
# Writes COALESCE around each part, of which no index is asked: customers.core.made_up.MadeUp does not.
CONCAT = re.compile(r"\bimport .*\bConcat\b")
SOURCES = sorted(
    path
    for package in ("analytics", "customers", "loyalty")
    for path in (ROOT / package).rglob("*.py")
    if "migrations" not in path.parts
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_table_is_looked_up_by_what_the_policies_hold_back(path: Path) -> None:
    text = path.read_text()

    assert [found[0] for found in MADE_UP.finditer(text)] == []
    assert [found[0] for found in HASHED.finditer(text)] == []
    assert [found[0] for found in AGAIN.finditer(text)] == []
    assert CONCAT.search(text) is None


def test_what_is_held_back_is_found() -> None:
    joined = "JOIN points_lot l ON l.id = coalesce(v.to_lot_id, m.lot_id)"
    named = "WHERE u.wallet_id = e.wallet_id AND u.cause = 'restore:' || e.id"

    assert MADE_UP.search(joined)
    assert MADE_UP.search(named)
    assert not MADE_UP.search("ON l.id = CASE WHEN v.to_lot_id IS NULL THEN m.lot_id ELSE v.to_lot_id END")
    assert HASHED.search("WHERE c.id = ANY(%(ids)s) OR c.id IN (SELECT merged_into_id FROM customers_customer)")
    assert AGAIN.search("DELETE FROM t WHERE id IN (SELECT id FROM t ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)")
    assert not AGAIN.search("DELETE FROM t WHERE id = ANY(ARRAY(SELECT id FROM t ORDER BY id LIMIT %s))")


# Of Django, and of others.
FOREIGN = ("auth_", "account_", "django_", "mfa_", "rest_framework_")
TWICE = """
SELECT t.relname, i.relname, o.relname FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am a ON a.oid = i.relam AND a.amname = 'btree'
JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_index y ON y.indrelid = x.indrelid AND y.indexrelid <> x.indexrelid AND y.indpred IS NULL AND y.indexprs IS NULL
JOIN pg_class o ON o.oid = y.indexrelid AND o.relam = i.relam
WHERE t.relnamespace = 'public'::regnamespace AND NOT x.indisunique AND x.indpred IS NULL AND x.indexprs IS NULL
    AND NOT i.relname LIKE '%%\\_like' AND NOT o.relname LIKE '%%\\_like'
    AND y.indkey::text || ' ' LIKE x.indkey::text || ' %%'
"""


@pytest.mark.django_db
def test_no_index_begins_another_one_of_its_table() -> None:
    """Each costs a write for every row, and again for each change of one: lots had sixteen, of which eleven were asked."""
    twice = [row for row in bulk.fetch(TWICE) if not row[0].startswith(FOREIGN)]

    assert twice == []
