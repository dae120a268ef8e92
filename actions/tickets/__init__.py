"""Tickets: numbers, lifecycle, opening and working them."""
