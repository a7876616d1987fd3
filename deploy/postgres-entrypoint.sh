#!/bin/bash
# Starts the postgres image with TLS. Postgres refuses a key that others could read, so it gets a copy of its own; after a renewal,
# restart the container.
set -eu
install --owner=postgres --group=postgres --mode=0400 /run/tls/tls.key /run/postgres.key
exec docker-entrypoint.sh postgres \
  -c ssl=on -c ssl_cert_file=/run/tls/tls.crt -c ssl_key_file=/run/postgres.key -c ssl_min_protocol_version=TLSv1.3 \
  -c hba_file=/etc/portcullis/pg_hba.conf
