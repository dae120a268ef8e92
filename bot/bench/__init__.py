"""Measures the hotline beside its rival, stock Rasa: starts both for real, drives them, reports figures and ratios."""
