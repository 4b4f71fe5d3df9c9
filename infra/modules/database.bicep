// Cosmos DB: sessions, records, directory and the audit trail.
param token string
param location string
param tags object

@description('Pay for each request instead of for provisioned throughput.')
param serverless bool

@description('RU/s the database may scale up to, shared by its containers; not used when serverless.')
param maxThroughput int

@allowed(['Continuous7Days', 'Continuous30Days'])
@description('How far back it can be restored. Erased records can be restored as long: it is part of that promise.')
param backupTier string

param zoneRedundant bool

@description('Reachable through a private endpoint only.')
param isolated bool

param workspaceId string
param appPrincipalId string
param testerId string

var containers = [
  { name: 'sessions', partitionKey: 'session_id', ttl: null }
  // With -1, items that have a `ttl` are cleared away; all others stay.
  { name: 'records', partitionKey: 'therapist_client_id', ttl: -1 }
  { name: 'directory', partitionKey: 'id', ttl: -1 }
  { name: 'audit', partitionKey: 'scope', ttl: null }
]
// Ciphertext is never searched, and indexing it would cost more than storing it.
var notIndexed = [
  '/transcript/?'
  '/transcript_summary/?'
  '/note/?'
  '/answer/?'
  '/pages/?'
  '/brief/?'
  '/url/?'
  '/plan/?'
  '/secret/?'
  '/wrapped/?'
  '/"_etag"/?'
]
var dataContributor = '00000000-0000-0000-0000-000000000002'
var principals = empty(testerId) ? [appPrincipalId] : [appPrincipalId, testerId]

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-04-15' = {
  name: 'cosmos-scribe-${token}'
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    enableMultipleWriteLocations: false
    locations: [{ locationName: location, failoverPriority: 0, isZoneRedundant: zoneRedundant }]
    consistencyPolicy: { defaultConsistencyLevel: 'Session' }
    capabilities: serverless ? [{ name: 'EnableServerless' }] : []
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: isolated ? 'Disabled' : 'Enabled'
    backupPolicy: { type: 'Continuous', continuousModeProperties: { tier: backupTier } }
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2025-04-15' = {
  parent: account
  name: 'scribe'
  properties: {
    resource: { id: 'scribe' }
    options: serverless ? {} : { autoscaleSettings: { maxThroughput: maxThroughput } }
  }
}

resource container 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2025-04-15' = [
  for each in containers: {
    parent: database
    name: each.name
    properties: {
      resource: {
        id: each.name
        partitionKey: { paths: ['/${each.partitionKey}'], kind: 'Hash', version: 2 }
        defaultTtl: each.ttl
        indexingPolicy: {
          indexingMode: 'consistent'
          automatic: true
          includedPaths: [{ path: '/*' }]
          excludedPaths: [for path in notIndexed: { path: path }]
          compositeIndexes: [[{ path: '/kind', order: 'ascending' }, { path: '/created', order: 'descending' }]]
        }
      }
    }
  }
]

resource role 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-04-15' = [
  for principal in principals: {
    parent: account
    name: guid(account.id, principal, dataContributor)
    properties: {
      roleDefinitionId: '${account.id}/sqlRoleDefinitions/${dataContributor}'
      principalId: principal
      // The account, not the database in it: the client begins by reading the account.
      scope: account.id
    }
  }
]

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: account
  properties: {
    workspaceId: workspaceId
    logs: [
      // Not the requests themselves: their text would hold ids of patients.
      { category: 'ControlPlaneRequests', enabled: true }
      { category: 'PartitionKeyRUConsumption', enabled: true }
    ]
    metrics: [{ category: 'Requests', enabled: true }]
  }
}

output id string = account.id
output endpoint string = account.properties.documentEndpoint
