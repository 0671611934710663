"""
Who enters a campaign because of what, and goes from step to step of it until it is over.

`nights` (by a day that comes, found by `triggers`) and `learning` (by a fact that was recorded) look for members; all of them
enter by `entering`, once for each fact, after `judging`. `advancing` takes the steps that are due and ends entries whose fact
is not true any more, as `about` reads it; `carrying` lets an entry go on for who stays of two that were merged. Those five
write. `rules.journeys`, `rules.exits` and `rules.progress` decide; `versions` and `open_entries` read what they decide on.

Imported by tasks, by publishing and by the outbox (`learning.on_events`). What a step says is queued with `messages`, what it
gives is asked of `offering`, whom it asks of `feedback`: none of these imports this.
"""
