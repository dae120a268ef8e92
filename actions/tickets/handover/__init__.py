"""协办: a department is asked for its part of a ticket. Guards and effects stand in actions/tickets/commands/handing.py."""
