"""
What an activity causes: (member, activity, ruleset) -> decision. No database, no clock, no randomness but new ids.

`orders`, `returns` and `interactions` (with what happens to orders) decide activities; `earning`, `points` and `climbing`
are the steps that they share. An order is decided in this order: what has expired by inactivity, earning rules, limits, lots,
repayment of what is owed, qualifying, tiers. Its multiplier is that of the tier on which its member stood at its time.
"""
