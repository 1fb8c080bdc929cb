"""CoinGecko: which coins there are, and their prices in dollars, without a key."""
