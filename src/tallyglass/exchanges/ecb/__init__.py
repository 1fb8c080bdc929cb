"""The European Central Bank's reference rates: what a euro costs in other currencies, each working day since 1999."""
