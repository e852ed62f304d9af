"""How many points it takes to find a planted fault, and how sharply."""
