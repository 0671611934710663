"""The demo: a real grocer's year through every floor of the house."""
