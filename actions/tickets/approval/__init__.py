"""Who decides a ticket, up to which amount, and that it is never one person alone."""
