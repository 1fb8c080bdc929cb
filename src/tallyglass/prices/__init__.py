"""Prices: where the last ones come from, and the path from an asset to the user's currency."""
