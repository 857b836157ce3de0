"""What the tests share. A refusal is compared by the Status in its body, and what takes time is asked for again."""

import json
import time

from kubernetes.client.rest import ApiException

NAMESPACE = "python"


def deployment(name, replicas):
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def refused(code, call):
    """The Status that a call was refused with."""
    try:
        call()
    except ApiException as error:
        assert error.status == code, (error.status, error.body)
        status = json.loads(error.body)
        assert (status["kind"], status["status"], status["code"]) == ("Status", "Failure", code), status
        return status
    raise AssertionError(f"it was not refused with {code}")


def eventually(probe, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = probe()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")
