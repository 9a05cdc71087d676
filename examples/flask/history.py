"""Who migrated when, and when the app started, as rows: so that SQL can show that no two runs overlapped.

They are written over a connection of their own, which commits each statement at once: a start can be seen while the
migration runs, and a process that is killed leaves a row without an end. Times are the database's.
"""

import os
import socket
import sys
import time
from contextlib import contextmanager

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

TABLES = {"migration_runs", "app_starts"}

# CREATE TABLE IF NOT EXISTS alone fails when two do it at the same moment.
PREPARE = """
do $$ begin
  perform pg_advisory_xact_lock(hashtext('migration_runs'));
  create table if not exists migration_runs (
    id bigint generated always as identity primary key,
    run bigint references migration_runs, -- null: the whole command; else the command that this revision is part of
    pod text not null,
    command text not null,
    revision text,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    error text,
    alongside bigint[] not null default '{}' -- runs whose process was alive when this one had begun
  );
  create table if not exists app_starts (
    id bigint generated always as identity primary key,
    pod text not null,
    version text,
    schema text,
    started_at timestamptz not null
  );
end $$
"""

_current = None  # the run of this process: its connection and its row


@contextmanager
def run(url):
    """Records the command of this process, from here to the end of the block."""
    global _current
    with _connect(url) as connection:
        row = _begin(connection, None, None)
        # A session ends with its process, however that ends; so whoever is listed under such a name is alive.
        connection.execute(text(f"set application_name = 'migration-run-{row}'"))
        connection.execute(
            text(
                "update migration_runs set alongside = array("
                " select cast(substr(application_name, length('migration-run-') + 1) as bigint) from pg_stat_activity"
                " where application_name like 'migration-run-%' and pid <> pg_backend_pid()"
                " and datname = current_database()) where id = :row"
            ),
            {"row": row},
        )
        _current = (connection, row)
        try:
            with _ended(connection, row):
                yield
        finally:
            _current = None


@contextmanager
def step(revision):
    """Records one revision, as part of the run around it. Without one, as with --sql, it records nothing."""
    if _current is None:
        yield
        return
    connection, parent = _current
    with _ended(connection, _begin(connection, parent, revision)):
        yield


def record_app_start(url):
    """Records when this process began, which is before it had loaded anything."""
    with _connect(url) as connection:
        known = connection.execute(text("select to_regclass('alembic_version') is not null")).scalar()
        schema = connection.execute(text("select max(version_num) from alembic_version")).scalar() if known else None
        connection.execute(
            text(
                "insert into app_starts (pod, version, schema, started_at)"
                " values (:pod, :version, :schema, clock_timestamp() - make_interval(secs => :age))"
            ),
            {
                "pod": socket.gethostname(),
                "version": os.environ.get("APP_VERSION"),
                "schema": schema,
                "age": _age_seconds(),
            },
        )


def _connect(url):
    connection = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool).connect()
    connection.execute(text(PREPARE))
    return connection


def _begin(connection, parent, revision):
    return connection.execute(
        text(
            "insert into migration_runs (run, pod, command, revision)"
            " values (:parent, :pod, :command, :revision) returning id"
        ),
        {"parent": parent, "pod": socket.gethostname(), "command": " ".join(sys.argv[1:]), "revision": revision},
    ).scalar()


@contextmanager
def _ended(connection, row):
    failure = None
    try:
        yield
    except BaseException as error:
        failure = f"{type(error).__name__}: {error}"
        raise
    finally:
        connection.execute(
            text("update migration_runs set ended_at = clock_timestamp(), error = :error where id = :row"),
            {"error": failure, "row": row},
        )


def _age_seconds():
    """How long this process has existed, by Linux' own books; 0 on other systems."""
    try:
        with open("/proc/self/stat") as stat:
            ticks = int(stat.read().rpartition(")")[2].split()[19])
    except OSError:
        return 0
    return max(0, time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))
