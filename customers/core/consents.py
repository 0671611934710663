"""Which of a customer's statements of its will counts: one rule, in SQL; `Consent.objects.newest_first()` besides."""

# The newest by when it was said; of two that were said at once, the one that withdraws. When each was recorded says nothing.
NEWEST_FIRST = "occurred_at DESC, granted"
