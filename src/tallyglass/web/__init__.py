"""The web app: pages and REST, thin over app."""
