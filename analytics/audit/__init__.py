"""
Whether a retailer's data carry what is computed from them.

`running.audit` looks at the data and keeps what it found; `running.verdict` is what a page asks before it shows a number.
"""
