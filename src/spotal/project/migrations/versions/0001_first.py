"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "items",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=True),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("missing", sa.Boolean(), nullable=False),
        sa.Column("held_back", sa.Double(), nullable=True),
        sa.Column("added", sa.String(), nullable=False),
        sa.CheckConstraint("kind IN ('image', 'text', 'embedding')", name=op.f("ck_items_kind")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_items")),
        sa.UniqueConstraint("id", name=op.f("uq_items_id")),
    )
    op.create_table(
        "models",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("n_labeled", sa.Integer(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("weights", sa.String(), nullable=True),
        sa.Column("embeddings", sa.String(), nullable=True),
        sa.Column("predictions", sa.String(), nullable=True),
        sa.Column("about", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_models")),
    )
    op.create_table(
        "events",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("annotator", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("external_version", sa.String(), nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.CheckConstraint("(kind = 'label') = (label IS NOT NULL)", name=op.f("ck_events_label")),
        sa.CheckConstraint("kind IN ('label', 'skip', 'none_of_these', 'withdraw')", name=op.f("ck_events_kind")),
        sa.ForeignKeyConstraint(["item"], ["items.number"], name=op.f("fk_events_item")),
        sa.ForeignKeyConstraint(["undoes"], ["events.number"], name=op.f("fk_events_undoes")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_events")),
        sa.UniqueConstraint(
            "source", "external_id", "external_version", name=op.f("uq_events_source_external_id_external_version")
        ),
        sa.UniqueConstraint("undoes", name=op.f("uq_events_undoes")),
    )
    op.create_index(op.f("ix_events_annotator_number"), "events", ["annotator", "number"], unique=False)
    op.create_index(op.f("ix_events_item_annotator_number"), "events", ["item", "annotator", "number"], unique=False)
    op.create_table(
        "metrics",
        sa.Column("model", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=True),
        sa.Column("high", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["model"], ["models.number"], name=op.f("fk_metrics_model")),
        sa.PrimaryKeyConstraint("model", "name", name=op.f("pk_metrics")),
    )
    op.create_table(
        "rounds",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("n_labeled", sa.Integer(), nullable=False),
        sa.Column("model", sa.Integer(), nullable=True),
        sa.Column("reserve", sa.Integer(), nullable=False),
        sa.Column("drawn", sa.Integer(), nullable=False),
        sa.Column("population", sa.Integer(), nullable=False),
        sa.Column("about", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(["model"], ["models.number"], name=op.f("fk_rounds_model")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_rounds")),
    )
    op.create_table(
        "picks",
        sa.Column("item", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("mass", sa.Double(), nullable=True),
        sa.Column("stands_for", sa.Integer(), nullable=True),
        sa.Column("uncertainty", sa.Double(), nullable=True),
        sa.Column("about", sa.JSON(none_as_null=True), nullable=False),
        sa.CheckConstraint("role IN ('query', 'audit')", name=op.f("ck_picks_role")),
        sa.ForeignKeyConstraint(["item"], ["items.number"], name=op.f("fk_picks_item")),
        sa.ForeignKeyConstraint(["round"], ["rounds.number"], name=op.f("fk_picks_round")),
        sa.PrimaryKeyConstraint("item", name=op.f("pk_picks")),
        sa.UniqueConstraint("round", "rank", name=op.f("uq_picks_round_rank")),
    )
