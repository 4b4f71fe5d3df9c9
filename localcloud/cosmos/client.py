"""A connection to a database account for who is not asynchronous: the demo, and tests that look at what stands."""

from azure.core.pipeline.transport import RequestsTransport
from azure.cosmos import CosmosClient


def connect(endpoint: str, key: str) -> CosmosClient:
    """A client of the account at `endpoint`, to be closed by its user.

    The SDK looks after endpoints in a thread of its own from the first moment. Two threads that open one transport at
    the same time can find it half made (`OrderedDict mutated during iteration`), so it is open before they have it.
    """
    transport = RequestsTransport()
    transport.open()
    return CosmosClient(endpoint, key, enable_endpoint_discovery=False, transport=transport)
