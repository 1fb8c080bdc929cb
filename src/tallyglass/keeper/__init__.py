"""The keeper: the one process that holds secrets and the only way out. The rest of the house imports `client` alone."""
