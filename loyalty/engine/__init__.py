"""
What every capability plugs into: who a member is, what happens to it, how a decision grows, and its clock. Pure.

Read `decision`, then `clock`; `loyalty.activity.steps` is the page on which the capabilities' steps stand in their order.
"""
