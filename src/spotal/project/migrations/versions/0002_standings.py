"""Standings: a table that a trigger updates, in place of a view over all events."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, which is filled together with views and triggers, and the index of missing items."""
    op.execute("DROP VIEW IF EXISTS standings")
    op.create_table(
        "standings",
        sa.Column("item", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.Column("voters", sa.Integer(), nullable=False),
        sa.Column("heard", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["item"], ["items.number"], name=op.f("fk_standings_item")),
        sa.PrimaryKeyConstraint("item", name=op.f("pk_standings")),
    )
    op.create_index(op.f("ix_standings_state"), "standings", ["state"], unique=False)
    op.create_index(op.f("ix_items_missing"), "items", ["number"], unique=False, sqlite_where=sa.text("missing"))
