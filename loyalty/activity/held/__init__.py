"""Reviews and photos that are held for a person before they are published and rewarded."""
