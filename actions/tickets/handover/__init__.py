"""协办: a department is asked for its part of a ticket. Its commands stand in actions/tickets/commands/handing.py."""
