"""Sync: asks the keeper for pages and stores what they hold, each at its exchange's pace."""
