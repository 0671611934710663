"""Models of customer lifetime value: pure numerics on NumPy columns, one file per model, named after its paper."""
