"""Switches for trying out what a deploy does: a slow migration, a failing one. A real app has no such thing."""

import os
import time

from sqlalchemy import text


def seconds(name, default):
    """How long something is to take, from the environment."""
    value = os.environ.get(name, "")
    try:
        result = float(value or default)
    except ValueError:
        result = -1
    if result < 0:
        raise RuntimeError(f"{name} is {value!r}; it must be a number of seconds, such as 5 or 0.5")
    return result


def fail_when_told(connection, revision):
    """Fails while MIGRATION_FAIL names the revision, or the table migration_faults, if there is one, has it.

    A row can be taken away while the deploy is going on, which a change of the environment would start anew.
    """
    if os.environ.get("MIGRATION_FAIL") == revision:
        raise RuntimeError(f"revision {revision} fails because MIGRATION_FAIL says so")
    if connection.execute(text("select to_regclass('migration_faults') is not null")).scalar():
        told = text("select count(*) from migration_faults where revision = :revision")
        if connection.execute(told, {"revision": revision}).scalar():
            raise RuntimeError(f"revision {revision} fails because the table migration_faults says so")


def linger(started):
    """Makes a whole `flask db upgrade` take at least UPGRADE_SECONDS, also when there is nothing to do."""
    time.sleep(max(0, started + seconds("UPGRADE_SECONDS", 0) - time.monotonic()))
