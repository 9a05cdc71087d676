#!/bin/sh
# What manifests written for the official postgres image rely on: the first start makes the database, from the
# variables POSTGRES_PASSWORD, POSTGRES_USER and POSTGRES_DB, in the folder PGDATA. Made for tests: a crash of the
# machine loses data.
set -eu
: "${POSTGRES_PASSWORD:?must be set, as for the official image}"
user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --no-sync --username="$user" --encoding=UTF8 --locale=C.UTF-8 \
    --auth-local=trust --auth-host=scram-sha-256 --pwfile=/dev/fd/3 >/dev/null 3<<PASSWORD
$POSTGRES_PASSWORD
PASSWORD
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  if [ "$database" != postgres ]; then
    echo "create database \"$database\"" | postgres --single -j -D "$PGDATA" postgres >/dev/null
  fi
fi
exec postgres -c listen_addresses='*' -c fsync=off -c full_page_writes=off -c synchronous_commit=off "$@"
