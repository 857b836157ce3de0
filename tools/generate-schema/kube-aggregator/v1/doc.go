// The group apiregistration.k8s.io, version v1, stated by hand: Debian has no package of kube-aggregator's, which declares
// it. These are the facts that clients depend on (field names, protobuf numbers, markers); nothing here is compiled.
// There is no .proto file beside it: the wire types follow from the Go types.

// +k8s:openapi-model-package=io.k8s.kube-aggregator.pkg.apis.apiregistration.v1
// +groupName=apiregistration.k8s.io
package v1
