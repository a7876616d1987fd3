#!/bin/sh
# Takes DATABASE_URL and NATS_URL, which hold passwords, from the files that DATABASE_URL_FILE and NATS_URL_FILE name.
set -eu
if [ -n "${DATABASE_URL_FILE:-}" ]; then
  DATABASE_URL=$(cat "$DATABASE_URL_FILE")
  export DATABASE_URL
fi
if [ -n "${NATS_URL_FILE:-}" ]; then
  NATS_URL=$(cat "$NATS_URL_FILE")
  export NATS_URL
fi
exec "$@"
