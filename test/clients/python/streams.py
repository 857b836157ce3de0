"""Watches, logs, the dynamic client, files, leader election: each function is a test; `run.py` calls them."""

import os
import tempfile
import threading

from kubernetes import client, dynamic, utils, watch
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock

from support import NAMESPACE, deployment, eventually, refused

core = client.CoreV1Api()


def config_map(name, **labels):
    return {"metadata": {"name": name, "labels": labels}}


def a_watch_brings_each_change_from_a_version_on():
    start = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version
    core.create_namespaced_config_map(NAMESPACE, config_map("w", seen="yes"))
    core.create_namespaced_config_map(NAMESPACE, config_map("unseen"))
    core.patch_namespaced_config_map("w", NAMESPACE, {"data": {"a": "b"}})
    core.delete_namespaced_config_map("w", NAMESPACE)
    stream, seen = watch.Watch(), []
    options = {"resource_version": start, "label_selector": "seen=yes", "timeout_seconds": 10}
    for event in stream.stream(core.list_namespaced_config_map, NAMESPACE, **options):
        seen.append((event["type"], event["object"].metadata.name, event["raw_object"]["kind"]))
        if event["type"] == "DELETED":
            stream.stop()
    assert seen == [(kind, "w", "ConfigMap") for kind in ("ADDED", "MODIFIED", "DELETED")], seen


def a_watch_without_a_version_shows_what_is_there_and_ends_at_its_time():
    names = [e["object"].metadata.name for e in watch.Watch().stream(core.list_node, timeout_seconds=1)]
    assert sorted(set(names)) == ["simulated-1", "simulated-2"], names


def logs_come_whole_and_by_line_until_the_pod_ends():
    core.create_namespaced_pod(NAMESPACE, {"metadata": {"name": "talking"}, "spec": {"containers": [{"name": "a", "image": "a"}]}})
    eventually(lambda: core.read_namespaced_pod("talking", NAMESPACE).status.phase == "Running")
    assert "simulated" in core.read_namespaced_pod_log("talking", NAMESPACE)
    threading.Timer(0.3, lambda: core.delete_namespaced_pod("talking", NAMESPACE, grace_period_seconds=0)).start()
    lines = []
    stream = watch.Watch()
    for line in stream.stream(core.read_namespaced_pod_log, "talking", NAMESPACE, _request_timeout=20):
        lines.append(line)
        stream.stop()
    assert lines == ["This container is simulated: no program runs in it."], lines


def the_dynamic_client_finds_and_handles_any_kind():
    dyn = dynamic.DynamicClient(client.ApiClient())
    assert dyn.version["kubernetes"]["minor"] == "36"
    assert len(dyn.resources.search(namespaced=True)) > 20
    api = dyn.resources.get(api_version="apps/v1", kind="Deployment")
    api.create(body=deployment("dynamic", 1), namespace=NAMESPACE)
    found = api.get(name="dynamic", namespace=NAMESPACE)
    assert found.spec.template.spec.containers[0].image == "a"
    patch = {"metadata": {"name": "dynamic", "labels": {"x": "y"}}}
    patched = api.patch(body=patch, namespace=NAMESPACE, content_type="application/merge-patch+json")
    assert patched.metadata.labels["x"] == "y"
    eventually(lambda: api.get(name="dynamic", namespace=NAMESPACE).status.observedGeneration)
    assert api.scale.get(name="dynamic", namespace=NAMESPACE).spec.replicas == 1
    assert [d.metadata.name for d in api.get(namespace=NAMESPACE, label_selector="x=y").items] == ["dynamic"]
    events = api.watch(namespace=NAMESPACE, label_selector="x=y", timeout=1)
    assert next(iter(events))["object"].metadata.name == "dynamic"
    api.delete(name="dynamic", namespace=NAMESPACE)
    refused(404, lambda: api.get(name="no-such", namespace=NAMESPACE))
    try:
        dyn.resources.get(api_version="example.com/v1", kind="Widget")
        raise AssertionError("a kind that is not served was found")
    except dynamic.exceptions.ResourceNotFoundError:
        pass


def files_of_many_are_created_and_the_second_time_refused_one_by_one():
    text = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: from-file}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: from-file}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: v1
kind: List
items:
- {apiVersion: batch/v1, kind: CronJob, metadata: {name: from-file}, spec: {schedule: "0 3 * * *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}}}
- {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: from-file}, spec: {podSelector: {}}}
"""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False) as file:
        file.write(text)
    try:
        api = client.ApiClient()
        utils.create_from_yaml(api, file.name, namespace=NAMESPACE)
        assert client.BatchV1Api().read_namespaced_cron_job("from-file", NAMESPACE).spec.schedule == "0 3 * * *"
        try:
            utils.create_from_yaml(api, file.name, namespace=NAMESPACE)
            raise AssertionError("it was created twice")
        except utils.FailToCreateError as error:
            assert [e.status for e in error.api_exceptions] == [409] * 4, error
    finally:
        os.unlink(file.name)


def of_two_candidates_one_leads():
    leading = []

    def candidate(name):
        lock = ConfigMapLock("leader", NAMESPACE, name)
        settings = electionconfig.Config(
            lock,
            lease_duration=5,
            renew_deadline=3,
            retry_period=1,
            onstarted_leading=lambda: leading.append(name),
            onstopped_leading=lambda: leading.remove(name),
        )
        threading.Thread(target=leaderelection.LeaderElection(settings).run, daemon=True).start()

    candidate("one")
    eventually(lambda: leading == ["one"])
    candidate("two")
    record = lambda: core.read_namespaced_config_map("leader", NAMESPACE).metadata.annotations
    first = record()
    eventually(lambda: record() != first)
    assert leading == ["one"], leading


def a_lease_is_kept_by_its_version():
    api = client.CoordinationV1Api()
    spec = client.V1LeaseSpec(holder_identity="a", lease_duration_seconds=15, renew_time="2026-01-02T03:04:05.000006Z")
    made = api.create_namespaced_lease(NAMESPACE, client.V1Lease(metadata=client.V1ObjectMeta(name="l"), spec=spec))
    assert made.spec.renew_time.microsecond == 6, made.spec
    api.replace_namespaced_lease("l", NAMESPACE, made)
    made.spec.holder_identity = "b"
    other = api.read_namespaced_lease("l", NAMESPACE)
    other.spec.holder_identity = "c"
    api.replace_namespaced_lease("l", NAMESPACE, other)
    refused(409, lambda: api.replace_namespaced_lease("l", NAMESPACE, made))


TESTS = [
    a_watch_brings_each_change_from_a_version_on,
    a_watch_without_a_version_shows_what_is_there_and_ends_at_its_time,
    logs_come_whole_and_by_line_until_the_pod_ends,
    the_dynamic_client_finds_and_handles_any_kind,
    files_of_many_are_created_and_the_second_time_refused_one_by_one,
    of_two_candidates_one_leads,
    a_lease_is_kept_by_its_version,
]
