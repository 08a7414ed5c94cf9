package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
)

// How the large cluster is written: straight to etcd, as an API server would
// have stored it, since through the API it would take many minutes. Run it
// before the API server starts. The same scale always gives the same cluster.
const (
	writers = 8
	// etcd takes 128 operations and 1.5 MiB in one transaction.
	maxOps   = 100
	maxBytes = 1 << 20
)

// sizes of the cluster at scale 1.
type sizes struct {
	Namespaces, Nodes, Pods, Deployments, Budgets     int
	BigNamespacePods                                  int
	HelmRecords, ConfigMaps, Secrets, CRDs, Customs   int
	LargeHelmReleases, RevisionsKept, HelmMedianBytes int
}

func sizesAt(scale float64) sizes {
	of := func(count int) int { return max(1, int(math.Round(float64(count)*scale))) }
	return sizes{
		Namespaces: of(300), Nodes: of(5000), Pods: of(150000), Deployments: of(15000), Budgets: of(3000),
		BigNamespacePods: of(20000),
		HelmRecords:      of(2000), ConfigMaps: of(12000), Secrets: of(8000), CRDs: of(200), Customs: of(10000),
		LargeHelmReleases: of(3), RevisionsKept: 5, HelmMedianBytes: 20 << 10,
	}
}

// One key of etcd: an object to be encoded as protobuf, or bytes as they are.
type record struct {
	key    string
	object runtime.Object
	raw    []byte
}

// The sink of all generators.
type loader struct {
	sizes   sizes
	kubelet string
	records chan record
	counts  map[string]int
}

func (l *loader) put(resource, namespace, name string, object runtime.Object) {
	l.send(resource, record{key: key(resource, namespace, name), object: object})
}

func (l *loader) putJSON(resource, namespace, name string, value any) {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	l.send(resource, record{key: key(resource, namespace, name), raw: append(raw, '\n')})
}

func (l *loader) send(resource string, r record) {
	l.counts[resource]++
	l.records <- r
}

func key(resource, namespace, name string) string {
	if namespace == "" {
		return "/registry/" + resource + "/" + name
	}
	return "/registry/" + resource + "/" + namespace + "/" + name
}

// Loads a large cluster into etcd and prints what it holds as JSON.
func load(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	endpoint := flags.String("endpoint", "", "URL of etcd")
	scale := flags.Float64("scale", 1, "1 is 5,000 nodes and 150,000 pods")
	kubelet := flags.String("kubelet", "v1.24.17", "version that the nodes report")
	if err := flags.Parse(args); err != nil {
		return err
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{*endpoint}, DialTimeout: 10 * time.Second})
	if err != nil {
		return err
	}
	defer client.Close()
	l := &loader{sizes: sizesAt(*scale), kubelet: *kubelet, records: make(chan record, 256), counts: map[string]int{}}
	failures := make(chan error, writers)
	var bytesWritten int64
	var lock sync.Mutex
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			written, err := write(client, l.records)
			lock.Lock()
			bytesWritten += written
			lock.Unlock()
			if err != nil {
				failures <- err
				for range l.records { // so that nobody waits for us
				}
			}
		})
	}
	l.everything()
	close(l.records)
	group.Wait()
	select {
	case err := <-failures:
		return err
	default:
	}
	return json.NewEncoder(stdout).Encode(map[string]any{"objects": l.counts, "bytes": bytesWritten})
}

func (l *loader) everything() {
	namespaces := l.namespaces()
	l.nodes()
	l.workloads(namespaces)
	l.helm(namespaces)
	l.configuration(namespaces)
	l.customs(namespaces)
}

// Writes records in transactions until there are no more.
func write(client *clientv3.Client, records <-chan record) (int64, error) {
	serializer := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)
	var ops []clientv3.Op
	var size, total int64
	flush := func() error {
		if len(ops) == 0 {
			return nil
		}
		err := commit(client, ops)
		total += size
		ops, size = ops[:0], 0
		return err
	}
	for r := range records {
		value := r.raw
		if r.object != nil {
			var buffer bytes.Buffer
			if err := serializer.Encode(r.object, &buffer); err != nil {
				return total, fmt.Errorf("%s: %w", r.key, err)
			}
			value = buffer.Bytes()
		}
		if len(ops) == maxOps || size+int64(len(value)) > maxBytes {
			if err := flush(); err != nil {
				return total, fmt.Errorf("before %s: %w", r.key, err)
			}
		}
		ops = append(ops, clientv3.OpPut(r.key, string(value)))
		size += int64(len(value))
	}
	return total, flush()
}

// commit tries again where etcd was too busy: to put the same once more does no harm.
func commit(client *clientv3.Client, ops []clientv3.Op) error {
	for attempt := 1; ; attempt++ {
		_, err := client.Txn(context.Background()).Then(ops...).Commit()
		if err == nil || attempt == 30 {
			return err
		}
		time.Sleep(time.Second)
	}
}

// What all objects have in common -----------------------------------------------

// The day on which this cluster stands still.
var today = time.Date(2026, time.June, 1, 12, 0, 0, 0, time.UTC)

func daysAgo(random *rand.Rand, most int) metav1.Time {
	return metav1.NewTime(today.Add(-time.Duration(random.IntN(most*24*3600)) * time.Second))
}

// A generator of its own for each part of the cluster, so that one part may
// change without changing the others.
func seeded(part string) *rand.Rand {
	var seed uint64 = 1
	for _, letter := range part {
		seed = seed*31 + uint64(letter)
	}
	return rand.New(rand.NewPCG(seed, 42))
}

func uid(random *rand.Rand) types.UID {
	a, b := random.Uint64(), random.Uint64()
	return types.UID(fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", uint32(a), uint16(a>>32), a>>52, b>>52, b&(1<<48-1)))
}

const letters = "bcdfghjklmnpqrstvwxz2456789"

func suffix(random *rand.Rand, length int) string {
	text := make([]byte, length)
	for i := range text {
		text[i] = letters[random.IntN(len(letters))]
	}
	return string(text)
}

func hex(random *rand.Rand, length int) string {
	const digits = "0123456789abcdef"
	text := make([]byte, length)
	for i := range text {
		text[i] = digits[random.IntN(16)]
	}
	return string(text)
}

func meta(random *rand.Rand, namespace, name string, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: name, Namespace: namespace, UID: uid(random), CreationTimestamp: daysAgo(random, 400), Labels: labels,
	}
}

// merged is a map with the pairs of all of these.
func merged(parts ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	return all
}

// shares splits total by weights, at least one each, so that the sum is total.
func shares(total int, weights []float64) []int {
	var sum float64
	for _, weight := range weights {
		sum += weight
	}
	parts := make([]int, len(weights))
	left := total - len(weights)
	var carried float64
	for i, weight := range weights {
		carried += weight / sum * float64(total-len(weights))
		part := min(left, int(math.Round(carried)))
		carried -= float64(part)
		left -= part
		parts[i] = part + 1
	}
	parts[0] += left
	return parts
}

func loadMain() {
	if err := load(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}
