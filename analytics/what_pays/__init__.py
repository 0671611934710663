"""What pays: products, moments of the week, and campaigns that have a control."""
