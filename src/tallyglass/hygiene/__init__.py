"""Hygiene: what wants the user's hand, and why. Facts in, findings out; pure."""
