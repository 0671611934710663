"""What can go wrong before any service runs: each message says what to do."""


class EmbeddedError(RuntimeError):
    """An embedded service cannot be had here."""
