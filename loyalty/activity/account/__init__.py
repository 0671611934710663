"""What is done with one member's points: redeemed, held, given back, adjusted, transferred; joining, leaving, merging."""
