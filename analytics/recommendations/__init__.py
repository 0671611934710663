"""What a customer is likely to want: pure numerics of sparse matrices, and the runs that serve what was proven."""
