"""Fill in the pod of earlier visits, in batches, so that no row is locked for long; this takes its time"""

import time

import sqlalchemy as sa
from alembic import context, op

from history import step
from trial import seconds

revision = "0003"
down_revision = "0002"

BATCH = sa.text(
    "update visits set pod = 'unknown'"
    " where id in (select id from visits where pod is null limit 1000 for update skip locked)"
)
PAUSE_SECONDS = 0.1  # between two batches, for the others who use the database


def upgrade():
    if context.is_offline_mode():
        op.execute("update visits set pod = 'unknown' where pod is null")
        return
    until = time.monotonic() + seconds("MIGRATION_SECONDS", 3)
    with step(revision), op.get_context().autocommit_block():
        while op.get_bind().execute(BATCH).rowcount or time.monotonic() < until:
            time.sleep(PAUSE_SECONDS)


def downgrade():
    pass
