"""Working days, plain days and hours: when something is due, and why. Pure."""
