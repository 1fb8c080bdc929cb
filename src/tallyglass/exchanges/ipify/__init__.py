"""ipify: tells the address that a request came from."""
