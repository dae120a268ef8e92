"""Text in, meaning out: normalisation, numerals, money, dates, dialect. Pure."""
