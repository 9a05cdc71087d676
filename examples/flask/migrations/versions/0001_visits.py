"""Visits"""

import sqlalchemy as sa
from alembic import op

from history import step

revision = "0001"
down_revision = None


def upgrade():
    with step(revision):
        op.create_table(
            "visits",
            sa.Column("id", sa.Integer(), primary_key=True),
            sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        )


def downgrade():
    op.drop_table("visits")
