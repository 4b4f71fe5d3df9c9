// What listens, what reads and what writes. All three by identity, none with keys.
param token string
param location string
param tags object

@description('The chat model: `name`, `version`, `sku` of its deployment, and `capacity` in thousands of tokens a minute.')
param model object

@description('Reachable through private endpoints only.')
param isolated bool

param workspaceId string
param appPrincipalId string
param testerId string

var roles = loadJsonContent('../roles.json')
var publicAccess = isolated ? 'Disabled' : 'Enabled'
var networkRules = { defaultAction: isolated ? 'Deny' : 'Allow' }

resource speech 'Microsoft.CognitiveServices/accounts@2025-06-01' = {
  name: 'speech-scribe-${token}'
  location: location
  tags: tags
  kind: 'SpeechServices'
  sku: { name: 'S0' }
  properties: {
    customSubDomainName: 'speech-scribe-${token}'
    disableLocalAuth: true
    publicNetworkAccess: publicAccess
    networkAcls: networkRules
  }
}

resource documents 'Microsoft.CognitiveServices/accounts@2025-06-01' = {
  name: 'documents-scribe-${token}'
  location: location
  tags: tags
  kind: 'FormRecognizer'
  sku: { name: 'S0' }
  properties: {
    customSubDomainName: 'documents-scribe-${token}'
    disableLocalAuth: true
    publicNetworkAccess: publicAccess
    networkAcls: networkRules
  }
}

resource openai 'Microsoft.CognitiveServices/accounts@2025-06-01' = {
  name: 'openai-scribe-${token}'
  location: location
  tags: tags
  kind: 'OpenAI'
  sku: { name: 'S0' }
  properties: {
    customSubDomainName: 'openai-scribe-${token}'
    disableLocalAuth: true
    publicNetworkAccess: publicAccess
    networkAcls: networkRules
  }
}

resource deployment 'Microsoft.CognitiveServices/accounts/deployments@2025-06-01' = {
  parent: openai
  name: 'notes'
  sku: { name: model.sku, capacity: model.capacity }
  properties: {
    model: { format: 'OpenAI', name: model.name, version: model.version }
    // A note must not change its ways overnight: a new version is chosen, not given.
    versionUpgradeOption: 'NoAutoUpgrade'
  }
}

var app = { id: appPrincipalId, type: 'ServicePrincipal' }
var tester = { id: testerId, type: 'User' }
var principals = empty(testerId) ? [app] : [app, tester]

resource speechRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for each in principals: {
    name: guid(speech.id, each.id, roles.cognitiveServicesSpeechUser)
    scope: speech
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.cognitiveServicesSpeechUser)
      principalId: each.id
      principalType: each.type
    }
  }
]

resource documentsRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for each in principals: {
    name: guid(documents.id, each.id, roles.cognitiveServicesUser)
    scope: documents
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.cognitiveServicesUser)
      principalId: each.id
      principalType: each.type
    }
  }
]

resource openaiRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for each in principals: {
    name: guid(openai.id, each.id, roles.cognitiveServicesOpenAIUser)
    scope: openai
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.cognitiveServicesOpenAIUser)
      principalId: each.id
      principalType: each.type
    }
  }
]

resource speechLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: speech
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'Audit', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

resource documentsLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: documents
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'Audit', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

resource openaiLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: openai
  properties: {
    workspaceId: workspaceId
    // Not RequestResponse: it is about what was said.
    logs: [{ category: 'Audit', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output speechId string = speech.id
// Not `properties.endpoint`: that ends in a slash, which some SDKs would send twice.
output speechUrl string = 'https://${speech.name}.cognitiveservices.azure.com'
output documentsId string = documents.id
output documentsUrl string = 'https://${documents.name}.cognitiveservices.azure.com'
output openaiId string = openai.id
output openaiUrl string = 'https://${openai.name}.openai.azure.com'
output deploymentName string = deployment.name
