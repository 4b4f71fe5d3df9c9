"""A Cosmos DB for NoSQL emulator for one laptop: the gateway protocol over plain http, kept in SQLite.

It answers the operations this project uses the way Azure does, and anything else with 501 and the operation's name.
`python -m localcloud.cosmos --port 8081 --data .local/cosmos`; clients need `enable_endpoint_discovery=False`.
"""
