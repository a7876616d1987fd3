#!/bin/sh
# Makes an authority of Portcullis's own, and for each part a folder with its certificate and key (tls.crt, tls.key) and the
# authority's certificate (ca.crt), as a Kubernetes secret for TLS has them. Where the authority is there already, it is kept and
# signs new certificates: that is how they are renewed. docs/tls.md says who reads what.
#
#   deploy/make-certificates.sh <folder> [name or address of the gateways …]
set -eu
[ $# -ge 1 ] || { echo "usage: $0 <folder> [name or address of the gateways …]" >&2; exit 2; }
folder=$1
shift
umask 077
mkdir -p "$folder"
cd "$folder"

CERTIFICATE_DAYS=397
AUTHORITY_DAYS=3650
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

if [ ! -e ca.key ]; then
  key ca.key
  openssl req -x509 -new -key ca.key -days "$AUTHORITY_DAYS" -sha256 -subj '/CN=Portcullis authority' -out ca.crt \
    -addext 'keyUsage=critical,keyCertSign,cRLSign'
fi

# certificate <part> <extended key usage> <name or address …>
certificate() {
  part=$1 usage=$2
  shift 2
  names=
  for each in "$@" localhost 127.0.0.1; do
    case $each in
      *:*) names="$names,IP:$each" ;;
      *[!0-9.]*) names="$names,DNS:$each" ;;
      *) names="$names,IP:$each" ;;
    esac
  done
  new=$(mktemp -d new.XXXXXX)
  key "$new/tls.key"
  openssl req -new -key "$new/tls.key" -subj "/CN=$part" -out "$new/csr"
  printf 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\nsubjectAltName=%s\n' \
    "$usage" "${names#,}" > "$new/extensions"
  openssl x509 -req -in "$new/csr" -CA ca.crt -CAkey ca.key -set_serial "0x$(openssl rand -hex 16)" -days "$CERTIFICATE_DAYS" \
    -sha256 -extfile "$new/extensions" -out "$new/tls.crt" 2> "$new/log" || { cat "$new/log" >&2; exit 1; }
  cp ca.crt "$new/ca.crt"
  # The containers' users read the files; on this machine nobody else gets past the first folder's 0700.
  chmod 444 "$new"/*
  mkdir -p "$part"
  chmod 755 "$part"
  mv -f "$new/tls.key" "$new/tls.crt" "$new/ca.crt" "$part"
  rm -rf "$new"
}

# The names are those of docker-compose.yml and of deploy/kubernetes.
certificate gateway serverAuth gateway gateway-1 gateway-2 gateway.portcullis gateway.portcullis.svc "$@"
certificate token-service serverAuth token-service token-service-1 token-service-2 \
  token-service.portcullis token-service.portcullis.svc
certificate postgres serverAuth postgres postgres.portcullis postgres.portcullis.svc
# The servers of a NATS cluster are each other's clients.
certificate nats serverAuth,clientAuth nats nats-1 nats-2 nats-3 nats.portcullis nats.portcullis.svc
# What gateways show on the internal API.
certificate gateway-client clientAuth gateway
