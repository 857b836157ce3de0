package v1

const GroupName = "apiregistration.k8s.io"

var kinds = []any{&APIService{}, &APIServiceList{}}
