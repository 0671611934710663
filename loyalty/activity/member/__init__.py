"""A member's page in the admin: who it is, what it has, what staff do with its points, and its statement."""
