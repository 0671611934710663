"""What interactions are rewarded with, as staff see it."""
