"""What is said of a contact with support: what it was about, how it ended, and a few words of it. Pure."""

CONTACT = "support"  # the kind of interaction
OUTCOMES = ("open", "solved", "unsolved")
MAX_TOPIC = 50
MAX_COMMENT = 2_000
