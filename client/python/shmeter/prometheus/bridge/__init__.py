"""To other systems."""
