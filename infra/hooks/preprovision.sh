#!/bin/sh
# Before anything is made: what must be known, and what can only be seen now.
set -eu

for name in AUTH__ISSUER AUTH__AUDIENCE AUTH__JWKS_URL; do
  eval "value=\${$name:-}"
  if [ -z "$value" ]; then
    echo "error: whose tokens shall be believed? azd env set $name …" >&2
    exit 1
  fi
done
case "$AUTH__JWKS_URL" in
  https://*) ;;
  *) echo "error: AUTH__JWKS_URL must begin with https://" >&2; exit 1 ;;
esac
az provider register --namespace Microsoft.EventGrid --wait --output none
