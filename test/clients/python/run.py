"""
Runs the tests in this folder against the cluster of the kubeconfig in KUBECONFIG, one after the other, and prints a line of JSON for each:
its name, and the traceback of what it raised.
"""

import json
import traceback

from kubernetes import client, config

config.load_kube_config()

from support import NAMESPACE  # noqa: E402
import streams  # noqa: E402
import typed  # noqa: E402

client.CoreV1Api().create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=NAMESPACE)))
for test in typed.TESTS + streams.TESTS:
    try:
        test()
        error = None
    except BaseException:
        error = traceback.format_exc()
    print(json.dumps({"name": test.__name__, "error": error}), flush=True)
