//! What the API server itself refuses: users with all the permissions that `rbac` prints, but for one.

use serde_json::{Value, json};

use crate::programs::check;
use crate::table::Row;
use crate::testbed::folder::LIMITED;
use crate::testbed::run::eventually;
use crate::wire::Fault;
use crate::world::World;

pub(crate) const FAULTS: &[Fault] = &[
    ("permission::one_kind", one_kind),
    (
        "permission::one_kind_in_a_namespace",
        one_kind_in_a_namespace,
    ),
];

fn one_kind(world: &World, row: &Row) {
    let user = LIMITED[0];
    allow_all_but(world, user, &[], None, "poddisruptionbudgets");
    judge(
        world,
        row,
        user,
        &[],
        "poddisruptionbudgets",
        &world.healthy,
    );
}

fn one_kind_in_a_namespace(world: &World, row: &Row) {
    let user = LIMITED[1];
    let narrow = ["-n", "shop"];
    allow_all_but(world, user, &narrow, Some("shop"), "pods");
    let healthy = world.check_with(&world.cluster.kubeconfig(), &narrow);
    let report = judge(world, row, user, &narrow, "pods", &healthy.json());
    assert_eq!(report["gaps"][0]["rbac"]["namespace"], "shop");
}

/// Gives a user what `rbac` prints, without one resource in the ClusterRole, or in the Role of a namespace. None of it is
/// among what the trials read.
fn allow_all_but(
    world: &World,
    user: &str,
    narrow: &[&str],
    namespace: Option<&str>,
    resource: &str,
) {
    let args = [&["rbac", "--to", "1.25"], narrow].concat();
    let printed = check(world.cluster.kubeconfig_for(user), &args).ok().stdout;
    let printed = printed.replace("kubectl-upgrade-reader", &format!("reader-of-{user}"));
    let mut objects: Vec<Value> = serde_saphyr::from_multiple(&printed).expect("roles");
    let is_meant = |role: &&mut Value| role["metadata"]["namespace"].as_str() == namespace;
    let mut taken = 0;
    for role in objects.iter_mut().filter(is_meant) {
        let rules = role["rules"].as_array_mut();
        for rule in rules.into_iter().flatten() {
            if let Some(resources) = rule["resources"].as_array_mut() {
                taken += resources.len();
                resources.retain(|name| name != resource);
                taken -= resources.len();
            }
        }
    }
    assert!(taken > 0, "{printed}");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
    world
        .cluster
        .kubectl_stdin(&["apply", "-f", "-"], &list)
        .ok();
}

/// Holds a read by this user to its row: a single gap, and nothing is asked again in vain.
fn judge(
    world: &World,
    row: &Row,
    user: &str,
    narrow: &[&str],
    resource: &str,
    healthy: &Value,
) -> Value {
    eventually("the permissions are in effect", 60, || {
        let run = world.check(&world.proxy_as(user), narrow);
        run.json()["gaps"]
            .as_array()
            .is_some_and(|gaps| gaps.len() == 1)
    });
    let proxy = world.proxy_as(user);
    let run = world.check(&proxy, narrow);
    world.judge_by(row, &run, &[resource], healthy);
    let report = run.json();
    let gap = &report["gaps"][0];
    assert_eq!(gap["rbac"]["verbs"], json!(["list"]), "{gap:#}");
    assert_eq!(gap["rbac"]["resources"], json!([resource]), "{gap:#}");
    let why = gap["why"].as_str().expect("a text");
    assert!(why.contains(user) && why.contains("cannot list"), "{why}");
    let refused = format!("/{resource}");
    let mut asked = proxy.asked(&refused);
    // Those of the control plane are asked for by themselves.
    asked.retain(|seen| !seen.path.contains("/kube-system/"));
    assert_eq!(asked.len(), 1, "asked again in vain: {asked:#?}");
    report
}
