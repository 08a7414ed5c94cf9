package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var words = []string{
	"cart", "search", "invoice", "payment", "gateway", "profile", "catalog", "mail", "ledger", "report",
	"stock", "pricing", "login", "media", "export", "import", "queue", "cache", "metrics", "audit",
	"router", "session", "billing", "shipping", "returns", "coupon", "review", "notify", "render", "archive",
}

// The number of pods in each namespace: one giant, then a long tail.
func (l *loader) podsByNamespace() []int {
	if l.sizes.Namespaces == 1 {
		return []int{l.sizes.Pods}
	}
	weights := make([]float64, l.sizes.Namespaces-1)
	for i := range weights {
		weights[i] = 1 / math.Pow(float64(i+1), 0.8)
	}
	return append([]int{l.sizes.BigNamespacePods}, shares(l.sizes.Pods-l.sizes.BigNamespacePods, weights)...)
}

func (l *loader) workloads(namespaces []string) {
	random := seeded("workloads")
	pods := l.podsByNamespace()
	weights := make([]float64, len(pods))
	for i, count := range pods {
		weights[i] = float64(count)
	}
	deployments := shares(l.sizes.Deployments, weights)
	budgets, done := 0, 0
	for i, namespace := range namespaces {
		sizes := make([]float64, min(deployments[i], pods[i]))
		for j := range sizes {
			sizes[j] = random.ExpFloat64()
		}
		for j, replicas := range shares(pods[i], sizes) {
			workload := newWorkload(random, namespace, fmt.Sprintf("%s-%s-%d", words[j%len(words)], words[(j*11+i)%len(words)], j), replicas)
			l.putWorkload(random, workload)
			done++
			// Spread over the workloads that can have one, a little faster than they come, so that all find a place.
			if replicas > 1 && budgets < l.sizes.Budgets && 5*budgets*l.sizes.Deployments < 6*done*l.sizes.Budgets {
				l.putBudget(random, workload, budgets)
				budgets++
			}
		}
	}
}

// A Deployment with what belongs to it.
type workload struct {
	deployment *appsv1.Deployment
	set        *appsv1.ReplicaSet
	// What all its pods have in common.
	pod corev1.Pod
}

const (
	placeOfIP    = "0.0.0.0"
	placeOfToken = "kube-api-access-00000"
)

func newWorkload(random *rand.Rand, namespace, name string, replicas int) workload {
	selector := map[string]string{"app.kubernetes.io/name": name, "app.kubernetes.io/instance": name}
	labels := merged(selector, map[string]string{
		"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/version": "2.4.1", "helm.sh/chart": name + "-2.4.1",
	})
	hash := suffix(random, 10)
	podLabels := merged(selector, map[string]string{"pod-template-hash": hash})
	count := int32(replicas)
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: selector}, Spec: podSpec(random, name)}

	deployment := &appsv1.Deployment{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}, ObjectMeta: meta(random, namespace, name, labels)}
	deployment.Generation = 1
	deployment.Annotations = map[string]string{
		"deployment.kubernetes.io/revision": "1", "meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": namespace,
	}
	quarter := intstr.FromString("25%")
	limit, progress := int32(10), int32(600)
	deployment.Spec = appsv1.DeploymentSpec{
		Replicas: &count, Selector: &metav1.LabelSelector{MatchLabels: selector}, Template: template,
		Strategy:             appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType, RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &quarter, MaxUnavailable: &quarter}},
		RevisionHistoryLimit: &limit, ProgressDeadlineSeconds: &progress,
	}
	since := deployment.CreationTimestamp
	deployment.Status = appsv1.DeploymentStatus{
		ObservedGeneration: 1, Replicas: count, UpdatedReplicas: count, ReadyReplicas: count, AvailableReplicas: count,
		Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable", Message: fmt.Sprintf("ReplicaSet \"%s-%s\" has successfully progressed.", name, hash), LastUpdateTime: since, LastTransitionTime: since},
			{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable", Message: "Deployment has minimum availability.", LastUpdateTime: since, LastTransitionTime: since},
		},
	}
	deployment.ManagedFields = []metav1.ManagedFieldsEntry{
		managed("helm", "", "apps/v1", since, map[string]any{"metadata": map[string]any{"labels": labels, "annotations": deployment.Annotations}, "spec": deployment.Spec}),
		managed("kube-controller-manager", "status", "apps/v1", since, map[string]any{"status": deployment.Status}),
	}
	set := replicaSet(random, deployment, hash, podLabels)
	return workload{deployment: deployment, set: set, pod: podOf(set)}
}

func controlledBy(apiVersion, kind string, owner metav1.ObjectMeta) []metav1.OwnerReference {
	yes := true
	return []metav1.OwnerReference{{APIVersion: apiVersion, Kind: kind, Name: owner.Name, UID: owner.UID, Controller: &yes, BlockOwnerDeletion: &yes}}
}

func replicaSet(random *rand.Rand, deployment *appsv1.Deployment, hash string, labels map[string]string) *appsv1.ReplicaSet {
	set := &appsv1.ReplicaSet{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"}, ObjectMeta: meta(random, deployment.Namespace, deployment.Name+"-"+hash, labels)}
	count := *deployment.Spec.Replicas
	selector := merged(deployment.Spec.Selector.MatchLabels, map[string]string{"pod-template-hash": hash})
	set.Generation = 1
	set.CreationTimestamp = deployment.CreationTimestamp
	set.OwnerReferences = controlledBy("apps/v1", "Deployment", deployment.ObjectMeta)
	set.Annotations = merged(deployment.Annotations, map[string]string{"deployment.kubernetes.io/desired-replicas": fmt.Sprint(count), "deployment.kubernetes.io/max-replicas": fmt.Sprint(count + (count+3)/4)})
	set.Spec = appsv1.ReplicaSetSpec{Replicas: &count, Selector: &metav1.LabelSelector{MatchLabels: selector}, Template: deployment.Spec.Template}
	set.Spec.Template.Labels = labels
	set.Status = appsv1.ReplicaSetStatus{Replicas: count, FullyLabeledReplicas: count, ReadyReplicas: count, AvailableReplicas: count, ObservedGeneration: 1}
	set.ManagedFields = []metav1.ManagedFieldsEntry{
		managed("kube-controller-manager", "", "apps/v1", set.CreationTimestamp, map[string]any{"metadata": map[string]any{"labels": labels, "annotations": set.Annotations, "ownerReferences": set.OwnerReferences}, "spec": set.Spec}),
		managed("kube-controller-manager", "status", "apps/v1", set.CreationTimestamp, map[string]any{"status": set.Status}),
	}
	return set
}

// The template of a pod: with environment, probes, volumes, as charts have it.
func podSpec(random *rand.Rand, name string) corev1.PodSpec {
	grace := int64(30)
	probe := func(path string) *corev1.Probe {
		return &corev1.Probe{
			ProbeHandler:   corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString("http"), Scheme: corev1.URISchemeHTTP}},
			TimeoutSeconds: 1, PeriodSeconds: 10, SuccessThreshold: 1, FailureThreshold: 3,
		}
	}
	ref := func(secret, key string) *corev1.EnvVarSource {
		return &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: key}}
	}
	main := corev1.Container{
		Name: "app", Image: fmt.Sprintf("registry.example.com/shop/%s:2.4.1", name), ImagePullPolicy: corev1.PullIfNotPresent,
		Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080, Protocol: corev1.ProtocolTCP}},
		Env: []corev1.EnvVar{
			{Name: "DATABASE_HOST", Value: name + "-db.internal.example.com"}, {Name: "DATABASE_PASSWORD", ValueFrom: ref(name, "password")},
		},
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("256Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")},
		},
		ReadinessProbe:           probe("/readyz"),
		VolumeMounts:             []corev1.VolumeMount{{Name: "config", MountPath: "/etc/app", ReadOnly: true}, {Name: "tmp", MountPath: "/tmp"}},
		TerminationMessagePath:   "/dev/termination-log",
		TerminationMessagePolicy: corev1.TerminationMessageReadFile,
	}
	containers := []corev1.Container{main}
	if random.IntN(10) == 0 {
		containers = append(containers, corev1.Container{
			Name: "proxy", Image: "registry.example.com/mesh/proxy:1.20.3", ImagePullPolicy: corev1.PullIfNotPresent,
			Args: []string{"proxy", "sidecar", "--log-level=warning", "--concurrency=2"}, ReadinessProbe: probe("/healthz/ready"),
			TerminationMessagePath: "/dev/termination-log", TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		})
	}
	mode := int32(420)
	return corev1.PodSpec{
		Containers: containers, RestartPolicy: corev1.RestartPolicyAlways, TerminationGracePeriodSeconds: &grace, DNSPolicy: corev1.DNSClusterFirst,
		ServiceAccountName: "default", DeprecatedServiceAccount: "default", SchedulerName: "default-scheduler", SecurityContext: &corev1.PodSecurityContext{},
		Volumes: []corev1.Volume{
			{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}, DefaultMode: &mode}}},
			{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		},
	}
}

// Everything of a set's pods but what is each one's own.
func podOf(set *appsv1.ReplicaSet) corev1.Pod {
	pod := corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}}
	pod.Namespace = set.Namespace
	pod.GenerateName = set.Name + "-"
	pod.Labels = set.Spec.Template.Labels
	pod.OwnerReferences = controlledBy("apps/v1", "ReplicaSet", set.ObjectMeta)
	pod.Spec = *set.Spec.Template.Spec.DeepCopy()
	seconds, priority, links := int64(300), int32(0), true
	preempt := corev1.PreemptLowerPriority
	pod.Spec.Priority, pod.Spec.EnableServiceLinks, pod.Spec.PreemptionPolicy = &priority, &links, &preempt
	for _, taint := range []string{"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"} {
		pod.Spec.Tolerations = append(pod.Spec.Tolerations, corev1.Toleration{Key: taint, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &seconds})
	}
	tokenLife, mode := int64(3607), int32(420)
	pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: placeOfToken, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{DefaultMode: &mode, Sources: []corev1.VolumeProjection{
		{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{ExpirationSeconds: &tokenLife, Path: "token"}},
		{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "kube-root-ca.crt"}, Items: []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}}}},
		{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{{Path: "namespace", FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.namespace"}}}}},
	}}}})
	started := true
	for i := range pod.Spec.Containers {
		container := &pod.Spec.Containers[i]
		container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: placeOfToken, ReadOnly: true, MountPath: "/var/run/secrets/kubernetes.io/serviceaccount"})
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: container.Name, Image: container.Image, Ready: true, Started: &started})
	}
	for _, condition := range []corev1.PodConditionType{corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodScheduled} {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: condition, Status: corev1.ConditionTrue})
	}
	pod.Status.Phase, pod.Status.QOSClass = corev1.PodRunning, corev1.PodQOSBurstable
	pod.Status.PodIP, pod.Status.HostIP, pod.Status.PodIPs = placeOfIP, placeOfIP, []corev1.PodIP{{IP: placeOfIP}}
	pod.ManagedFields = []metav1.ManagedFieldsEntry{
		managed("kube-controller-manager", "", "v1", set.CreationTimestamp, map[string]any{
			"metadata": map[string]any{"generateName": pod.GenerateName, "labels": pod.Labels, "ownerReferences": pod.OwnerReferences}, "spec": set.Spec.Template.Spec,
		}),
		managed("kubelet", "status", "v1", set.CreationTimestamp, map[string]any{"status": pod.Status}),
	}
	return pod
}

func (l *loader) putWorkload(random *rand.Rand, w workload) {
	if random.IntN(5) == 0 {
		applied, _ := json.Marshal(map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": w.deployment.Name}, "spec": w.deployment.Spec})
		w.deployment.Annotations["kubectl.kubernetes.io/last-applied-configuration"] = string(applied)
	}
	l.put("deployments", w.deployment.Namespace, w.deployment.Name, w.deployment)
	l.put("replicasets", w.set.Namespace, w.set.Name, w.set)
	for range *w.set.Spec.Replicas {
		pod := w.pod.DeepCopy()
		pod.Name, pod.UID = pod.GenerateName+suffix(random, 5), uid(random)
		pod.CreationTimestamp = daysAgo(random, 60)
		l.settle(random, pod)
		l.put("pods", pod.Namespace, pod.Name, pod)
	}
}

// Gives a pod its node, addresses and times.
func (l *loader) settle(random *rand.Rand, pod *corev1.Pod) {
	started := pod.CreationTimestamp
	pod.Spec.NodeName, pod.Status.HostIP = nodeAddress(random.IntN(l.sizes.Nodes))
	ip := fmt.Sprintf("100.%d.%d.%d", 64+random.IntN(20), random.IntN(256), 2+random.IntN(250))
	pod.Status.PodIP, pod.Status.PodIPs[0].IP, pod.Status.StartTime = ip, ip, &started
	token := "kube-api-access-" + suffix(random, 5)
	pod.Spec.Volumes[len(pod.Spec.Volumes)-1].Name = token
	for i := range pod.Spec.Containers {
		mounts := pod.Spec.Containers[i].VolumeMounts
		mounts[len(mounts)-1].Name = token
		status := &pod.Status.ContainerStatuses[i]
		status.ImageID = status.Image[:strings.LastIndex(status.Image, ":")] + "@sha256:" + hex(random, 64)
		status.ContainerID = "containerd://" + hex(random, 64)
		status.State.Running = &corev1.ContainerStateRunning{StartedAt: started}
	}
	for i := range pod.Status.Conditions {
		pod.Status.Conditions[i].LastTransitionTime = started
	}
	for i := range pod.ManagedFields {
		pod.ManagedFields[i].Time = &started
		raw := strings.ReplaceAll(string(pod.ManagedFields[i].FieldsV1.Raw), placeOfIP, ip)
		pod.ManagedFields[i].FieldsV1.Raw = []byte(raw)
	}
}

func (l *loader) putBudget(random *rand.Rand, w workload, number int) {
	expected := *w.deployment.Spec.Replicas
	desired := (expected + 1) / 2
	half := intstr.FromString("50%")
	budget := &policyv1.PodDisruptionBudget{TypeMeta: metav1.TypeMeta{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"}, ObjectMeta: meta(random, w.deployment.Namespace, w.deployment.Name, w.deployment.Labels)}
	budget.Generation = 1
	budget.Spec = policyv1.PodDisruptionBudgetSpec{MinAvailable: &half, Selector: w.deployment.Spec.Selector}
	budget.Status = policyv1.PodDisruptionBudgetStatus{
		ObservedGeneration: 1, ExpectedPods: expected, CurrentHealthy: expected, DesiredHealthy: desired, DisruptionsAllowed: expected - desired,
		Conditions: []metav1.Condition{{Type: "DisruptionAllowed", Status: metav1.ConditionTrue, Reason: "SufficientPods", ObservedGeneration: 1, LastTransitionTime: budget.CreationTimestamp}},
	}
	version := "policy/v1"
	if number%20 == 0 { // Some teams have not moved yet.
		version = "policy/v1beta1"
	}
	budget.ManagedFields = []metav1.ManagedFieldsEntry{
		managed("helm", "", version, budget.CreationTimestamp, map[string]any{"metadata": map[string]any{"labels": budget.Labels}, "spec": budget.Spec}),
		managed("kube-controller-manager", "status", "policy/v1", budget.CreationTimestamp, map[string]any{"status": budget.Status}),
	}
	l.put("poddisruptionbudgets", budget.Namespace, budget.Name, budget)
}
