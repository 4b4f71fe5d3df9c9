"""One file for each outside system."""

import os

# onnxruntime reports its use to its maker over the network unless told not to before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
