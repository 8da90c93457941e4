"""Entry point of Alembic: runs the migrations on the connection that :mod:`spotal.project.database` opened."""

from alembic import context

from spotal.project.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
