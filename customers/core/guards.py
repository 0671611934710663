"""Database triggers that several tables share."""

import pgtrigger


def append_only(what: str) -> list[pgtrigger.Trigger]:
    """
    Refuse every UPDATE, DELETE and TRUNCATE of a table, from whatever program they come.

    :param what: names the triggers, such as "movements"
    """
    return [
        pgtrigger.Protect(name=f"{what}_are_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        pgtrigger.Trigger(
            name=f"{what}_never_truncated",
            operation=pgtrigger.Truncate,
            when=pgtrigger.Before,
            level=pgtrigger.Statement,
            func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
        ),
    ]
