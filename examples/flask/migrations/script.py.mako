"""${message}"""

from alembic import op
import sqlalchemy as sa
${imports if imports else ""}
from history import step

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade():
    with step(revision):
        ${upgrades.replace("\n    ", "\n        ") if upgrades else "pass"}


def downgrade():
    ${downgrades if downgrades else "pass"}
