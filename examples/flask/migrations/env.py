"""What every `flask db …` command that touches the database runs."""

import time
from logging.config import fileConfig

from alembic import context
from flask import current_app

import history
import trial

fileConfig(context.config.config_file_name, disable_existing_loggers=False)
db = current_app.extensions["migrate"].db


def include_name(name, kind, parents):
    """The tables that are not the models' are none of autogenerate's business."""
    return kind != "table" or name not in history.TABLES | {"migration_faults"}


settings = {
    "target_metadata": db.metadata,
    "include_name": include_name,
    # Each revision commits by itself: one that fails or is killed does not take those before it back.
    "transaction_per_migration": True,
}


def offline():
    url = db.engine.url.render_as_string(hide_password=False)
    context.configure(url=url, literal_binds=True, **settings)
    with context.begin_transaction():
        context.run_migrations()


def online():
    started = time.monotonic()
    with history.run(db.engine.url), db.engine.connect() as connection:
        context.configure(connection=connection, **settings)
        with context.begin_transaction():
            context.run_migrations()
        trial.linger(started)


if context.is_offline_mode():
    offline()
else:
    online()
