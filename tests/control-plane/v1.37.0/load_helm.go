package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Asked for a large release, so that its record takes 700 KB: much repeats.
const largeHelmBytes = 1200 << 10

// Helm's records: most of about HelmMedianBytes, a few large ones, each release
// with its history.
func (l *loader) helm(namespaces []string) {
	random := seeded("helm")
	left := l.sizes.HelmRecords
	for number := 0; left > 0; number++ {
		revisions := min(left, 1+random.IntN(2*l.sizes.RevisionsKept-1))
		wanted := int(float64(l.sizes.HelmMedianBytes) * math.Exp(random.NormFloat64()*0.5))
		if number < l.sizes.LargeHelmReleases {
			revisions = min(left, 3)
			wanted = largeHelmBytes - random.IntN(60<<10)
		}
		left -= revisions
		name := fmt.Sprintf("%s-%d", words[number%len(words)], number)
		l.release(random, namespaces[(number*7)%len(namespaces)], name, revisions, wanted, number%20 == 3)
	}
}

// All revisions of a release; old has objects of APIs that are on their way out.
func (l *loader) release(random *rand.Rand, namespace, name string, revisions, wanted int, old bool) {
	body := newChart(random, name, wanted, old)
	for revision := 1; revision <= revisions; revision++ {
		status := "superseded"
		if revision == revisions {
			status = "deployed"
		}
		deployed := today.Add(-time.Duration(revisions-revision+1) * 9 * 24 * time.Hour)
		payload := body.record(namespace, name, status, revision, deployed)
		labels := map[string]string{
			"name": name, "owner": "helm", "status": status, "version": fmt.Sprint(revision), "modifiedAt": fmt.Sprint(deployed.Unix()),
		}
		secret := &corev1.Secret{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
			ObjectMeta: meta(random, namespace, fmt.Sprintf("sh.helm.release.v1.%s.v%d", name, revision), labels),
			Type:       "helm.sh/release.v1", Data: map[string][]byte{"release": payload},
		}
		secret.CreationTimestamp = metav1.NewTime(deployed)
		secret.ManagedFields = []metav1.ManagedFieldsEntry{managed("helm", "", "v1", secret.CreationTimestamp, map[string]any{
			"metadata": map[string]any{"labels": labels}, "data": map[string]any{"release": ""}, "type": "",
		})}
		l.put("secrets", namespace, secret.Name, secret)
	}
}

// What the revisions of one release have in common.
type chart struct {
	manifest  string
	templates []map[string]any
	values    map[string]any
}

// A chart whose packed record has about the wanted number of bytes.
func newChart(random *rand.Rand, name string, wanted int, old bool) chart {
	c := chart{values: map[string]any{"image": map[string]any{"repository": "registry.example.com/shop/" + name, "tag": "2.4.1"}, "replicaCount": 3}}
	var manifest strings.Builder
	// Measured: a rendered object and its template take 680 bytes of a packed record.
	for i := range max(2, wanted/680) {
		object := rendered(random, name, i, old && i == 1)
		fmt.Fprintf(&manifest, "---\n# Source: %s/templates/object-%d.yaml\n%s", name, i, object)
		template := strings.ReplaceAll(object, name, `{{ include "`+name+`.fullname" . }}`)
		c.templates = append(c.templates, map[string]any{
			"name": fmt.Sprintf("templates/object-%d.yaml", i), "data": base64.StdEncoding.EncodeToString([]byte(template)),
		})
	}
	c.manifest = manifest.String()
	return c
}

func rendered(random *rand.Rand, name string, i int, old bool) string {
	labels := fmt.Sprintf("  labels:\n    app.kubernetes.io/name: %s\n    app.kubernetes.io/managed-by: Helm\n    helm.sh/chart: %s-2.4.1\n", name, name)
	head := func(apiVersion, kind string) string {
		return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata:\n  name: %s-%d\n%s", apiVersion, kind, name, i, labels)
	}
	switch {
	case old:
		return head("policy/v1beta1", "PodDisruptionBudget") + "spec:\n  minAvailable: 1\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: " + name + "\n"
	case i%4 == 0:
		return head("apps/v1", "Deployment") + fmt.Sprintf(`spec:
  replicas: %d
  selector:
    matchLabels:
      app.kubernetes.io/name: %s
  template:
    metadata:
      annotations:
        checksum/config: %s
      labels:
        app.kubernetes.io/name: %s
    spec:
      containers:
      - name: app
        image: registry.example.com/shop/%s:2.4.%d
        args: ["--listen=:8080", "--database=%s.internal.example.com"]
        resources:
          requests: {cpu: %dm, memory: %dMi}
`, 1+random.IntN(9), name, hex(random, 64), name, name, random.IntN(99), suffix(random, 12), 50+random.IntN(900), 64+random.IntN(900))
	case i%4 == 1:
		return head("v1", "Service") + fmt.Sprintf("spec:\n  type: ClusterIP\n  ports:\n  - name: http\n    port: %d\n    targetPort: http\n  selector:\n    app.kubernetes.io/name: %s\n", 1024+random.IntN(60000), name)
	default:
		var data strings.Builder
		for range 8 {
			fmt.Fprintf(&data, "  %s.%s: \"%s %s %s %d\"\n", words[random.IntN(len(words))], suffix(random, 8), words[random.IntN(len(words))], words[random.IntN(len(words))], hex(random, 12), random.IntN(1e6))
		}
		return head("v1", "ConfigMap") + "data:\n" + data.String()
	}
}

// record is what Helm 3 keeps: base64 of gzip of JSON.
func (c chart) record(namespace, name, status string, revision int, deployed time.Time) []byte {
	release := map[string]any{
		"name": name, "namespace": namespace, "version": revision, "manifest": c.manifest,
		"config": map[string]any{"replicaCount": revision},
		"info": map[string]any{
			"first_deployed": today.Add(-400 * 24 * time.Hour), "last_deployed": deployed, "deleted": "", "description": "Upgrade complete", "status": status,
			"notes": "1. Get the application URL by running these commands:\n",
		},
		"chart": map[string]any{
			"metadata": map[string]any{"name": name, "version": fmt.Sprintf("2.4.%d", revision), "apiVersion": "v2", "appVersion": "2.4.1", "type": "application"},
			"lock":     nil, "templates": c.templates, "values": c.values, "schema": nil, "files": []any{},
		},
	}
	plain, err := json.Marshal(release)
	if err != nil {
		panic(err)
	}
	var packed bytes.Buffer
	writer, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	_, _ = writer.Write(plain)
	_ = writer.Close()
	return []byte(base64.StdEncoding.EncodeToString(packed.Bytes()))
}

// ConfigMaps and Secrets of applications.
func (l *loader) configuration(namespaces []string) {
	random := seeded("configuration")
	text := func(length int) string {
		var text strings.Builder
		for text.Len() < length {
			fmt.Fprintf(&text, "%s.%s = %s\n", words[random.IntN(len(words))], words[random.IntN(len(words))], hex(random, 24))
		}
		return text.String()
	}
	labels := map[string]string{"app.kubernetes.io/managed-by": "Helm"}
	owned := func(object *metav1.ObjectMeta, keys map[string]any) {
		object.ManagedFields = []metav1.ManagedFieldsEntry{managed("helm", "", "v1", object.CreationTimestamp, map[string]any{"metadata": map[string]any{"labels": labels}, "data": keys})}
	}
	for i := range l.sizes.ConfigMaps {
		namespace, name := namespaces[i%len(namespaces)], fmt.Sprintf("%s-config-%d", words[i%len(words)], i)
		config := &corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: meta(random, namespace, name, labels)}
		config.Data = map[string]string{"app.properties": text(500 + random.IntN(3500)), "log.level": "info"}
		owned(&config.ObjectMeta, map[string]any{"app.properties": "", "log.level": ""})
		l.put("configmaps", namespace, name, config)
	}
	for i := range l.sizes.Secrets {
		namespace, name := namespaces[i%len(namespaces)], fmt.Sprintf("%s-secret-%d", words[i%len(words)], i)
		secret := &corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: meta(random, namespace, name, labels), Type: corev1.SecretTypeOpaque}
		secret.Data = map[string][]byte{"password": []byte(hex(random, 32))}
		if i%4 == 0 {
			secret.Type = corev1.SecretTypeTLS
			secret.Data = map[string][]byte{"tls.crt": []byte(text(2400)), "tls.key": []byte(text(1700))}
		}
		owned(&secret.ObjectMeta, map[string]any{"password": ""})
		l.put("secrets", namespace, name, secret)
	}
}
