"""CSV files in: read rows, group them into facts, record them in batches, and report every row that cannot be taken."""
