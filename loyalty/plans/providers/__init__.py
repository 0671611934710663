"""Who takes money for a retailer: a port, and what is plugged into it."""
