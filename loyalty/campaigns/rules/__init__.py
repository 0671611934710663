"""What may go to whom, when and by which way: decisions, which know neither a clock nor a database. Pure."""
