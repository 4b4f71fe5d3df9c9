// Where the storage account announces new blobs. The subscription comes after the code: see event-subscription.bicep.
param token string
param location string
param tags object
param storageId string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: 'evgt-scribe-${token}'
  location: location
  tags: tags
  properties: { source: storageId, topicType: 'Microsoft.Storage.StorageAccounts' }
}

output topicName string = topic.name
output topicId string = topic.id
