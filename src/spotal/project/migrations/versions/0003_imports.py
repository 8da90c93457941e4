"""Imports, which can be undone, and the suggestions in their files."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables. Earlier imports have no record."""
    op.create_table(
        "imports",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("undone", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_imports")),
    )
    op.create_table(
        "suggestions",
        sa.Column("item", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("import", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["item"], ["items.number"], name=op.f("fk_suggestions_item")),
        sa.ForeignKeyConstraint(["import"], ["imports.number"], name=op.f("fk_suggestions_import")),
        sa.PrimaryKeyConstraint("item", "import", name=op.f("pk_suggestions")),
    )
