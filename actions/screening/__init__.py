"""Self-screening: which help may fit, why, and what to ask next. Pure: no framework, no database, no clock."""
