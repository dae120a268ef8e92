"""REST for other systems of the authorities: a request comes in by a key, as a form at the desk would."""
