//! Yesterday's report, a team's waivers, and chosen rules, on a real control plane.

use std::fs;

use libtest_mimic::Failed;
use serde_json::Value;

use crate::harness::{Cluster, Need};

const OLD: &str = "1.24.17";

scenarios! {
    from_one_day_to_the_next: [Need::ControlPlane(OLD)],
}

fn policy(name: &str) -> String {
    format!(
        "apiVersion: policy/v1beta1\nkind: PodSecurityPolicy\nmetadata: {{name: {name}}}\n\
         spec: {{seLinux: {{rule: RunAsAny}}, supplementalGroups: {{rule: RunAsAny}}, runAsUser: {{rule: RunAsAny}}, \
         fsGroup: {{rule: RunAsAny}}, volumes: ['*']}}\n"
    )
}

/// What is known does not fail, what is new does, what is gone is told, what is waived is seen; and rules that are left
/// out cost no request.
fn from_one_day_to_the_next() -> Result<(), Failed> {
    let cluster = Cluster::start(OLD);
    let folder = tempfile::tempdir().expect("a folder");
    let create = ["create", "--field-manager=platform-team", "-f", "-"];
    let only = ["--only", "psp-present", "--to", "1.25", "-o", "json"];
    let report = |more: &[&str], code: i32| -> Value {
        let run = cluster.check(&[&only[..], more].concat());
        assert_eq!(run.code, code, "{more:?}: {}", run.stderr);
        serde_json::from_str(&run.stdout).expect("JSON")
    };
    for name in ["stays", "goes"] {
        cluster.kubectl_stdin(&create, &policy(name)).ok();
    }
    let before = report(&[], 3);
    let file = folder.path().join("yesterday.json");
    fs::write(&file, before.to_string()).expect("a file");
    let baseline = ["--baseline", file.to_str().expect("a path")];
    let same = report(&baseline, 0);
    assert_eq!(same["verdict"], "blocked", "{same:#}");

    cluster
        .kubectl(&["delete", "podsecuritypolicy", "goes"])
        .ok();
    cluster.kubectl_stdin(&create, &policy("comes")).ok();
    let after = report(&baseline, 3);
    let objects = |finding: &Value| -> Vec<(String, Value)> {
        let objects = finding["objects"].as_array().expect("objects");
        let pair = |object: &Value| {
            let name = object["name"].as_str().expect("a name");
            (name.to_owned(), object["baseline"].clone())
        };
        objects.iter().map(pair).collect()
    };
    let expected = [
        ("comes".to_owned(), "new".into()),
        ("stays".to_owned(), "known".into()),
    ];
    assert_eq!(objects(&after["findings"][0]), expected, "{after:#}");
    assert_eq!(objects(&after["resolved"][0])[0].0, "goes");

    let waivers = folder.path().join("waivers.yaml");
    let text = "{apiVersion: kubectl-upgrade/v1, kind: Waivers, waivers: [{rule: psp-present, \
        objects: [podsecuritypolicy/comes], owner: platform, reason: until monday, expires: 2999-01-01}]}";
    fs::write(&waivers, text).expect("a file");
    let waivers = ["--waivers", waivers.to_str().expect("a path")];
    report(&waivers, 3);
    let both = report(&[&baseline[..], &waivers].concat(), 0);
    assert_eq!(both["summary"]["waived"], 0, "one of two objects");

    let asked = |plural: &str| {
        let log = cluster.audit_log();
        let ours = log.iter().filter(|event| {
            let agent = event["userAgent"].as_str().unwrap_or_default();
            agent.starts_with("kubectl-upgrade-check/")
        });
        let mut plurals = ours.filter_map(|event| event["objectRef"]["resource"].as_str());
        plurals.any(|resource| resource == plural)
    };
    assert!(asked("podsecuritypolicies"));
    assert!(!asked("cronjobs"), "only other rules need them");
    Ok(())
}
