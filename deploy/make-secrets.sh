#!/bin/sh
# Makes the secrets of docker-compose.yml in deploy/secrets, once: what is there is kept.
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

postgres=$(hex) token_service=$(hex) gateway=$(hex) subscriber=$(hex) operator=$(hex)
secret master_key "$(openssl rand -base64 32)"
secret internal_secret "$(hex)"
secret postgres_superuser_password "$(hex)"
secret postgres_password "$postgres"
secret database_url "postgres://portcullis:$postgres@postgres:5432/portcullis"
secret nats_passwords "TOKEN_SERVICE_PASSWORD: \"$token_service\"
GATEWAY_PASSWORD: \"$gateway\"
SUBSCRIBER_PASSWORD: \"$subscriber\"
OPERATOR_PASSWORD: \"$operator\""
secret token_service_nats_url "nats://token-service:$token_service@nats:4222"
secret gateway_nats_url "nats://gateway:$gateway@nats:4222"
secret subscriber_nats_url "nats://subscriber:$subscriber@nats:4222"
secret operator_nats_url "nats://operator:$operator@nats:4222"

# The containers' users read the files, each as a mount of its own; on this machine nobody else gets past the folder's 0700.
chmod 444 "$made"/*
mv "$made" secrets
echo "made deploy/secrets: keep a copy of master_key elsewhere, the database can't be read without it"
