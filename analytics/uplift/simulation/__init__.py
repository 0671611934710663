"""Retailers whose truth is known: who joins why, and by how much joining raises what they spend."""
