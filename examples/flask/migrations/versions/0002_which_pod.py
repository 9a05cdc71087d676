"""Which pod was visited: first as a column that may be empty, which the previous version of the app doesn't notice"""

import sqlalchemy as sa
from alembic import op

from history import step

revision = "0002"
down_revision = "0001"


def upgrade():
    with step(revision):
        op.add_column("visits", sa.Column("pod", sa.Text(), nullable=True))


def downgrade():
    op.drop_column("visits", "pod")
