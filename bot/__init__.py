"""TALKS: everything between a person and the hotline."""
