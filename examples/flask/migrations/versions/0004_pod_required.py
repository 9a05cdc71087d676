"""A visit without a pod is no longer accepted"""

from alembic import context, op

from history import step
from trial import fail_when_told

revision = "0004"
down_revision = "0003"


def upgrade():
    with step(revision):
        if not context.is_offline_mode():
            fail_when_told(op.get_bind(), revision)
        op.alter_column("visits", "pod", nullable=False)


def downgrade():
    op.alter_column("visits", "pod", nullable=True)
