"""The uplift of a retailer's programs: read, measured as planned, kept, worded, shown, reported and turned into money."""
