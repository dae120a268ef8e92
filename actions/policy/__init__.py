"""Answers to general questions, each with its source, its date and who keeps it."""
