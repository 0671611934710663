"""Badges, challenges, leaderboards, contests and surprises: shown, searched, exported."""

from loyalty.badges.admin import badges, boards, challenges, surprises

__all__ = ["badges", "boards", "challenges", "surprises"]
