"""The schema's history: one Alembic revision each."""
