// The key-encryption key. It never leaves the vault: data keys are wrapped and unwrapped there.
param token string
param location string
param tags object

@allowed(['standard', 'premium'])
@description('premium keeps the key in a hardware module.')
param sku string

@description('ISO 8601 duration after which a new version of the key is made.')
param kekRotatesAfter string

@description('Reachable through a private endpoint only.')
param isolated bool

param workspaceId string
param appPrincipalId string
param testerId string

var publicAccess = isolated ? 'Disabled' : 'Enabled'
var roles = loadJsonContent('../roles.json')

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: take('kv-scribe-${token}', 24)
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: sku }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: publicAccess
    networkAcls: { defaultAction: isolated ? 'Deny' : 'Allow', bypass: 'AzureServices' }
  }
}

// No expiry: data keys wrapped by a version must stay readable until they have been rewrapped.
resource kek 'Microsoft.KeyVault/vaults/keys@2024-11-01' = {
  parent: vault
  name: 'scribe-kek'
  tags: tags
  properties: {
    kty: sku == 'premium' ? 'RSA-HSM' : 'RSA'
    keySize: 3072
    keyOps: ['wrapKey', 'unwrapKey']
    rotationPolicy: {
      lifetimeActions: [{ action: { type: 'rotate' }, trigger: { timeAfterCreate: kekRotatesAfter } }]
    }
  }
}

resource appRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, appPrincipalId, roles.keyVaultCryptoServiceEncryptionUser)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultCryptoServiceEncryptionUser)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource testerRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(testerId)) {
  name: guid(vault.id, testerId, roles.keyVaultCryptoServiceEncryptionUser)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultCryptoServiceEncryptionUser)
    principalId: testerId
    principalType: 'User'
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'audit', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output id string = vault.id
output url string = vault.properties.vaultUri
output kekName string = kek.name
