"""How the app is served; gunicorn reads this file by itself."""

import os

from sqlalchemy.exc import SQLAlchemyError

from history import record_app_start

wsgi_app = "app:create_app()"
bind = "0.0.0.0:5000"
workers = 1
threads = 4
worker_tmp_dir = "/dev/shm"  # the root file system may be read-only
accesslog = None


def on_starting(server):
    try:
        record_app_start(os.environ["DATABASE_URL"])
    except SQLAlchemyError as error:
        server.log.warning("this start is not recorded: %s", error)
