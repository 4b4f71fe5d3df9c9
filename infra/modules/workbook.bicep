// One page about sessions: how many, how long each stage took, what failed and why.
param location string
param tags object
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspaceId, 'session-scribe')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Session Scribe'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: loadTextContent('../workbook.json')
  }
}
