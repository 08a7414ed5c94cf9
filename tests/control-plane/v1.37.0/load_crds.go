package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Kubernetes' own types lend the custom ones their schemas, descriptions and
// all, so that these are as large and as deep as real ones.
var lenders = []any{
	corev1.ServiceSpec{}, autoscalingv2.HorizontalPodAutoscalerSpec{}, networkingv1.NetworkPolicySpec{}, corev1.PersistentVolumeSpec{},
	batchv1.JobSpec{}, networkingv1.IngressSpec{},
}

// The number of bytes after which a schema does not go deeper.
const schemaBytes = 20 << 10

func (l *loader) customs(namespaces []string) {
	random := seeded("customs")
	schemas := make([]apiextensionsv1.JSONSchemaProps, len(lenders))
	for i, lender := range lenders {
		// The deepest that is not much too large.
		for depth := 2; depth < 8; depth++ {
			schema := schemaOf(reflect.TypeOf(lender), depth)
			raw, _ := json.Marshal(schema)
			if depth > 2 && len(raw) > schemaBytes*3/2 {
				break
			}
			schemas[i] = schema
		}
	}
	left := l.sizes.Customs
	for i := range l.sizes.CRDs {
		kind := customKind{group: fmt.Sprintf("%s.example.com", words[i%len(words)]), kind: fmt.Sprintf("Thing%d", i), plural: fmt.Sprintf("thing%ds", i)}
		crd := kind.definition(random, schemas[i%len(schemas)], i%5 == 0)
		l.putJSON("apiextensions.k8s.io/customresourcedefinitions", "", crd.Name, crd)
		count := left / (l.sizes.CRDs - i)
		left -= count
		for j := range count {
			l.putCustom(random, kind, namespaces[(i+j)%len(namespaces)], j)
		}
	}
}

type customKind struct{ group, kind, plural string }

// definition is established already, as the API server would have left it.
func (k customKind) definition(random *rand.Rand, spec apiextensionsv1.JSONSchemaProps, twoVersions bool) *apiextensionsv1.CustomResourceDefinition {
	yes := true
	schema := &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
		Type: "object",
		Properties: map[string]apiextensionsv1.JSONSchemaProps{
			"apiVersion": {Type: "string"}, "kind": {Type: "string"}, "metadata": {Type: "object"}, "spec": spec,
			"status": {Type: "object", XPreserveUnknownFields: &yes},
		},
	}}
	version := func(name string, storage bool) apiextensionsv1.CustomResourceDefinitionVersion {
		return apiextensionsv1.CustomResourceDefinitionVersion{
			Name: name, Served: true, Storage: storage, Schema: schema,
			Subresources: &apiextensionsv1.CustomResourceSubresources{Status: &apiextensionsv1.CustomResourceSubresourceStatus{}},
		}
	}
	names := apiextensionsv1.CustomResourceDefinitionNames{Plural: k.plural, Singular: strings.ToLower(k.kind), Kind: k.kind, ListKind: k.kind + "List"}
	crd := &apiextensionsv1.CustomResourceDefinition{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition"},
		ObjectMeta: meta(random, "", k.plural+"."+k.group, map[string]string{"app.kubernetes.io/managed-by": "Helm"}),
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: k.group, Names: names, Scope: apiextensionsv1.NamespaceScoped,
			Versions:   []apiextensionsv1.CustomResourceDefinitionVersion{version("v1", true)},
			Conversion: &apiextensionsv1.CustomResourceConversion{Strategy: apiextensionsv1.NoneConverter},
		},
	}
	if twoVersions {
		crd.Spec.Versions = append(crd.Spec.Versions, version("v1beta1", false))
	}
	crd.Generation = 1
	at := crd.CreationTimestamp
	condition := func(kind apiextensionsv1.CustomResourceDefinitionConditionType, reason, message string) apiextensionsv1.CustomResourceDefinitionCondition {
		return apiextensionsv1.CustomResourceDefinitionCondition{Type: kind, Status: apiextensionsv1.ConditionTrue, LastTransitionTime: at, Reason: reason, Message: message}
	}
	crd.Status = apiextensionsv1.CustomResourceDefinitionStatus{
		AcceptedNames: names, StoredVersions: []string{"v1"},
		Conditions: []apiextensionsv1.CustomResourceDefinitionCondition{
			condition(apiextensionsv1.NamesAccepted, "NoConflicts", "no conflicts found"),
			condition(apiextensionsv1.Established, "InitialNamesAccepted", "the initial names have been accepted"),
		},
	}
	crd.ManagedFields = []metav1.ManagedFieldsEntry{
		managed("helm", "", "apiextensions.k8s.io/v1", at, map[string]any{"spec": map[string]any{"group": "", "names": names, "scope": "", "versions": []any{}}}),
		managed("kube-apiserver", "status", "apiextensions.k8s.io/v1", at, map[string]any{"status": crd.Status}),
	}
	return crd
}

func (l *loader) putCustom(random *rand.Rand, k customKind, namespace string, number int) {
	name := fmt.Sprintf("%s-%d", words[number%len(words)], number)
	object := meta(random, namespace, name, map[string]string{"app.kubernetes.io/managed-by": "Helm"})
	object.Generation = 1
	spec := map[string]any{"type": "ClusterIP", "minReplicas": 1 + number%3, "maxReplicas": 4 + number%7}
	status := map[string]any{"observedGeneration": 1, "conditions": []any{map[string]any{"type": "Ready", "status": "True", "reason": "Reconciled", "lastTransitionTime": object.CreationTimestamp}}}
	apiVersion := k.group + "/v1"
	object.ManagedFields = []metav1.ManagedFieldsEntry{
		managed("helm", "", apiVersion, object.CreationTimestamp, map[string]any{"metadata": map[string]any{"labels": object.Labels}, "spec": spec}),
		managed("manager", "status", apiVersion, object.CreationTimestamp, map[string]any{"status": status}),
	}
	value := map[string]any{"apiVersion": apiVersion, "kind": k.kind, "metadata": object, "spec": spec, "status": status}
	l.putJSON(k.group+"/"+k.plural, namespace, name, value)
}

// schemaOf is the structural schema of a type of k8s.io/api, with the
// descriptions that these carry, as deep as told.
func schemaOf(kind reflect.Type, depth int) apiextensionsv1.JSONSchemaProps {
	yes := true
	switch reflect.Zero(kind).Interface().(type) {
	case metav1.Time, metav1.MicroTime:
		return apiextensionsv1.JSONSchemaProps{Type: "string", Format: "date-time"}
	case intstr.IntOrString, resource.Quantity:
		return apiextensionsv1.JSONSchemaProps{XIntOrString: true}
	case runtime.RawExtension, metav1.FieldsV1:
		return apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &yes}
	}
	switch kind.Kind() {
	case reflect.Pointer:
		return schemaOf(kind.Elem(), depth)
	case reflect.String:
		return apiextensionsv1.JSONSchemaProps{Type: "string"}
	case reflect.Bool:
		return apiextensionsv1.JSONSchemaProps{Type: "boolean"}
	case reflect.Int32, reflect.Int64, reflect.Int:
		return apiextensionsv1.JSONSchemaProps{Type: "integer"}
	case reflect.Slice:
		if kind.Elem().Kind() == reflect.Uint8 {
			return apiextensionsv1.JSONSchemaProps{Type: "string", Format: "byte"}
		}
		items := schemaOf(kind.Elem(), depth)
		return apiextensionsv1.JSONSchemaProps{Type: "array", Items: &apiextensionsv1.JSONSchemaPropsOrArray{Schema: &items}}
	case reflect.Map:
		values := schemaOf(kind.Elem(), depth)
		return apiextensionsv1.JSONSchemaProps{Type: "object", AdditionalProperties: &apiextensionsv1.JSONSchemaPropsOrBool{Allows: true, Schema: &values}}
	case reflect.Struct:
		if depth == 0 {
			return apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &yes}
		}
		schema := apiextensionsv1.JSONSchemaProps{Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{}}
		addFields(&schema, kind, depth-1)
		return schema
	default:
		panic("no schema for " + kind.String())
	}
}

func addFields(schema *apiextensionsv1.JSONSchemaProps, kind reflect.Type, depth int) {
	var docs map[string]string
	if documented, ok := reflect.Zero(kind).Interface().(interface{ SwaggerDoc() map[string]string }); ok {
		docs = documented.SwaggerDoc()
	}
	for i := range kind.NumField() {
		field := kind.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case name == "" && field.Anonymous:
			addFields(schema, field.Type, depth)
		case name != "":
			property := schemaOf(field.Type, depth)
			property.Description = docs[name]
			schema.Properties[name] = property
		}
	}
}
