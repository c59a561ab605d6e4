"""The database store: SQLAlchemy Core, one code path for every dialect."""
