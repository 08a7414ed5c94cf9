//! Kubelets and API servers: what is ahead, what is virtual, what cannot be read.

use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::plan::PlanOptions;
use kubectl_upgrade::rules::{Evaluation, Severity, Verdict};

use crate::cluster::{Cluster, rules};
use crate::variant;

fn node(name: &str, kubelet: &str, more: &str) -> String {
    format!(
        "- {{apiVersion: v1, kind: Node, metadata: {{name: {name}{more}}}, status: {{nodeInfo: {{kubeletVersion: '{kubelet}'}}, conditions: [{{type: Ready, status: 'True'}}]}}}}\n"
    )
}

const CONTROL_PLANE: &str = ", labels: {node-role.kubernetes.io/control-plane: ''}";

fn api_server(node: &str, release: &str) -> String {
    format!(
        "- {{apiVersion: v1, kind: Pod, metadata: {{name: kube-apiserver-{node}, namespace: kube-system, labels: {{component: kube-apiserver, tier: control-plane}}, annotations: {{kubernetes.io/config.mirror: x}}}}, spec: {{nodeName: {node}, containers: [{{name: kube-apiserver, image: 'registry.k8s.io/kube-apiserver:{release}'}}]}}}}\n"
    )
}

fn cluster(version: &str, objects: &[String]) -> Cluster {
    let text = format!(
        "kubernetes: {version}\nserves: [apps/v1]\nobjects:\n{}",
        objects.concat()
    );
    Cluster::parse(&text, "kubelets")
}

fn catalog() -> &'static Catalog {
    Catalog::embedded().expect("the catalog")
}

fn evaluate(cluster: &Cluster) -> Evaluation {
    cluster.evaluate(catalog(), rules()).0
}

fn severities(evaluation: &Evaluation, rule: &str) -> Vec<Severity> {
    let findings = evaluation.findings.iter();
    let findings = findings.filter(|finding| finding.id == rule);
    findings.map(|finding| finding.severity).collect()
}

const TOO_NEW: &str = "node-kubelet-too-new";

#[test]
fn a_control_plane_that_is_being_replaced_is_no_blocker() {
    // The load balancer answers for the old server. The new node has a new server of its own.
    let mut objects = vec![
        node("cp-1", "v1.34.1", CONTROL_PLANE),
        api_server("cp-1", "v1.34.1"),
        node("cp-2", "v1.35.0", CONTROL_PLANE),
        api_server("cp-2", "v1.35.0"),
        node("worker", "v1.34.1", ""),
    ];
    let rolling = evaluate(&cluster("1.34.1", &objects));
    assert_eq!(severities(&rolling, TOO_NEW), []);
    // Its static pod is not there yet.
    objects.remove(3);
    let joining = evaluate(&cluster("1.34.1", &objects));
    assert_eq!(severities(&joining, TOO_NEW), [Severity::Warning]);
    // A worker that is ahead of an old server, but not of the new one.
    objects.push(api_server("cp-2", "v1.35.0"));
    objects.push(node("ahead", "v1.35.0", ""));
    let mixed = evaluate(&cluster("1.34.1", &objects));
    assert_eq!(severities(&mixed, TOO_NEW), [Severity::Warning]);
}

#[test]
fn a_kubelet_ahead_of_its_own_server_or_of_all_is_a_blocker() {
    let ahead_of_own = [
        node("cp-1", "v1.35.0", CONTROL_PLANE),
        api_server("cp-1", "v1.34.1"),
        node("cp-2", "v1.35.0", CONTROL_PLANE),
        api_server("cp-2", "v1.35.0"),
    ];
    let found = evaluate(&cluster("1.35.0", &ahead_of_own));
    assert_eq!(severities(&found, TOO_NEW), [Severity::Blocker]);
    let ahead_of_all = [
        node("cp-1", "v1.34.1", CONTROL_PLANE),
        api_server("cp-1", "v1.34.1"),
        node("worker", "v1.35.0", ""),
    ];
    let found = evaluate(&cluster("1.34.1", &ahead_of_all));
    assert_eq!(severities(&found, TOO_NEW), [Severity::Blocker]);
}

const VIRTUAL: [(&str, &str); 6] = [
    ("v1.19.10", ", labels: {type: virtual-kubelet}"),
    ("v1.19.10-vk-azure-aci-1.4.8", ""),
    ("v1.25.0-vk-N/A", ""),
    (
        "v1.28.9-eks-36c1415",
        ", labels: {eks.amazonaws.com/compute-type: fargate}",
    ),
    (
        "v1.19.10",
        "}, spec: {taints: [{key: virtual-kubelet.io/provider, value: azure, effect: NoSchedule}]",
    ),
    (
        "",
        "}, spec: {taints: [{key: eks.amazonaws.com/compute-type, value: fargate, effect: NoSchedule}]",
    ),
];

#[test]
fn virtual_nodes_are_no_kubelet_blockers_and_are_not_drained() {
    for (version, more) in VIRTUAL {
        let real = node("real", "v1.33.1", "");
        let cluster = cluster("1.33.1", &[real, node("virtual", version, more)]);
        let evaluation = evaluate(&cluster);
        for rule in [TOO_NEW, "node-kubelet-too-old", "node-mixed"] {
            assert_eq!(severities(&evaluation, rule), [], "{rule} {version} {more}");
        }
        assert!(
            !gaps(&evaluation).contains("kubelet version"),
            "{version} {more}"
        );
        let plan = cluster.plan(catalog(), rules(), &PlanOptions::default());
        let steps = variant::told(&plan.steps);
        assert!(steps.contains("drain real"), "{steps}");
        assert!(!steps.contains("drain virtual"), "{steps}");
        assert!(
            plan.remarks.concat().contains("1 virtual node"),
            "{:?}",
            plan.remarks
        );
    }
    // Nodes of Auto Mode have a kubelet of their own.
    let label = ", labels: {eks.amazonaws.com/compute-type: auto}";
    let auto = cluster("1.33.1", &[node("auto", "v1.19.10", label)]);
    let evaluation = evaluate(&auto);
    assert_eq!(
        severities(&evaluation, "node-kubelet-too-old"),
        [Severity::Blocker]
    );
}

fn gaps(evaluation: &Evaluation) -> String {
    let gaps = evaluation.gaps.iter();
    gaps.map(|gap| format!("{}: {}\n", gap.what, gap.why))
        .collect()
}

#[test]
fn kubelet_versions_that_cannot_be_read_are_gaps() {
    for (version, why) in [
        (
            "not-a-version",
            "\"not-a-version\" is not a Kubernetes version",
        ),
        ("kwok-v0.5.1", "\"kwok-v0.5.1\" is not a Kubernetes version"),
        ("", "none is reported"),
        ("v1", "\"v1\" is not a Kubernetes version"),
    ] {
        let odd = cluster(
            "1.33.1",
            &[node("odd", version, ""), node("real", "v1.33.1", "")],
        );
        let evaluation = evaluate(&odd);
        let gaps = gaps(&evaluation);
        assert!(
            gaps.contains(&format!("the kubelet version of odd: {why}")),
            "{gaps}"
        );
        assert!(!gaps.contains("real"), "{gaps}");
        assert_eq!(evaluation.verdict, Verdict::Incomplete);
    }
    let fine = cluster("1.33.1", &[node("real", "v1.33.1-eks-0abc", "")]);
    assert!(!gaps(&evaluate(&fine)).contains("kubelet version"));
}

#[test]
fn a_server_that_emulates_one_minor_below_its_binary_starts_from_there() {
    let text = format!(
        "kubernetes: 1.37.0\nemulates: '1.36'\nserves: [apps/v1]\nobjects:\n{}{}",
        node("cp-1", "v1.36.2", CONTROL_PLANE),
        node("worker", "v1.36.2", "")
    );
    let emulating = Cluster::parse(&text, "emulating");
    let path = emulating.path(catalog());
    let hop = path.hops.first().expect("a hop");
    assert_eq!(
        hop.from.as_ref().map(ToString::to_string).as_deref(),
        Some("1.36")
    );
    let plan = emulating.plan(catalog(), rules(), &PlanOptions::default());
    assert_eq!(plan.hops.len(), 1, "{:?}", plan.hops);
    let steps = variant::told(&plan.steps);
    for step in [
        "-backup (",
        "-emulate-api-servers (todo",
        "-emulate-controllers (",
    ] {
        assert!(steps.contains(step), "{step}: {steps}");
    }
    // Kubelets of the emulated minor are where they belong: nothing is unfinished.
    assert!(
        !plan.remarks.concat().contains("in progress"),
        "{:?}",
        plan.remarks
    );
}

#[test]
fn nodes_of_autopilot_have_no_commands() {
    let pool = ", labels: {cloud.google.com/gke-nodepool: pool-1}";
    for (name, is_autopilot) in [
        ("gk3-shop-pool-1-6qh9", true),
        ("gke-shop-pool-1-6qh9", false),
    ] {
        let cluster = cluster("1.33.4-gke.100", &[node(name, "v1.33.4-gke.100", pool)]);
        let plan = cluster.plan(catalog(), rules(), &PlanOptions::default());
        let steps = variant::told(&plan.steps);
        assert_eq!(
            steps.contains("-provider-nodes-pool-1"),
            is_autopilot,
            "{steps}"
        );
        assert_eq!(steps.contains("--node-pool"), !is_autopilot, "{steps}");
    }
}

#[test]
fn kubespray_is_upgraded_from_its_inventory() {
    for (directory, is_kubespray) in [
        ("/etc/kubernetes/ssl", true),
        ("/etc/kubernetes/pki", false),
    ] {
        let config = format!(
            "- {{apiVersion: v1, kind: ConfigMap, metadata: {{name: kubeadm-config, namespace: kube-system}}, data: {{ClusterConfiguration: 'certificatesDir: {directory}'}}}}\n"
        );
        let nodes = [
            node("cp-1", "v1.33.4", CONTROL_PLANE),
            node("worker", "v1.33.4", ""),
        ];
        let cluster = cluster("1.33.4", &[nodes.concat(), config]);
        let steps = variant::told(
            &cluster
                .plan(catalog(), rules(), &PlanOptions::default())
                .steps,
        );
        assert_eq!(
            steps.contains("the steps of Kubespray are not in this catalog"),
            is_kubespray,
            "{steps}"
        );
        assert_eq!(
            steps.contains("sudo kubeadm upgrade apply"),
            !is_kubespray,
            "{steps}"
        );
    }
}

#[test]
fn builds_without_a_version_are_gaps() {
    for version in ["v0.0.0", "v0.0.0-master+$Format:%H$", "v0.0.0-master+abc"] {
        let evaluation = evaluate(&cluster("1.34.1", &[node("worker", version, "")]));
        let mut gaps = evaluation.gaps.iter();
        assert!(gaps.any(|gap| gap.what.contains("worker")), "{version}");
        assert_eq!(severities(&evaluation, TOO_NEW), []);
    }
}

#[test]
fn a_server_of_k3s_is_visible_by_its_arguments() {
    let server = |annotations: &str| {
        let more = format!("{CONTROL_PLANE}, annotations: {{{annotations}}}");
        evaluate(&cluster(
            "1.34.1+k3s1",
            &[node("server", "v1.34.1+k3s1", &more)],
        ))
    };
    let with_arguments = server("k3s.io/node-args: '[\"server\"]'");
    assert_eq!(
        with_arguments.verdict,
        Verdict::Ready,
        "{:#?}",
        with_arguments.gaps
    );
    for annotations in ["", "k3s.io/node-args: server"] {
        assert_eq!(
            server(annotations).verdict,
            Verdict::Incomplete,
            "{annotations}"
        );
    }
}
