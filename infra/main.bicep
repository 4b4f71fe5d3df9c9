targetScope = 'subscription'

@minLength(1)
@maxLength(20)
@description('Name of the azd environment; part of every name.')
param environmentName string

@description('Where everything stands. Must offer Flex Consumption and the model.')
param location string

@description('Sizes, retention and network: the profile of profiles.json that applies.')
@allowed(['dev', 'prod'])
param profileName string

@description('`iss` of the bearer tokens that are believed.')
param authIssuer string

@description('`aud` of the bearer tokens that are believed.')
param authAudience string

@description('Keys of the issuer, https.')
param authJwksUrl string

@description('Who is told of alerts; empty for nobody.')
param alertEmail string = ''

@description('Object id of a person who gets the app\'s data roles, to run the test suites against this environment; empty for nobody.')
param testerId string = ''

@description('Origins of web apps that call the API from a browser, separated by commas.')
param webOrigins string = ''

var profiles = loadJsonContent('profiles.json')
var profile = profiles[profileName]
var origins = empty(webOrigins) ? [] : split(webOrigins, ',')
var tags = { 'azd-env-name': environmentName, profile: profileName }
// Names that Azure's services have inside a network.
var zones = {
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  queue: 'privatelink.queue.${environment().suffixes.storage}'
  table: 'privatelink.table.${environment().suffixes.storage}'
  cosmos: 'privatelink.documents.azure.com'
  vault: 'privatelink.vaultcore.azure.net'
  cognitive: 'privatelink.cognitiveservices.azure.com'
  openai: 'privatelink.openai.azure.com'
}
var token = toLower(uniqueString(subscription().id, environmentName, location))

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-scribe-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: { token: token, location: location, tags: tags }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    retentionDays: profile.logRetentionDays
    publisherId: identity.outputs.principalId
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    sku: profile.storageSku
    recoveryDays: profile.recoveryDays
    coolAfterDays: profile.coolAfterDays
    audioExpiresAfterDays: profile.audioExpiresAfterDays
    isolated: profile.isolated && !profile.partnerUploads
    webOrigins: origins
    workspaceId: monitoring.outputs.workspaceId
    appPrincipalId: identity.outputs.principalId
    testerId: testerId
  }
}

module database 'modules/database.bicep' = {
  name: 'database'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    serverless: profile.cosmosServerless
    maxThroughput: profile.cosmosMaxThroughput
    backupTier: profile.cosmosBackupTier
    zoneRedundant: profile.zoneRedundant
    isolated: profile.isolated
    workspaceId: monitoring.outputs.workspaceId
    appPrincipalId: identity.outputs.principalId
    testerId: testerId
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    sku: profile.vaultSku
    kekRotatesAfter: profile.kekRotatesAfter
    isolated: profile.isolated
    workspaceId: monitoring.outputs.workspaceId
    appPrincipalId: identity.outputs.principalId
    testerId: testerId
  }
}

module intelligence 'modules/intelligence.bicep' = {
  name: 'intelligence'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    model: profile.model
    isolated: profile.isolated
    workspaceId: monitoring.outputs.workspaceId
    appPrincipalId: identity.outputs.principalId
    testerId: testerId
  }
}

module network 'modules/network.bicep' = if (profile.isolated) {
  name: 'network'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    zones: [zones.blob, zones.queue, zones.table, zones.cosmos, zones.vault, zones.cognitive, zones.openai]
    services: [
      { name: 'blob', id: storage.outputs.id, groupId: 'blob', zone: zones.blob }
      { name: 'queue', id: storage.outputs.id, groupId: 'queue', zone: zones.queue }
      { name: 'table', id: storage.outputs.id, groupId: 'table', zone: zones.table }
      { name: 'cosmos', id: database.outputs.id, groupId: 'Sql', zone: zones.cosmos }
      { name: 'vault', id: vault.outputs.id, groupId: 'vault', zone: zones.vault }
      { name: 'speech', id: intelligence.outputs.speechId, groupId: 'account', zone: zones.cognitive }
      { name: 'documents', id: intelligence.outputs.documentsId, groupId: 'account', zone: zones.cognitive }
      { name: 'openai', id: intelligence.outputs.openaiId, groupId: 'account', zone: zones.openai }
    ]
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    subnetId: profile.isolated ? network!.outputs.appSubnetId : ''
    memoryMb: profile.instanceMemoryMb
    maxInstances: profile.maxInstances
    zoneRedundant: profile.zoneRedundant
    alwaysReadyHttp: profile.alwaysReadyHttp
    webOrigins: origins
    blobUrl: storage.outputs.blobUrl
    queueUrl: storage.outputs.queueUrl
    tableUrl: storage.outputs.tableUrl
    packagesUrl: storage.outputs.packagesUrl
    workspaceId: monitoring.outputs.workspaceId
    insightsConnection: monitoring.outputs.insightsConnection
    settings: {
      AUTH__ISSUER: authIssuer
      AUTH__AUDIENCE: authAudience
      AUTH__JWKS_URL: authJwksUrl
      COSMOS__ENDPOINT: database.outputs.endpoint
      KEYS__KEY_VAULT__URL: vault.outputs.url
      KEYS__KEY_VAULT__KEY_NAME: vault.outputs.kekName
      SPEECH__AZURE__ENDPOINT: intelligence.outputs.speechUrl
      DOCUMENTS__DOCUMENT_INTELLIGENCE__ENDPOINT: intelligence.outputs.documentsUrl
      NOTES__AZURE_OPENAI__ENDPOINT: intelligence.outputs.openaiUrl
      NOTES__AZURE_OPENAI__DEPLOYMENT: intelligence.outputs.deploymentName
    }
  }
}

module events 'modules/events.bicep' = {
  name: 'events'
  scope: group
  params: { token: token, location: location, tags: tags, storageId: storage.outputs.id }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    email: alertEmail
    workspaceId: monitoring.outputs.workspaceId
    topicId: events.outputs.topicId
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: { location: location, tags: tags, workspaceId: monitoring.outputs.workspaceId }
}

output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_APP string = app.outputs.name
output API_URL string = app.outputs.apiUrl
// What `python -m localcloud.api_keys` is given as COSMOS__ENDPOINT.
output AZURE_COSMOS_ENDPOINT string = database.outputs.endpoint
output EVENT_TOPIC string = events.outputs.topicName
// What `make test-azure` reads.
output AZURE_TEST_SPEECH__AZURE__ENDPOINT string = intelligence.outputs.speechUrl
output AZURE_TEST_DOCUMENTS__DOCUMENT_INTELLIGENCE__ENDPOINT string = intelligence.outputs.documentsUrl
output AZURE_TEST_NOTES__AZURE_OPENAI__ENDPOINT string = intelligence.outputs.openaiUrl
output AZURE_TEST_NOTES__AZURE_OPENAI__DEPLOYMENT string = intelligence.outputs.deploymentName
output AZURE_TEST_KEYS__KEY_VAULT__URL string = vault.outputs.url
output AZURE_TEST_KEYS__KEY_VAULT__KEY_NAME string = vault.outputs.kekName
