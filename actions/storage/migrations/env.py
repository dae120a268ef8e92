"""Alembic's entry: always runs on a connection handed in by actions.storage.migrate, in its transaction."""
from alembic import context

from actions.storage import tables  # noqa: F401  declares every table
from actions.storage.base import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
