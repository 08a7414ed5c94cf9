package main

import (
	"fmt"
	"math/rand/v2"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (l *loader) namespaces() []string {
	random := seeded("namespaces")
	names := make([]string, l.sizes.Namespaces)
	for i := range names {
		names[i] = fmt.Sprintf("team-%03d", i)
		labels := map[string]string{"kubernetes.io/metadata.name": names[i], "team": fmt.Sprintf("unit-%d", i%40)}
		namespace := &corev1.Namespace{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
			ObjectMeta: meta(random, "", names[i], labels),
			Spec:       corev1.NamespaceSpec{Finalizers: []corev1.FinalizerName{corev1.FinalizerKubernetes}},
			Status:     corev1.NamespaceStatus{Phase: corev1.NamespaceActive},
		}
		l.put("namespaces", "", names[i], namespace)
	}
	return names
}

func nodeAddress(i int) (name, ip string) {
	a, b := i/250%250, i%250+1
	return fmt.Sprintf("ip-10-%d-%d-%d.eu-central-1.compute.internal", 64+i/62500, a, b), fmt.Sprintf("10.%d.%d.%d", 64+i/62500, a, b)
}

// Images that some node may have pulled.
func imagePool(random *rand.Rand) []corev1.ContainerImage {
	pool := make([]corev1.ContainerImage, 400)
	for i := range pool {
		repository := fmt.Sprintf("registry.example.com/%s/%s", words[i%len(words)], words[(i*7+3)%len(words)])
		pool[i] = corev1.ContainerImage{
			Names:     []string{repository + "@sha256:" + hex(random, 64), fmt.Sprintf("%s:%d.%d.%d", repository, i%9, i%13, i%7)},
			SizeBytes: int64(10e6 + random.IntN(900e6)),
		}
	}
	return pool
}

func (l *loader) nodes() {
	random := seeded("nodes")
	images := imagePool(random)
	capacity := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("16"), corev1.ResourceMemory: resource.MustParse("64793124Ki"),
		corev1.ResourcePods: resource.MustParse("110"), corev1.ResourceEphemeralStorage: resource.MustParse("104845292Ki"),
		"hugepages-1Gi": resource.MustParse("0"), "hugepages-2Mi": resource.MustParse("0"),
	}
	for i := range l.sizes.Nodes {
		name, ip := nodeAddress(i)
		zone := fmt.Sprintf("eu-central-1%c", 'a'+i%3)
		labels := map[string]string{
			"beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
			"kubernetes.io/os": "linux", "kubernetes.io/hostname": name, "node.kubernetes.io/instance-type": "m5.4xlarge",
			"topology.kubernetes.io/region": "eu-central-1", "topology.kubernetes.io/zone": zone,
			"topology.ebs.csi.aws.com/zone": zone, "pool": fmt.Sprintf("pool-%02d", i%20),
		}
		node := &corev1.Node{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Node"}, ObjectMeta: meta(random, "", name, labels)}
		node.Annotations = map[string]string{
			"csi.volume.kubernetes.io/nodeid":                        `{"ebs.csi.aws.com":"i-0` + hex(random, 16) + `"}`,
			"node.alpha.kubernetes.io/ttl":                           "300",
			"volumes.kubernetes.io/controller-managed-attach-detach": "true",
		}
		node.Spec = corev1.NodeSpec{
			PodCIDR: fmt.Sprintf("100.%d.%d.0/24", 64+i/256, i%256), PodCIDRs: []string{fmt.Sprintf("100.%d.%d.0/24", 64+i/256, i%256)},
			ProviderID: "aws:///" + zone + "/i-0" + hex(random, 16),
		}
		node.Status = corev1.NodeStatus{
			Capacity: capacity, Allocatable: capacity, Conditions: nodeConditions(node.CreationTimestamp),
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: ip}, {Type: corev1.NodeHostName, Address: name}, {Type: corev1.NodeInternalDNS, Address: name},
			},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: 10250}},
			NodeInfo: corev1.NodeSystemInfo{
				MachineID: hex(random, 32), SystemUUID: string(uid(random)), BootID: string(uid(random)),
				KernelVersion: "5.15.0-1084-aws", OSImage: "Ubuntu 22.04.5 LTS", ContainerRuntimeVersion: "containerd://1.7.28",
				KubeletVersion: l.kubelet, KubeProxyVersion: l.kubelet, OperatingSystem: "linux", Architecture: "amd64",
			},
		}
		for range 30 + random.IntN(21) {
			node.Status.Images = append(node.Status.Images, images[random.IntN(len(images))])
		}
		node.ManagedFields = nodeManagers(node)
		l.put("minions", "", name, node)
	}
}

func nodeConditions(since metav1.Time) []corev1.NodeCondition {
	condition := func(kind corev1.NodeConditionType, status corev1.ConditionStatus, reason, message string) corev1.NodeCondition {
		return corev1.NodeCondition{
			Type: kind, Status: status, Reason: reason, Message: message,
			LastHeartbeatTime: metav1.NewTime(today), LastTransitionTime: since,
		}
	}
	return []corev1.NodeCondition{
		condition(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
		condition(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
		condition(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
		condition(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady", "kubelet is posting ready status. AppArmor enabled"),
	}
}

func nodeManagers(node *corev1.Node) []metav1.ManagedFieldsEntry {
	at := node.CreationTimestamp
	return []metav1.ManagedFieldsEntry{
		managed("kube-controller-manager", "", "v1", at, map[string]any{
			"metadata": map[string]any{"annotations": map[string]any{"node.alpha.kubernetes.io/ttl": "300"}},
			"spec":     map[string]any{"podCIDR": node.Spec.PodCIDR, "podCIDRs": node.Spec.PodCIDRs},
		}),
		managed("kubelet", "", "v1", at, map[string]any{
			"metadata": map[string]any{"labels": node.Labels, "annotations": node.Annotations},
			"spec":     map[string]any{"providerID": node.Spec.ProviderID},
		}),
		managed("kubelet", "status", "v1", metav1.NewTime(today), map[string]any{
			"status": map[string]any{
				"allocatable": node.Status.Allocatable, "conditions": node.Status.Conditions, "images": []any{},
				"nodeInfo": map[string]any{"bootID": "", "kernelVersion": "", "kubeletVersion": ""},
			},
		}),
	}
}
