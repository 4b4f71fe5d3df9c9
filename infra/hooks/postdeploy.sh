#!/bin/sh
# After the code: tell Event Grid where to announce manifests. The host makes its key for that when it first starts with
# the code, which takes a while; the key itself is read by the deployment and never passes through this shell.
set -eu

: "${AZURE_RESOURCE_GROUP:?}" "${AZURE_FUNCTION_APP:?}" "${EVENT_TOPIC:?}"

tries=0
until [ "$(az functionapp keys list --resource-group "$AZURE_RESOURCE_GROUP" --name "$AZURE_FUNCTION_APP" \
  --query "contains(keys(systemKeys), 'blobs_extension')" --output tsv)" = true ]; do
  tries=$((tries + 1))
  if [ "$tries" -ge 30 ]; then
    echo "error: $AZURE_FUNCTION_APP has made no blobs_extension key: is its code running? See its logs, then run" \
      "'azd hooks run postdeploy'" >&2
    exit 1
  fi
  sleep 10
done

az deployment group create \
  --resource-group "$AZURE_RESOURCE_GROUP" \
  --name event-subscription \
  --template-file infra/event-subscription.bicep \
  --parameters "appName=$AZURE_FUNCTION_APP" "topicName=$EVENT_TOPIC" \
  --output none
echo "manifests are announced to $AZURE_FUNCTION_APP"
