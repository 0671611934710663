"""What is done with one member's plan: joined, changed, cancelled, paid, refunded."""
