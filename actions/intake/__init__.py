"""How a request becomes a ticket, whoever brings it: causes, sources, the form, surges, duplicates."""
