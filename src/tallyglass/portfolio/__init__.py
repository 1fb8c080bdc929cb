"""Portfolio: what is owned and what it is worth. Pure."""
