"""
Key figures (KPIs): what a retailer steers by, over time, for all customers or by group, each with its definition.

`periods.py`, `scores.py`, `cohorts.py` and `figures.py` are pure; `reading.py` reads counts, `board.py` puts them together.
"""
