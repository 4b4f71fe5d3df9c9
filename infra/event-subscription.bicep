// From a new manifest to the function that transcribes it. Deployed after the code, because the app answers the
// handshake and the host makes the key. The key goes from the app to Event Grid and is seen by nobody.
param appName string
param topicName string

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

var function = 'transcribe_sealed'
var key = listKeys('${app.id}/host/default', '2024-11-01').systemKeys.blobs_extension

resource manifests 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'sealed-manifests'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'WebHook'
      properties: {
        endpointUrl: 'https://${app.properties.defaultHostName}/runtime/webhooks/blobs?functionName=Host.Functions.${function}&code=${key}'
        maxEventsPerBatch: 1
      }
    }
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated']
      subjectBeginsWith: '/blobServices/default/containers/sealed/blobs/'
      subjectEndsWith: '.json'
    }
    // An event that is lost all the same costs time, not a session: the sweeper starts what stands still.
    retryPolicy: { maxDeliveryAttempts: 30, eventTimeToLiveInMinutes: 1440 }
  }
}
