"""The database: engine, session, every table, one linear migration history."""
