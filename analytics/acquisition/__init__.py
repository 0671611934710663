"""What winning customers costs, by channel and month, and when it comes back."""
