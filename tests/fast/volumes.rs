//! Rules on volumes, where a fixture pair does not say it all.

use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::rules::{Evaluation, Severity};

use crate::cluster::{Cluster, rules};

const EBS: &str = "
kubernetes: 1.24.17
to: '1.25'
now: 2023-01-01T00:00:00Z
objects:
- apiVersion: v1
  kind: PersistentVolume
  metadata: {name: cart}
  spec: {awsElasticBlockStore: {volumeID: vol-0a1b2c}}
  status: {phase: Bound}
";

fn judge(text: &str) -> Evaluation {
    let catalog = Catalog::embedded().expect("the catalog");
    Cluster::parse(text, "volumes").evaluate(catalog, rules()).0
}

fn said(judgement: &Evaluation, id: &str) -> Vec<(Severity, Option<String>)> {
    let findings = judgement.findings.iter().filter(|it| it.id == id);
    findings
        .map(|it| (it.severity, it.hop.as_ref().map(ToString::to_string)))
        .collect()
}

#[test]
fn a_driver_is_missing_only_where_all_was_read_that_could_name_it() {
    let read = judge(EBS);
    assert_eq!(said(&read, "vol-awsebs"), [(Severity::Warning, None)]);
    for refused in ["csidrivers.storage.k8s.io", "csinodes.storage.k8s.io"] {
        let judgement = judge(&format!("{EBS}refused: [{refused}]\n"));
        assert_eq!(said(&judgement, "vol-awsebs"), [], "{refused}");
        let blind = |id: &str| judgement.gaps[0].rules.iter().any(|rule| rule == id);
        assert!(
            blind("vol-awsebs") && blind("csi-driver-missing"),
            "{refused}"
        );
    }
}

#[test]
fn what_is_gone_already_and_what_nobody_uses_do_not_block() {
    let volume = |to: &str, phase: &str| {
        let text = EBS.replace(
            "awsElasticBlockStore: {volumeID: vol-0a1b2c}",
            "flocker: {datasetName: cart}",
        );
        let text = text.replace("Bound", phase);
        let text = match to {
            "1.26" => text.replace("1.24.17", "1.25.16"),
            _ => text,
        };
        said(
            &judge(&text.replace("to: '1.25'", &format!("to: '{to}'"))),
            "vol-flocker",
        )
    };
    let hop = Some("kubernetes 1.25".to_owned());
    assert_eq!(volume("1.25", "Bound"), [(Severity::Blocker, hop.clone())]);
    assert_eq!(volume("1.25", "Released"), [(Severity::Warning, hop)]);
    assert_eq!(volume("1.26", "Bound"), [(Severity::Warning, None)]);
}
