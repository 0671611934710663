"""When lots end, in SQL: what the books say of it, for whoever reads lots. What steps say stands in `state`."""

# Of an entry `e`: that something its member did keeps points, and that no correction has said since that it never was. {known}
# narrows the corrections.
KEEPS = "e.keeps_until IS NOT NULL AND NOT EXISTS (SELECT 1 FROM points_disproof d WHERE d.entry_id = e.id{known})"
KEEPS_NOW = KEEPS.format(known="")
# The spans through which wallets' members were never idle for too long, as `expiry.spans_of` makes them of what the entries
# say: {which} names the entries, and {known} the corrections that count.
SPANS = f"""
SELECT wallet_id, min(occurred_at) AS begins_at, max(keeps_until) AS ends_at FROM (
    SELECT *, count(*) FILTER (WHERE is_after_gap) OVER (PARTITION BY wallet_id ORDER BY occurred_at, keeps_until, id) AS place
    FROM (
        SELECT id, wallet_id, occurred_at, keeps_until, occurred_at >= max(keeps_until) OVER (
            PARTITION BY wallet_id ORDER BY occurred_at, keeps_until, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS is_after_gap
        FROM points_entry e WHERE {KEEPS} AND {{which}}
    ) AS told
) AS placed GROUP BY wallet_id, place
"""
# Of a lot `l` of a wallet `w`. What was earned in the newest span needs no look at what was before it.
ENDS_AT = f"""
CASE WHEN NOT l.expires_on_inactivity THEN l.expires_at WHEN l.earned_at >= w.active_since THEN w.idle_until
ELSE coalesce((
    SELECT s.ends_at FROM ({SPANS.format(which="wallet_id = l.wallet_id", known="")}) AS s
    WHERE s.begins_at <= l.earned_at AND l.earned_at < s.ends_at
), w.idle_until) END
"""
