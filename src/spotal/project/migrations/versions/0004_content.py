"""The content of an item, stored with each of its answers."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Mark contents of the old form, which are replaced the next time the data are read."""
    op.execute("UPDATE items SET content = 'former:' || content WHERE kind IN ('image', 'embedding')")
    op.drop_index(op.f("ix_items_missing"), "items")
    with op.batch_alter_table("items", recreate="always") as batch:
        batch.add_column(sa.Column("stamp", sa.String(), nullable=True))
        batch.add_column(sa.Column("changed", sa.String(), nullable=True))
    op.create_index(op.f("ix_items_missing"), "items", ["number"], unique=False, sqlite_where=sa.text("missing"))
    op.create_index(op.f("ix_items_changed"), "items", ["changed"], unique=False)
    with op.batch_alter_table("events", recreate="always") as batch:
        batch.add_column(sa.Column("content", sa.String(), nullable=True))
    op.execute("UPDATE events SET content = COALESCE((SELECT content FROM items WHERE number = events.item), '')")
    with op.batch_alter_table("events", recreate="always") as batch:
        batch.alter_column("content", existing_type=sa.String(), nullable=False)
    op.create_table(
        "vouched",
        sa.Column("item", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("now", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["item"], ["items.number"], name=op.f("fk_vouched_item")),
        sa.PrimaryKeyConstraint("item", "content", "now", name=op.f("pk_vouched")),
    )
