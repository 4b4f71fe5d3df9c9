// Audio, documents, manifests and queues, and the Functions host's own state.
param token string
param location string
param tags object

@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GZRS'])
param sku string

@description('Days a deleted blob can be brought back. An erasure is complete only after as many: it is part of that promise.')
param recoveryDays int

@description('Days after which audio moves to the cool tier.')
param coolAfterDays int

@description('Days after which audio is deleted; 0 keeps it until its relationship is erased.')
param audioExpiresAfterDays int

@description('Reachable through private endpoints only; signed upload URLs then work inside the network only.')
param isolated bool

param webOrigins array
param workspaceId string
param appPrincipalId string
param testerId string

var roles = loadJsonContent('../roles.json')
var dataRoles = [roles.storageBlobDataOwner, roles.storageQueueDataContributor, roles.storageTableDataContributor]
var packages = 'app-packages'
var containers = ['recordings', 'sealed', 'audio', 'words', 'documents', 'partner-uploads', packages]
// What the host gives up on goes to the poison queue beside the queue it came from.
var queues = [
  'notes'
  'notes-poison'
  'fetch'
  'fetch-poison'
  'webhooks'
  'webhooks-poison'
  'webjobs-blobtrigger-poison'
]
var audioPrefixes = ['recordings/', 'audio/']

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: take('stscribe${token}', 24)
  location: location
  tags: tags
  sku: { name: sku }
  kind: 'StorageV2'
  properties: {
    accessTier: 'Hot'
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    publicNetworkAccess: isolated ? 'Disabled' : 'Enabled'
    // Without a network of its own the app has no fixed address: there it is identity alone that opens the account.
    networkAcls: { defaultAction: isolated ? 'Deny' : 'Allow', bypass: 'AzureServices' }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: { enabled: true, days: recoveryDays }
    containerDeleteRetentionPolicy: { enabled: true, days: recoveryDays }
    // Versions would outlive an erasure; chunks are written once and never changed.
    isVersioningEnabled: false
    cors: {
      corsRules: [
        for origin in webOrigins: {
          allowedOrigins: [origin]
          allowedMethods: ['PUT', 'OPTIONS']
          allowedHeaders: ['content-type', 'x-ms-*']
          exposedHeaders: ['etag']
          maxAgeInSeconds: 3600
        }
      ]
    }
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = [
  for name in containers: {
    parent: blobs
    name: name
    properties: { publicAccess: 'None' }
  }
]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-01-01' = {
  parent: account
  name: 'default'
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-01-01' = [
  for name in queues: {
    parent: queueService
    name: name
  }
]

var coolAudio = {
  name: 'cool-audio'
  enabled: true
  type: 'Lifecycle'
  definition: {
    filters: { blobTypes: ['blockBlob'], prefixMatch: audioPrefixes }
    actions: { baseBlob: { tierToCool: { daysAfterModificationGreaterThan: coolAfterDays } } }
  }
}
var expireAudio = {
  name: 'expire-audio'
  enabled: audioExpiresAfterDays > 0
  type: 'Lifecycle'
  definition: {
    filters: { blobTypes: ['blockBlob'], prefixMatch: audioPrefixes }
    actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: max(audioExpiresAfterDays, 1) } } }
  }
}
// What a partner puts up is copied when its processing begins; what nobody asked to process goes.
var expireUploads = {
  name: 'expire-partner-uploads'
  enabled: true
  type: 'Lifecycle'
  definition: {
    filters: { blobTypes: ['blockBlob'], prefixMatch: ['partner-uploads/'] }
    actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: 7 } } }
  }
}

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-01-01' = {
  parent: account
  name: 'default'
  properties: { policy: { rules: [coolAudio, expireAudio, expireUploads] } }
}

resource appRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in dataRoles: {
    name: guid(account.id, appPrincipalId, role)
    scope: account
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
      principalId: appPrincipalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource testerRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in dataRoles: if (!empty(testerId)) {
    name: guid(account.id, testerId, role)
    scope: account
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
      principalId: testerId
      principalType: 'User'
    }
  }
]

resource blobLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: blobs
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'audit', enabled: true }]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

resource queueLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: queueService
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'audit', enabled: true }]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

output id string = account.id
output blobUrl string = account.properties.primaryEndpoints.blob
output queueUrl string = account.properties.primaryEndpoints.queue
output tableUrl string = account.properties.primaryEndpoints.table
output packagesUrl string = '${account.properties.primaryEndpoints.blob}${packages}'
