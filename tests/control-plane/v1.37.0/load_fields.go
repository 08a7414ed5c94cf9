package main

import (
	"encoding/json"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Lists whose items are told apart by these keys; others are owned as a whole.
var listKeys = map[string][]string{
	"containers": {"name"}, "initContainers": {"name"}, "env": {"name"}, "volumes": {"name"},
	"volumeMounts": {"mountPath"}, "ports": {"containerPort", "protocol"}, "conditions": {"type"},
	"ownerReferences": {"uid"}, "podIPs": {"ip"}, "addresses": {"type"},
}

// managed is an entry of managedFields for the fields that are set in these
// parts of an object, such as {"spec": …}.
func managed(manager, subresource, apiVersion string, at metav1.Time, parts map[string]any) metav1.ManagedFieldsEntry {
	operation := metav1.ManagedFieldsOperationUpdate
	raw, err := json.Marshal(parts)
	if err != nil {
		panic(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(raw, &tree); err != nil {
		panic(err)
	}
	fields, err := json.Marshal(fieldsOf(tree))
	if err != nil {
		panic(err)
	}
	return metav1.ManagedFieldsEntry{
		Manager: manager, Operation: operation, APIVersion: apiVersion, Time: &at, Subresource: subresource,
		FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: fields},
	}
}

func fieldsOf(tree map[string]any) map[string]any {
	fields := map[string]any{}
	for name, value := range tree {
		switch value := value.(type) {
		case nil:
		case map[string]any:
			inner := fieldsOf(value)
			if len(inner) > 0 && name != "selector" && name != "matchLabels" {
				inner["."] = map[string]any{}
			}
			fields["f:"+name] = inner
		case []any:
			fields["f:"+name] = itemsOf(value, listKeys[name])
		default:
			fields["f:"+name] = map[string]any{}
		}
	}
	return fields
}

func itemsOf(items []any, keys []string) map[string]any {
	fields := map[string]any{}
	if len(keys) == 0 {
		return fields
	}
	fields["."] = map[string]any{}
	for _, item := range items {
		tree, ok := item.(map[string]any)
		if !ok {
			return map[string]any{}
		}
		var parts []string
		for _, key := range keys {
			value, _ := json.Marshal(tree[key])
			parts = append(parts, `"`+key+`":`+string(value))
		}
		inner := fieldsOf(tree)
		inner["."] = map[string]any{}
		fields["k:{"+strings.Join(parts, ",")+"}"] = inner
	}
	return fields
}
