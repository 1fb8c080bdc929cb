"""Alerts: how what wants the user's hand reaches him when he is not looking."""
