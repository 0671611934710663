"""What a program's roll-out in some of a retailer's stores did, by the months of all its stores."""
