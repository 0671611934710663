"""Offers given to members: by whom they are had, what they reserve of a budget, and what becomes of them."""
