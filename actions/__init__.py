"""DOES: what the hotline can do for a person. Never imports bot."""
