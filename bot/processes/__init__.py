"""Composition only: which parts run in which process. No rules."""
