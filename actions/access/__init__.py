"""The one door: who is signed in, and which rows that person may see. Nothing else queries for a page."""
