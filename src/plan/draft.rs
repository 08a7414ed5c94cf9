//! One step of a procedure, with this cluster's own names in it.

use crate::catalog::{Action, Done, Gates, Release};
use crate::progress::{Condition, Goal, Nodes, blocks};

use super::drain::Drain;
use super::expand::{Draft, Now, Place, Work};
use super::fill::Values;
use super::layout::Pool;
use super::rolling::Pace;
use super::{Level, Scope, Step, Takes, cluster_name, fill};

/// The kind of object whose machines can be counted.
const KUBEADM: &str = "kubeadmcontrolplane";

/// What must be known of a pool whose machines nobody replaces.
const ON_DELETE: &str = "the strategy of this MachineDeployment is OnDelete: a machine is replaced once somebody deletes the old one, and not before";

/// On what basis nothing is said of how long a step takes.
const NOT_PUBLISHED: &str = "nobody published how long it takes";

impl Work<'_> {
    pub(super) fn draft(&self, now: &Now<'_>, action: &Action, place: &Place<'_>) -> Draft {
        let mut values = self.values(now, place);
        let drain = self.drain(place);
        let is_elsewhere = action.on_management && !self.layout.machines.here;
        if is_elsewhere {
            values.context = None;
        }
        let mut commands: Vec<String> = action
            .commands
            .iter()
            .map(|command| values.command(command))
            .collect();
        if let (true, Place::ControlPlaneNode(node) | Place::Worker(_, node)) =
            (action.on_node, place)
        {
            commands = on_node(node, commands);
        }
        if is_elsewhere && !commands.is_empty() {
            commands.insert(0, "# on the management cluster:".to_owned());
        }
        let mut interrupts: Vec<String> = action
            .interrupts
            .iter()
            .map(|text| values.text(text))
            .collect();
        if action.gates == Gates::Drain {
            interrupts.extend(drain.interrupts());
        }
        let is_held = annotated(place, &mut commands);
        Draft {
            implied: action.implied,
            is_held,
            is_of_now: matches!(action.done, Done::NoBlockers | Done::Backup(_)),
            step: Step {
                id: self.id(now, &action.id, place),
                hop: now.hop.clone(),
                scope: self.scope(place),
                title: values.text(&action.title),
                state: super::State::Unknown,
                progress: None,
                commands,
                gates: self.gates(now, &action.gates, &drain),
                done_when: self.condition(now, &action.done, place),
                takes: self.takes(action, place, &drain),
                interrupts,
                reversible: action.reversible,
                links: self.links(now, action),
                objects: Vec::new(),
            },
        }
    }

    fn links(&self, now: &Now<'_>, action: &Action) -> Vec<String> {
        let mut links = action.links.clone();
        if action.done == Done::NoBlockers {
            links.extend(self.of_hop(now));
        }
        links
    }

    /// Pages for people about the whole hop.
    pub(super) fn of_hop(&self, now: &Now<'_>) -> Vec<String> {
        let hop = &now.leg.hop;
        let platform = hop.platform.parse().ok();
        let platform = platform.and_then(|name| self.situation.catalog.platform(name));
        let to = hop.to.parse().ok();
        let from = hop.from.as_ref().and_then(|from| from.parse().ok());
        match (platform, from.or(to.clone()), to) {
            (Some(platform), Some(from), Some(to)) => platform.links(&from, &to),
            _ => Vec::new(),
        }
    }

    fn values<'v>(&'v self, now: &'v Now<'_>, place: &'v Place<'_>) -> Values<'v> {
        let machines = &self.layout.machines;
        let from = now.leg.hop.from.as_deref().unwrap_or_default();
        // Pools that catch up go to another minor than that of the hop.
        let minor = now.release.parse::<Release>().ok();
        let minor = minor.map_or(now.leg.hop.minor, |release| release.minor());
        let sequence = machines.sequence.as_ref();
        let concurrency = sequence.map_or(1, |it| it.concurrency);
        let mut pairs = vec![
            ("concurrency", concurrency.to_string().into()),
            ("from", from.into()),
            ("to", now.release.into()),
            ("minor", minor.to_string().into()),
        ];
        let mut variables = Vec::new();
        let cluster = match machines.cluster.as_str() {
            "" => cluster_name(self.here.map(|(picture, _)| &picture.id)),
            name => name.to_owned(),
        };
        pairs.push(("cluster", cluster.into()));
        let provider_cluster = self.layout.provider_cluster.as_deref().unwrap_or_default();
        for (name, value, variable) in [
            ("namespace", machines.namespace.as_str(), "NAMESPACE"),
            ("controlPlane", &machines.control_plane, "CONTROL_PLANE"),
            (
                "controlPlaneKind",
                &machines.control_plane_kind,
                "CONTROL_PLANE_KIND",
            ),
            ("providerCluster", provider_cluster, "CLUSTER"),
        ] {
            match value {
                "" => variables.push((name, variable)),
                value => pairs.push((name, value.into())),
            }
        }
        match place {
            Place::Cluster => {}
            Place::ControlPlaneNode(node) => pairs.push(("node", (*node).into())),
            Place::Pool(pool) => {
                if pool.name.is_empty() {
                    variables.push(("pool", super::fill::POOL));
                }
                pairs.push(("pool", pool.shown().into()));
            }
            Place::Worker(pool, node) => {
                pairs.push(("pool", pool.shown().into()));
                pairs.push(("node", (*node).into()));
            }
        }
        Values {
            context: self
                .here
                .and_then(|(picture, _)| picture.context.as_deref()),
            is_real: self.here.is_some(),
            pairs,
            variables,
        }
    }

    fn drain(&self, place: &Place<'_>) -> Drain {
        match place {
            Place::Cluster => Drain::default(),
            Place::ControlPlaneNode(node) | Place::Worker(_, node) => self.drains.of(node),
            Place::Pool(pool) => self.drains.of_all(&pool.nodes),
        }
    }

    pub(super) fn scope(&self, place: &Place<'_>) -> Scope {
        let (level, name, pool) = match place {
            Place::Cluster => {
                let name = cluster_name(self.here.map(|(picture, _)| &picture.id));
                (Level::Cluster, name, None)
            }
            Place::ControlPlaneNode(node) => (Level::Node, (*node).to_owned(), None),
            Place::Pool(pool) => (Level::Pool, pool.shown().to_owned(), None),
            Place::Worker(pool, node) => (
                Level::Node,
                (*node).to_owned(),
                Some(pool.shown().to_owned()),
            ),
        };
        Scope { level, name, pool }
    }

    pub(super) fn id(&self, now: &Now<'_>, action: &str, place: &Place<'_>) -> String {
        let hop = format!("{}-{}-{action}", now.hop.platform, now.leg.hop.to);
        // Nodes that catch up first may move again in the same hop.
        let hop = match now.release == now.leg.hop.to {
            true => hop,
            false => format!("{hop}-to-{}", now.release),
        };
        match place {
            Place::Cluster => hop,
            Place::ControlPlaneNode(node) | Place::Worker(_, node) => format!("{hop}-{node}"),
            Place::Pool(pool) => format!("{hop}-{}", pool.shown()),
        }
    }

    pub(super) fn gates(&self, now: &Now<'_>, gates: &Gates, drain: &Drain) -> Vec<String> {
        match gates {
            Gates::Nothing => Vec::new(),
            Gates::Drain => drain.gates.iter().cloned().collect(),
            Gates::Hop => {
                let here = self.findings.iter().filter(|finding| {
                    blocks(finding, &now.hop) && (now.is_first || finding.hop.is_some())
                });
                here.map(|finding| finding.fingerprint.clone()).collect()
            }
        }
    }

    fn condition(&self, now: &Now<'_>, done: &Done, place: &Place<'_>) -> Condition {
        let goal = Goal::new(now.release, now.leg.reach);
        let node = match place {
            Place::ControlPlaneNode(node) | Place::Worker(_, node) => Some((*node).to_owned()),
            Place::Cluster | Place::Pool(_) => None,
        };
        match done {
            Done::ByHand => Condition::ByHand,
            Done::Backup(hours) => Condition::Backup {
                within_seconds: u64::from(*hours) * 3600,
            },
            Done::ApiServer => Condition::ApiServer(goal),
            Done::Emulation => Condition::Emulation {
                minor: now.leg.hop.minor.to_string(),
            },
            Done::ControlPlane => Condition::ControlPlane { node, goal },
            Done::ControlPlaneObject => match &self.layout.machines {
                machines if machines.here && machines.control_plane_kind == KUBEADM => {
                    Condition::ControlPlaneObject {
                        namespace: machines.namespace.clone(),
                        name: machines.control_plane.clone(),
                        goal,
                    }
                }
                // No component of a managed one can be seen.
                _ if self.layout.control_plane.is_empty() => Condition::ApiServer(goal),
                _ => Condition::ControlPlane { node, goal },
            },
            Done::MachineDeployment | Done::Nodes => match (place, &self.layout.machines) {
                (Place::Pool(pool), machines)
                    if *done == Done::MachineDeployment
                        && machines.deployments.contains_key(&pool.name) =>
                {
                    Condition::MachineDeployment {
                        namespace: machines.namespace.clone(),
                        name: pool.name.clone(),
                        goal,
                    }
                }
                _ => Condition::Nodes {
                    of: match (place, node) {
                        (_, Some(node)) => Nodes::Node(node),
                        (Place::Pool(pool), None) => Nodes::Pool(pool.name.clone()),
                        _ => Nodes::Pool(String::new()),
                    },
                    goal,
                },
            },
            Done::NoBlockers => Condition::NoBlockers {
                hop: now.hop.clone(),
            },
            Done::KubeProxy => Condition::KubeProxy(goal),
        }
    }

    /// What the procedure says, and what the drain adds to it.
    fn takes(&self, action: &Action, place: &Place<'_>, drain: &Drain) -> Takes {
        let pool = match place {
            Place::Pool(pool) => {
                Some((pool.nodes.len() as u64, pool.pace.at_a_time(self.parallel)))
            }
            _ => None,
        };
        let Some(takes) = &action.takes else {
            // An assumption that nothing is reckoned with is not worth a word.
            let told = pool.filter(|(_, at_a_time)| !at_a_time.is_assumed);
            let why = told.map(|(_, at_a_time)| format!("; {}", at_a_time.why));
            return Takes {
                basis: format!("{NOT_PUBLISHED}{}", why.unwrap_or_default()),
                ..Takes::default()
            };
        };
        let mut takes = Takes {
            low: Some(takes.low),
            high: Some(takes.high),
            basis: takes.basis.clone(),
        };
        if let Some((nodes, at_a_time)) = pool {
            let rounds = nodes.div_ceil(at_a_time.nodes);
            takes.low = takes.low.map(|low| low * rounds);
            takes.high = takes.high.map(|high| high * rounds);
            takes.basis = format!("{} ({nodes} nodes in all; {})", takes.basis, at_a_time.why);
        }
        if action.gates != Gates::Drain || self.here.is_none() {
            return takes;
        }
        if !self.drains.seen {
            takes.high = None;
            takes.basis = format!("{}; what is drained could not be seen", takes.basis);
        } else if let Some(budget) = drain.budgets.first() {
            takes.high = None;
            takes.basis = format!(
                "{}; the budget {budget} allows no eviction now, and nobody knows for how long",
                takes.basis
            );
        } else if drain.pods > 0 {
            takes.high = takes.high.map(|high| high + drain.grace);
            takes.basis = format!("{}; pods may take {} s to go", takes.basis, drain.grace);
        }
        takes
    }

    /// A step of the whole cluster, with nothing in it but what it is and how to tell that it is done.
    pub(super) fn blank(
        &self,
        now: &Now<'_>,
        id: &str,
        title: String,
        done_when: Condition,
    ) -> Step {
        Step {
            id: self.id(now, id, &Place::Cluster),
            hop: now.hop.clone(),
            scope: self.scope(&Place::Cluster),
            title,
            state: super::State::Unknown,
            progress: None,
            commands: Vec::new(),
            gates: Vec::new(),
            done_when,
            takes: Takes {
                basis: NOT_PUBLISHED.to_owned(),
                ..Takes::default()
            },
            interrupts: Vec::new(),
            reversible: true,
            links: Vec::new(),
            objects: Vec::new(),
        }
    }

    /// A command of kubectl for this cluster, its words quoted already.
    pub(super) fn here_command(&self, line: &str) -> String {
        let context = self
            .here
            .and_then(|(picture, _)| picture.context.as_deref());
        fill::with_context(line, context)
    }
}

impl Pool {
    /// What people call it.
    fn shown(&self) -> &str {
        match self.name.as_str() {
            "" => "workers",
            name => name,
        }
    }
}

/// Writes beside the commands what somebody wants of a pool on purpose. Says whether it waits.
fn annotated(place: &Place<'_>, commands: &mut Vec<String>) -> bool {
    let Place::Pool(pool) = place else {
        return false;
    };
    if pool.pace == Pace::OnDelete {
        commands.push(fill::comment(ON_DELETE));
    }
    let held = pool.held.as_ref();
    if let Some(why) = held {
        commands.insert(0, fill::comment(&format!("held back: {why}")));
    }
    held.is_some()
}

/// Says where commands run that kubectl is not for.
fn on_node(node: &str, commands: Vec<String>) -> Vec<String> {
    let mut told = Vec::new();
    let mut there = false;
    for command in commands {
        let here = command.starts_with("kubectl ");
        if here == there {
            told.push(match here {
                true => "# where kubectl runs:".to_owned(),
                false => format!("# on {}:", super::fill::quoted(node)),
            });
            there = !here;
        }
        told.push(command);
    }
    told
}
