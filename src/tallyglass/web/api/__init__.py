"""The REST API: what the commands tell, as the same JSON."""
