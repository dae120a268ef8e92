"""Graph components of our own."""
