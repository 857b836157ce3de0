"""Typed calls of Python's client: each function is a test; `run.py` calls them."""

import datetime

from kubernetes import client

from support import NAMESPACE, deployment, eventually, refused

core = client.CoreV1Api()
apps = client.AppsV1Api()


def the_version_and_the_kubeconfig():
    assert client.VersionApi().get_code().git_version.startswith("v1.36.")
    assert [n.metadata.name for n in core.list_node().items] == ["simulated-1", "simulated-2"]


def lists_of_every_group_are_lists():
    lists = [
        core.list_namespace,
        core.list_pod_for_all_namespaces,
        core.list_service_for_all_namespaces,
        core.list_event_for_all_namespaces,
        core.list_persistent_volume,
        core.list_resource_quota_for_all_namespaces,
        core.list_limit_range_for_all_namespaces,
        core.list_replication_controller_for_all_namespaces,
        apps.list_deployment_for_all_namespaces,
        apps.list_stateful_set_for_all_namespaces,
        apps.list_daemon_set_for_all_namespaces,
        client.BatchV1Api().list_cron_job_for_all_namespaces,
        client.AutoscalingV1Api().list_horizontal_pod_autoscaler_for_all_namespaces,
        client.NetworkingV1Api().list_ingress_for_all_namespaces,
        client.NetworkingV1Api().list_network_policy_for_all_namespaces,
        client.PolicyV1Api().list_pod_disruption_budget_for_all_namespaces,
        client.RbacAuthorizationV1Api().list_cluster_role,
        client.RbacAuthorizationV1Api().list_role_binding_for_all_namespaces,
        client.StorageV1Api().list_storage_class,
        client.SchedulingV1Api().list_priority_class,
        client.CoordinationV1Api().list_lease_for_all_namespaces,
        client.DiscoveryV1Api().list_endpoint_slice_for_all_namespaces,
        client.ApiextensionsV1Api().list_custom_resource_definition,
        client.ApiregistrationV1Api().list_api_service,
        client.CertificatesV1Api().list_certificate_signing_request,
        client.AdmissionregistrationV1Api().list_mutating_webhook_configuration,
        client.NodeV1Api().list_runtime_class,
    ]
    for call in lists:
        answer = call()
        assert isinstance(answer.items, list), call
        assert answer.metadata.resource_version.isdigit(), call


def discovery_knows_groups_and_resources():
    groups = {g.name: g.preferred_version.version for g in client.ApisApi().get_api_versions().groups}
    assert groups["apps"] == "v1" and groups["autoscaling"] == "v2", groups
    kinds = {r.name: r.kind for r in apps.get_api_resources().resources}
    assert kinds["deployments"] == "Deployment" and kinds["deployments/scale"] == "Scale"


def a_deployment_is_created_read_scaled_and_conflicts_when_old():
    made = apps.create_namespaced_deployment(NAMESPACE, deployment("web", 2))
    assert isinstance(made.metadata.creation_timestamp, datetime.datetime)
    assert made.spec.strategy.rolling_update.max_surge == "25%"
    status = eventually(
        lambda: (d := apps.read_namespaced_deployment_status("web", NAMESPACE)).status.ready_replicas == 2 and d
    )
    assert {c.type: c.status for c in status.status.conditions}["Available"] == "True"
    scale = apps.patch_namespaced_deployment_scale("web", NAMESPACE, {"spec": {"replicas": 3}})
    assert scale.spec.replicas == 3 and scale.status.selector == "app=web"
    error = refused(409, lambda: apps.replace_namespaced_deployment("web", NAMESPACE, made))
    assert error["reason"] == "Conflict", error


def patches_are_strategic_or_json_by_their_shape():
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="p"), data={"a": "1"})
    core.create_namespaced_config_map(NAMESPACE, body)
    assert core.patch_namespaced_config_map("p", NAMESPACE, {"data": {"b": "2"}}).data == {"a": "1", "b": "2"}
    patch = [{"op": "remove", "path": "/data/a"}, {"op": "add", "path": "/data/c", "value": "3"}]
    assert core.patch_namespaced_config_map("p", NAMESPACE, patch).data == {"b": "2", "c": "3"}
    assert core.patch_namespaced_config_map("p", NAMESPACE, {"data": {"d": "4"}}, dry_run="All").data["d"] == "4"
    assert "d" not in core.read_namespaced_config_map("p", NAMESPACE).data
    error = refused(422, lambda: core.patch_namespaced_config_map("p", NAMESPACE, [{"op": "test", "path": "/data/b", "value": "x"}]))
    assert error["reason"] == "Invalid", error


def refusals_carry_a_status():
    error = refused(404, lambda: core.read_namespaced_pod("nope", NAMESPACE))
    assert error["details"] == {"name": "nope", "kind": "pods"} and error["code"] == 404, error
    assert error["message"] == 'pods "nope" not found'
    error = refused(409, lambda: core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=NAMESPACE))))
    assert error["reason"] == "AlreadyExists"
    pod = {"metadata": {"name": "bad"}, "spec": {"containers": [{"name": "a"}]}}
    error = refused(422, lambda: core.create_namespaced_pod(NAMESPACE, pod))
    assert error["details"]["causes"][0]["field"] == "spec.containers[0].image", error
    wrong = deployment("bad", "three")
    assert refused(400, lambda: apps.create_namespaced_deployment(NAMESPACE, wrong))["reason"] == "BadRequest"


def deletes_keep_to_their_options():
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="kept"))
    core.create_namespaced_config_map(NAMESPACE, body)
    stranger = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="stranger"))
    error = refused(409, lambda: core.delete_namespaced_config_map("kept", NAMESPACE, body=stranger))
    assert "the UID in the precondition (stranger) does not match" in error["message"], error
    assert core.delete_namespaced_config_map("kept", NAMESPACE, dry_run="All").status == "Success"
    gone = core.delete_namespaced_config_map("kept", NAMESPACE)
    assert (gone.status, gone.details.name, gone.details.kind) == ("Success", "kept", "configmaps"), gone
    apps.create_namespaced_deployment(NAMESPACE, deployment("orphaning", 1))
    sets = lambda: apps.list_namespaced_replica_set(NAMESPACE, label_selector="app=orphaning").items
    eventually(sets)
    apps.delete_namespaced_deployment("orphaning", NAMESPACE, propagation_policy="Orphan")
    eventually(lambda: not apps.list_namespaced_deployment(NAMESPACE, field_selector="metadata.name=orphaning").items)
    assert len(sets()) == 1 and not sets()[0].metadata.owner_references


def a_collection_is_deleted_by_its_labels():
    for name in ["c-1", "c-2", "c-3"]:
        labels = {"doomed": "no" if name == "c-3" else "yes"}
        core.create_namespaced_config_map(NAMESPACE, {"metadata": {"name": name, "labels": labels}})
    core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="doomed=yes")
    assert [c.metadata.name for c in core.list_namespaced_config_map(NAMESPACE, label_selector="doomed").items] == ["c-3"]


def a_list_comes_in_pages():
    names, token = [], None
    while True:
        page = core.list_namespaced_config_map("kube-system", limit=1, _continue=token)
        names += [c.metadata.name for c in page.items]
        token = page.metadata._continue
        if not token:
            break
    assert "kube-root-ca.crt" in names, names
    refused(400, lambda: core.list_namespaced_config_map("kube-system", limit=1, _continue="nonsense"))


def access_is_reviewed():
    spec = {"resourceAttributes": {"verb": "get", "resource": "pods"}}
    api = client.AuthorizationV1Api()
    assert api.create_self_subject_access_review({"spec": spec}).status.allowed is True
    assert api.create_subject_access_review({"spec": {**spec, "user": "jane"}}).status.allowed is False


def a_pod_is_evicted():
    pod = {"metadata": {"name": "leaving"}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    core.create_namespaced_pod(NAMESPACE, pod)
    core.create_namespaced_pod_eviction("leaving", NAMESPACE, client.V1Eviction(metadata=client.V1ObjectMeta(name="leaving")))
    eventually(lambda: not core.list_namespaced_pod(NAMESPACE, field_selector="metadata.name=leaving").items)


TESTS = [
    the_version_and_the_kubeconfig,
    lists_of_every_group_are_lists,
    discovery_knows_groups_and_resources,
    a_deployment_is_created_read_scaled_and_conflicts_when_old,
    patches_are_strategic_or_json_by_their_shape,
    refusals_carry_a_status,
    deletes_keep_to_their_options,
    a_collection_is_deleted_by_its_labels,
    a_list_comes_in_pages,
    access_is_reviewed,
    a_pod_is_evicted,
]
