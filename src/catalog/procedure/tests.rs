use std::collections::BTreeSet;

use super::{AppliesTo, HopPhase, MachineOwner, Procedure, RepeatFor, TextTemplate, embedded};
use crate::catalog::PlatformName;

/// What every template may name.
const EVERYWHERE: [&str; 17] = [
    "guideRemark",
    "ofCluster",
    "renamedValues",
    "controlPlaneKind",
    "environment",
    "imageFlag",
    "kubernetes",
    "provider",
    "versionSuffix",
    "concurrency",
    "cluster",
    "providerCluster",
    "namespace",
    "controlPlane",
    "from",
    "to",
    "minor",
];
/// What may stand within quotes of a command, for it holds nothing that a shell would take apart.
const VERSIONS: [&str; 5] = ["from", "to", "minor", "versionSuffix", "ofCluster"];

/// Variables of the shell that commands may leave to people, for a cluster does not say them.
const VARIABLES: [&str; 11] = [
    "ADDON",
    "ADDON_VERSION",
    "CLUSTER_NAME",
    "CONTROL_PLANE_NODE",
    "K3S_ARGS",
    "LOCATION",
    "MINIO",
    "OS_BUNDLE",
    "PWD",
    "REGISTRY",
    "RESOURCE_GROUP",
];

fn all() -> Vec<Procedure> {
    embedded().expect("the procedures")
}

fn templates(procedure: &Procedure) -> impl Iterator<Item = (&str, RepeatFor, &TextTemplate)> {
    procedure.steps.iter().flat_map(|step| {
        std::iter::once(&step.title)
            .chain(&step.commands)
            .chain(&step.interrupts)
            .map(|template| (step.id.as_str(), step.repeat_for, template))
    })
}

#[test]
fn templates_name_only_what_their_step_knows() {
    for procedure in all() {
        for (id, each, template) in templates(&procedure) {
            for name in template.placeholders() {
                let known = EVERYWHERE.contains(&name) || each.placeholders().contains(&name);
                assert!(known, "{} {id}: {{{name}}}", procedure.title);
            }
        }
    }
}

#[test]
fn commands_leave_only_known_variables_to_people() {
    let mut seen = BTreeSet::new();
    for procedure in all() {
        for command in procedure.steps.iter().flat_map(|step| &step.commands) {
            let line = command.render(|_| Some(String::new()));
            for name in line.split('$').skip(1) {
                let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                let name = name.split(|letter| !word(letter)).next();
                seen.insert(name.unwrap_or_default().to_owned());
            }
        }
    }
    assert_eq!(seen.iter().collect::<Vec<_>>(), VARIABLES);
}

#[test]
fn within_quotes_only_versions_are_filled_in() {
    for procedure in all() {
        for step in &procedure.steps {
            for command in &step.commands {
                let marked = command.render(|name| Some(format!("\u{1}{name}\u{2}")));
                let mut quote = None;
                for (at, letter) in marked.char_indices() {
                    match (letter, quote) {
                        ('\'' | '"', None) => quote = Some(letter),
                        (letter, Some(open)) if letter == open => quote = None,
                        ('\u{1}', Some(_)) => {
                            let name = marked[at + 1..].split('\u{2}').next().expect("its end");
                            assert!(VERSIONS.contains(&name), "{}: {name}", step.id);
                        }
                        _ => {}
                    }
                }
            }
        }
    }
}

#[test]
fn steps_have_sources_and_ids_of_their_own() {
    for procedure in all() {
        let mut ids = BTreeSet::new();
        let common = all().into_iter().find(|other| {
            other.platform == procedure.platform && other.applies_to == AppliesTo::EveryCluster
        });
        let beside = common.filter(|_| procedure.applies_to != AppliesTo::EveryCluster);
        let beside = beside.iter().flat_map(|other| &other.steps);
        for step in procedure.steps.iter().chain(beside) {
            assert!(
                ids.insert(step.id.clone()),
                "{} {}",
                procedure.title,
                step.id
            );
            assert!(!step.source.is_empty(), "{}", step.id);
            if let Some(takes) = &step.duration {
                assert!(
                    takes.min_seconds.is_some()
                        && takes.min_seconds <= takes.max_seconds
                        && !takes.basis.is_empty(),
                    "{}",
                    step.id
                );
            }
        }
    }
}

#[test]
fn every_procedure_of_kubernetes_moves_a_control_plane_and_nodes() {
    let of_kubernetes = all().into_iter().filter(|procedure| {
        procedure.platform == PlatformName::Kubernetes
            && !matches!(
                procedure.applies_to,
                AppliesTo::EveryCluster | AppliesTo::EmulatedMinor | AppliesTo::Fleet
            )
    });
    for procedure in of_kubernetes {
        for phase in [HopPhase::ControlPlane, HopPhase::Nodes] {
            assert!(
                procedure.steps.iter().any(|step| step.phase == phase),
                "{}: {phase:?}",
                procedure.title
            );
        }
        assert!(procedure.kubelet_skew.is_some(), "{}", procedure.title);
    }
}

#[test]
fn who_makes_a_pool_matters_for_pools_alone_and_none_is_left_out() {
    for procedure in all() {
        let of_pools = |each| matches!(each, RepeatFor::Pool | RepeatFor::Node);
        let mut makers = BTreeSet::new();
        for step in &procedure.steps {
            assert!(
                step.machine_owner.is_none() || of_pools(step.repeat_for),
                "{}",
                step.id
            );
            // Nodes of the provider have a step for every cluster.
            makers.extend(
                step.machine_owner
                    .filter(|owner| *owner != MachineOwner::Provider),
            );
        }
        assert!(
            makers.is_empty() || makers.len() == 2,
            "{}: {makers:?}",
            procedure.title
        );
    }
}

#[test]
fn each_kind_of_cluster_has_one_procedure() {
    let procedures = all();
    let mut kinds: Vec<_> = procedures
        .iter()
        .map(|procedure| (procedure.platform, &procedure.applies_to))
        .collect();
    let count = kinds.len();
    kinds.dedup();
    assert_eq!(kinds.len(), count);
    for fits in [AppliesTo::EveryCluster, AppliesTo::Fallback] {
        assert!(
            kinds.contains(&(PlatformName::Kubernetes, &fits)),
            "{fits:?}"
        );
    }
}
