"""Azure services as their SDKs see them: real protocols on a loopback port, with faults on order."""
