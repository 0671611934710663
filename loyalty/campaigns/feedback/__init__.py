"""
Asking customers what they think, and doing something about it.

`inviting` says who is asked (a step of a campaign, within limits), `answering` takes an answer once, `following_up` is the queue
of those who gave a low score. Scores never change points.
"""
