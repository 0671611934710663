"""One search for staff: over members, customers, orders and the pages of the menu."""
