#!/bin/sh
# Makes the secrets and certificates of docker-compose.yml in deploy/secrets, once: what is there is kept. Arguments are further
# names or addresses that the gateways are reached by.
set -eu
cd "$(dirname "$0")"
if [ -e secrets ]; then
  echo "deploy/secrets is there already: nothing was changed" >&2
  exit 1
fi
umask 077
made=$(mktemp -d secrets.XXXXXX)
trap 'rm -rf "$made"' EXIT

hex() { openssl rand -hex 24; }
secret() { printf '%s\n' "$2" > "$made/$1"; }
nats_url() { printf 'tls://%s:%s@nats-1:4222,tls://nats-2:4222,tls://nats-3:4222' "$1" "$2"; }

postgres=$(hex) token_service=$(hex) gateway=$(hex) subscriber=$(hex) operator=$(hex)
secret master_key "$(openssl rand -base64 32)"
secret internal_secret "$(hex)"
secret postgres_superuser_password "$(hex)"
secret postgres_password "$postgres"
secret database_url "postgres://portcullis:$postgres@postgres:5432/portcullis?sslmode=verify-full&sslrootcert=/run/tls/ca.crt"
secret nats_passwords "TOKEN_SERVICE_PASSWORD: \"$token_service\"
GATEWAY_PASSWORD: \"$gateway\"
SUBSCRIBER_PASSWORD: \"$subscriber\"
OPERATOR_PASSWORD: \"$operator\""
secret token_service_nats_url "$(nats_url token-service "$token_service")"
secret gateway_nats_url "$(nats_url gateway "$gateway")"
secret subscriber_nats_url "$(nats_url subscriber "$subscriber")"
secret operator_nats_url "$(nats_url operator "$operator")"

# The containers' users read the files, each as a mount of its own; on this machine nobody else gets past the folder's 0700.
chmod 444 "$made"/*
./make-certificates.sh "$made/tls" "$@"
mv "$made" secrets
echo "made deploy/secrets: keep a copy of master_key elsewhere, the database can't be read without it"
