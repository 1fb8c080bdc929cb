"""icanhazip: tells the address that a request came from."""
