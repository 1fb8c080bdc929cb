"""The store: raw pages, entries, balances, prices. The only place that writes SQL."""
