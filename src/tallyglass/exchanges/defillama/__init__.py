"""DefiLlama: prices of coins in dollars, without a key."""
