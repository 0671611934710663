"""What customers do before and after they buy: the journey map, and funnels with where people stop."""
