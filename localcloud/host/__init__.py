"""A local Azure Functions host for Python v2 apps that use HTTP streams: `python -m localcloud.host --root DIR`.

It reads `host.json` and `local.settings.json`, indexes `function_app.py`, serves its HTTP functions and listens for its
queue, blob and timer triggers with the semantics of the real host: everything that must survive is in the storage
account (messages, receipts, timer status), nothing in this process. It runs alone: unlike the real host it takes no
part in scaling out, and a second one on the same storage only makes repeats likelier.

Environment, beyond what the real host reads:

- `LOCALHOST_BLOB_POLL_SECONDS`: time between two scans of a watched container; 10, as on the real host.
- `LOCALHOST_MESSAGE_LEASE_SECONDS`: how long a queue message stays hidden once taken, renewed at half that time while
  its function runs; 600, as on the real host. Set it low and work cut short by SIGKILL comes back after that time;
  but a function that blocks the event loop for half of it loses its message to a second run.
  Below 15 a timer's singleton lock (60 s) left behind by such an end is broken at start, not waited for.

Not supported, and refused when the app is loaded: classic `func.HttpRequest` functions, input and output bindings other
than the HTTP response, retry policies.
"""
