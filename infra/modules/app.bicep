// The Functions app, on Flex Consumption.
param token string
param location string
param tags object
param identityId string
param identityClientId string

@description('Subnet the app reaches private services through; empty for none.')
param subnetId string

@allowed([512, 2048, 4096])
@description('Memory of one instance. The embedded engines need 4096.')
param memoryMb int

param maxInstances int
param zoneRedundant bool

@description('Instances that wait for HTTP requests at all times.')
param alwaysReadyHttp int

param webOrigins array
param blobUrl string
param queueUrl string
param tableUrl string
param packagesUrl string
param workspaceId string
param insightsConnection string

@description('App settings that name other resources.')
param settings object

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: 'plan-scribe-${token}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { tier: 'FlexConsumption', name: 'FC1' }
  properties: { reserved: true, zoneRedundant: zoneRedundant }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: 'func-scribe-${token}'
  location: location
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packagesUrl
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identityId }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: memoryMb
        maximumInstanceCount: maxInstances
        alwaysReady: alwaysReadyHttp > 0 ? [{ name: 'http', instanceCount: alwaysReadyHttp }] : []
      }
      runtime: { name: 'python', version: '3.13' }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      cors: { allowedOrigins: webOrigins }
    }
  }
}

resource noPublishingPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = [
  for way in ['ftp', 'scm']: {
    parent: app
    name: way
    properties: { allow: false }
  }
]

var host = {
  AzureWebJobsStorage__blobServiceUri: blobUrl
  AzureWebJobsStorage__queueServiceUri: queueUrl
  AzureWebJobsStorage__tableServiceUri: tableUrl
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnection
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '536870912'
  BLOB_TRIGGER_SOURCE: 'EventGrid'
  SWEEP_SCHEDULE: '0 * * * * *'
  REWRAP_SCHEDULE: '0 30 3 * * *'
  ROTATE_SCHEDULE: '0 41 * * * *'
  UPLOADS_SCHEDULE: '0 17 * * * *'
  AZURE_CLIENT_ID: identityClientId
  AZURE_TOKEN_CREDENTIALS: 'prod'
  // How the C library keeps memory: without these each thread would hold on to the largest body it ever read.
  MALLOC_ARENA_MAX: '2'
  MALLOC_MMAP_THRESHOLD_: '4194304'
  MALLOC_TRIM_THRESHOLD_: '8388608'
}
var engines = {
  ENVIRONMENT: 'production'
  STORAGE__BLOB_URL: blobUrl
  STORAGE__QUEUE_URL: queueUrl
  COSMOS__DATABASE: 'scribe'
  KEYS__ENGINE: 'key-vault'
  SPEECH__ENGINE: 'azure-auto'
  NOTES__ENGINE: 'azure-openai'
  DOCUMENTS__ENGINE: 'document-intelligence'
}

resource appSettings 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: app
  name: 'appsettings'
  properties: union(host, engines, settings)
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: app
  properties: {
    workspaceId: workspaceId
    // Not FunctionAppLogs: they come through Application Insights.
    logs: [{ category: 'AppServiceAuthenticationLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output name string = app.name
output apiUrl string = 'https://${app.properties.defaultHostName}/api'
