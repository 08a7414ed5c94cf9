//! Plans for clusters of each kind: which procedure, in what order, with which commands.

use std::collections::BTreeSet;

use kubectl_upgrade::catalog::{Catalog, HopPhase, PlatformName};
use kubectl_upgrade::conditions::CompletionCondition;
use kubectl_upgrade::plan::{Plan, PlanOptions, Step};
use libtest_mimic::Trial;

use crate::cluster::{Cluster, rules};
use crate::variant::{self, FOLDER, VARIANTS, told};
use crate::{CATALOG, case, golden};

/// Where the patches of the management cluster of DKP are, each with its plan.
const DKP_FOLDER: &str = "tests/fixtures/plans/dkp";

/// Where the clusters of Kyma are, each with its plan; `BASE+NAME` is a patch of `BASE`.
const KYMA_FOLDER: &str = "tests/fixtures/plans/kyma";

/// The cluster of Kyma of this name.
pub(crate) fn load_kyma(name: &str) -> Cluster {
    let file = |name: &str| golden::in_repository(&format!("{KYMA_FOLDER}/{name}.yaml"));
    match name.split_once('+') {
        Some((base, _)) => Cluster::load_patched(file(base), file(name)),
        None => Cluster::load(file(name)),
    }
}

/// The management cluster of DKP with this patch.
fn load_dkp(name: &str) -> Cluster {
    Cluster::load_patched(
        golden::in_repository(&format!("{FOLDER}/dkp.yaml")),
        golden::in_repository(&format!("{DKP_FOLDER}/{name}.yaml")),
    )
}

pub(crate) fn trials() -> Vec<Trial> {
    let variants = VARIANTS.into_iter().map(|(name, title)| {
        case("variants", name, move || {
            let plan = variant::plan(&variant::load(name), &CATALOG);
            golden::compare(&format!("{FOLDER}/{name}.txt"), &told(&plan.steps));
            every_hop_moves_the_control_plane_and_what_waits_for_it_afterwards(name, title, &plan);
            nothing_is_left_to_fill_in(name, &plan);
            commands_are_those_of_the_release(&plan);
        })
    });
    let folder = case("variants", "every_fixture_has_its_row", || {
        let rows = VARIANTS.map(|(name, _)| name.to_owned());
        for ending in [".yaml", ".txt"] {
            let files = BTreeSet::from_iter(golden::stems(FOLDER, ending));
            assert_eq!(files, BTreeSet::from(rows.clone()), "{ending}");
        }
    });
    let dkp = golden::stems(DKP_FOLDER, ".yaml").into_iter().map(|name| {
        case("variants", &format!("dkp::{name}"), move || {
            let plan = variant::plan(&load_dkp(&name), &CATALOG);
            golden::compare(&format!("{DKP_FOLDER}/{name}.txt"), &told(&plan.steps));
            nothing_is_left_to_fill_in(&name, &plan);
            commands_are_those_of_the_release(&plan);
        })
    });
    let kyma = golden::stems(KYMA_FOLDER, ".yaml").into_iter().map(|name| {
        case("variants", &format!("kyma::{name}"), move || {
            let cluster = load_kyma(&name);
            let plan = cluster.plan(&CATALOG, rules(), &PlanOptions::default());
            golden::compare(&format!("{KYMA_FOLDER}/{name}.txt"), &told(&plan.steps));
            nothing_is_left_to_fill_in(&name, &plan);
            commands_are_those_of_the_release(&plan);
        })
    });
    variants.chain([folder]).chain(dkp).chain(kyma).collect()
}

fn is_of(step: &Step, hop: &str) -> bool {
    step.id.starts_with(&format!("kubernetes-{hop}-"))
}

/// Where in its hop a step stands, by the procedure that it was made from.
fn phase(catalog: &Catalog, title: &str, step: &Step, hop: &str) -> Option<HopPhase> {
    let rest = step.id.strip_prefix(&format!("kubernetes-{hop}-"))?;
    let procedures = catalog.procedures.iter();
    let everywhere = ["Kubernetes", "Clusters of DKP"];
    let of_it = procedures.filter(|it| it.title == title || everywhere.contains(&&*it.title));
    let mut actions: Vec<_> = of_it.flat_map(|procedure| &procedure.steps).collect();
    actions.retain(|action| rest == action.id || rest.starts_with(&format!("{}-", action.id)));
    // The longest name: `control-plane-kubelet` is no `control-plane`.
    actions.sort_by_key(|action| action.id.len());
    actions.last().map(|action| action.phase)
}

fn every_hop_moves_the_control_plane_and_what_waits_for_it_afterwards(
    name: &str,
    title: &str,
    plan: &Plan,
) {
    assert!(plan.hops.len() >= 2 || name == "cluster-api", "{name}");
    let mut moves_nodes = false;
    let hops = plan.hops.iter();
    for hop in hops.filter(|hop| hop.platform == PlatformName::Kubernetes) {
        let steps = plan
            .steps
            .iter()
            .filter(|step| is_of(step, &hop.to.to_string()));
        let phases = steps.filter(|step| !step.id.contains("-to-"));
        let phases: Vec<HopPhase> = phases
            .map(|step| {
                let phase = phase(&CATALOG, title, step, &hop.to.to_string());
                phase.unwrap_or_else(|| panic!("{name}: {} is of no procedure", step.id))
            })
            .collect();
        assert!(phases.is_sorted(), "{name}: {phases:?}");
        assert!(
            phases.contains(&HopPhase::ControlPlane),
            "{name} {}",
            hop.to
        );
        moves_nodes |= phases.contains(&HopPhase::Nodes);
    }
    let last = plan.hops.last().expect("a hop");
    let mut last = plan
        .steps
        .iter()
        .filter(|step| is_of(step, &last.to.to_string()));
    assert!(
        moves_nodes
            && last.any(|step| matches!(
                step.done_when,
                CompletionCondition::Nodes { .. } | CompletionCondition::MachineDeployment { .. }
            )),
        "{name}: no node reaches the end of the way"
    );
}

fn nothing_is_left_to_fill_in(name: &str, plan: &Plan) {
    for step in &plan.steps {
        let texts = [&step.title].into_iter();
        for text in texts.chain(&step.commands).chain(&step.interrupts) {
            for rest in text.split('{').skip(1) {
                let inside: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
                let is_name = !inside.is_empty() && rest[inside.len()..].starts_with('}');
                assert!(!is_name, "{name} {}: {text}", step.id);
            }
        }
    }
}

/// Every line of the CLI of DKP or Kyma is a command of its release, with flags that its reference lists.
fn commands_are_those_of_the_release(plan: &Plan) {
    let mut releases = Vec::new();
    let mut dkp = None;
    for hop in &plan.hops {
        let of_kyma = Some((&CATALOG.kyma.cli, hop.to.minor()));
        if hop.platform == PlatformName::Dkp {
            dkp = Some((&CATALOG.dkp.cli, hop.to.minor()));
        }
        let is_of_kyma = hop.platform == PlatformName::Kyma;
        let cli = if is_of_kyma { of_kyma } else { dkp };
        releases.push((format!("{}-{}-", hop.platform, hop.to), cli));
    }
    for step in &plan.steps {
        let of_hop = |(prefix, _): &&(String, _)| step.id.starts_with(prefix.as_str());
        let Some((_, Some((cli, release)))) = releases.iter().find(of_hop) else {
            continue;
        };
        for line in &step.commands {
            let name = cli.name(*release);
            let Some(rest) = line.strip_prefix(&format!("{name} ")) else {
                assert!(!line.starts_with("dkp "), "{}: {line}", step.id);
                continue;
            };
            let known = cli.find(rest, *release);
            let known = known.unwrap_or_else(|| panic!("{}: {line}", step.id));
            let rest = rest.split(" | ").next().expect("a command");
            let flags = rest.split_whitespace().filter(|word| word.starts_with('-'));
            for flag in flags.map(|word| word.split('=').next().expect("a flag")) {
                let is_known = known.row.flags.iter().any(|one| one == flag);
                assert!(is_known, "{}: {flag} in {line}", step.id);
            }
        }
    }
}
