//! From the procedures of each hop to steps with this cluster's own names.

use crate::catalog::{Action, Done, Each, Gates, Minor, Phase, Release};
use crate::check::{Finding, Situation};
use crate::detect::Detected;
use crate::path::HopRef;
use crate::progress::{Condition, Goal, Nodes, Progress, blocks, progress};
use crate::snapshot::Picture;

use super::course::{Course, Leg};
use super::drain::{Drain, Drains};
use super::fill::Values;
use super::layout::{Layout, Pool, here};
use super::pools::{Moves, moves};
use super::{Level, Scope, Step, Takes, addons, apis, cluster_name, fill, state};

/// The kind of object whose machines can be counted.
const KUBEADM: &str = "kubeadmcontrolplane";

/// A step that is still to be told how far it is.
pub(super) struct Draft {
    pub(super) step: Step,
    pub(super) implied: bool,
    /// Whether it is judged by the cluster as it is now, which tells nothing of a hop that is not next.
    pub(super) is_of_now: bool,
}

/// What steps of every hop are made from.
pub(super) struct Work<'a> {
    pub(super) situation: &'a Situation<'a>,
    pub(super) findings: &'a [Finding],
    here: Option<(&'a Picture, &'a Detected)>,
    layout: Layout,
    drains: Drains,
    /// For each pool of the layout.
    moves: Vec<Moves>,
    /// What is done to add-ons.
    pub(super) addons: Vec<addons::Move>,
}

/// One hop of them.
pub(super) struct Now<'a> {
    pub(super) leg: &'a Leg<'a>,
    pub(super) hop: HopRef,
    /// Whether it is the first of the plan.
    pub(super) is_first: bool,
    /// The release that nodes get: that of the hop, unless they catch up.
    release: &'a str,
    /// Of the hops of Kubernetes.
    pub(super) number: usize,
}

/// Where a step is done.
enum Place<'a> {
    Cluster,
    ControlPlaneNode(&'a str),
    Pool(&'a Pool),
    Worker(&'a Pool, &'a str),
}

pub(super) fn steps<'a>(
    situation: &'a Situation<'a>,
    findings: &'a [Finding],
    course: &'a Course<'a>,
) -> Vec<Step> {
    let work = Work::new(situation, findings, course);
    let mut steps = Vec::new();
    let mut number = 0;
    let mut is_next = true;
    for (at, leg) in course.legs.iter().enumerate() {
        let now = Now {
            leg,
            hop: HopRef::from(&leg.hop),
            is_first: at == 0,
            release: &leg.hop.to,
            number,
        };
        let drafts = work.hop(&now);
        let told = work.told(drafts, is_next);
        let settled = |step: &Step| {
            matches!(step.done_when, Condition::ByHand) || step.state == super::State::Done
        };
        is_next &= told.iter().all(settled);
        steps.extend(told);
        number += usize::from(leg.is_kubernetes());
    }
    steps
}

impl<'a> Work<'a> {
    fn new(situation: &'a Situation<'a>, findings: &'a [Finding], course: &Course<'_>) -> Self {
        let here = here(situation);
        let layout = Layout::new(situation);
        let drains = here.map(|(picture, _)| Drains::new(situation, picture, findings));
        let legs = || course.legs.iter().filter(|leg| leg.is_kubernetes());
        let minors: Vec<Minor> = legs().map(|leg| leg.hop.minor).collect();
        let procedures = legs().flat_map(|leg| &leg.procedures);
        let kubelets = procedures.filter_map(|procedure| procedure.kubelets.as_ref());
        let mut limits = kubelets.map(|kubelets| {
            let limit = kubelets.at_most.unwrap_or(u8::MAX);
            kubelets.may_lag.then_some(limit)
        });
        let at_most = limits.try_fold(u8::MAX, |least, limit| Some(least.min(limit?)));
        let server = here.map(|(_, detected)| detected.effective_minor);
        let moves = |pool: &Pool| {
            let oldest = pool.oldest.as_ref().map(crate::catalog::Release::minor);
            let oldest = oldest.or(situation.path.from);
            moves(oldest, server, &minors, at_most, situation.catalog)
        };
        let installed = here.map(|(_, detected)| detected.addons.as_slice());
        let addons = addons::moves(
            installed.unwrap_or_default(),
            server,
            &minors,
            situation.catalog,
        );
        Self {
            addons,
            situation,
            findings,
            here,
            drains: drains.unwrap_or_default(),
            moves: layout.pools.iter().map(moves).collect(),
            layout,
        }
    }

    /// The steps of one hop, in their order.
    fn hop(&self, now: &Now<'_>) -> Vec<Draft> {
        let mut drafts = Vec::new();
        if now.leg.procedures.is_empty() {
            drafts.extend(apis::steps(self, now));
            drafts.push(self.by_its_guide(now));
            return drafts;
        }
        for phase in [
            Phase::Prepare,
            Phase::Before,
            Phase::ControlPlane,
            Phase::After,
            Phase::Nodes,
            Phase::Finish,
        ] {
            let pools = self.moving(now);
            drafts.extend(self.phase(now, phase, &pools));
            match phase {
                Phase::Prepare => drafts.extend(self.catching_up(now)),
                Phase::Before => {
                    drafts.extend(apis::steps(self, now));
                    drafts.extend(addons::steps(self, now, phase));
                }
                Phase::After => drafts.extend(addons::steps(self, now, phase)),
                _ => {}
            }
        }
        drafts
    }

    /// Pools that move in this hop.
    fn moving(&self, now: &Now<'_>) -> Vec<&Pool> {
        let pools = self.layout.pools.iter().zip(&self.moves);
        let pools = pools.filter(|(_, moves)| moves.at.get(now.number) == Some(&true));
        pools.map(|(pool, _)| pool).collect()
    }

    /// Pools that would be too old for the first hop are brought to what the API server is now.
    fn catching_up(&self, now: &Now<'_>) -> Vec<Draft> {
        let Some((_, detected)) = self
            .here
            .filter(|_| now.number == 0 && now.leg.is_kubernetes())
        else {
            return Vec::new();
        };
        let pools = self.layout.pools.iter().zip(&self.moves);
        let pools: Vec<&Pool> = pools
            .filter(|(_, moves)| moves.catches_up)
            .map(|(pool, _)| pool)
            .collect();
        let release = detected.kubernetes.plain();
        let now = Now {
            release: &release,
            hop: now.hop.clone(),
            ..*now
        };
        self.phase(&now, Phase::Nodes, &pools)
    }

    fn phase(&self, now: &Now<'_>, phase: Phase, pools: &[&Pool]) -> Vec<Draft> {
        let actions = now
            .leg
            .procedures
            .iter()
            .flat_map(|procedure| &procedure.steps);
        let actions = actions.filter(|action| {
            action.phase == phase
                && action.hops.contains(now.leg.hop.minor)
                && (!action.crossing || now.leg.crosses())
        });
        let ours = &self.layout.control_plane;
        let mut drafts = Vec::new();
        for action in actions {
            let nodes: &[String] = match action.each {
                Each::FirstControlPlaneNode => ours.get(..1).unwrap_or_default(),
                Each::OtherControlPlaneNodes => ours.get(1..).unwrap_or_default(),
                Each::ControlPlaneNodes => ours,
                Each::Once => {
                    drafts.push(self.draft(now, action, &Place::Cluster));
                    continue;
                }
                Each::Pool | Each::Node => {
                    drafts.extend(self.of_pools(now, action, pools));
                    continue;
                }
            };
            let place = nodes.iter().map(|node| Place::ControlPlaneNode(node));
            drafts.extend(place.map(|place| self.draft(now, action, &place)));
        }
        drafts
    }

    fn of_pools(&self, now: &Now<'_>, action: &Action, pools: &[&Pool]) -> Vec<Draft> {
        let places = pools.iter().flat_map(|pool| match action.each {
            Each::Node => pool
                .nodes
                .iter()
                .map(|node| Place::Worker(pool, node))
                .collect(),
            _ => vec![Place::Pool(pool)],
        });
        places
            .map(|place| self.draft(now, action, &place))
            .collect()
    }

    fn draft(&self, now: &Now<'_>, action: &Action, place: &Place<'_>) -> Draft {
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
        Draft {
            implied: action.implied,
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
    fn of_hop(&self, now: &Now<'_>) -> Vec<String> {
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
        let mut pairs = vec![
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

    fn scope(&self, place: &Place<'_>) -> Scope {
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

    fn id(&self, now: &Now<'_>, action: &str, place: &Place<'_>) -> String {
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

    fn gates(&self, now: &Now<'_>, gates: &Gates, drain: &Drain) -> Vec<String> {
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
                        && machines.deployments.contains(&pool.name) =>
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
        let Some(takes) = &action.takes else {
            return Takes {
                basis: "nobody published how long it takes".to_owned(),
                ..Takes::default()
            };
        };
        let mut takes = Takes {
            low: Some(takes.low),
            high: Some(takes.high),
            basis: takes.basis.clone(),
        };
        if let Place::Pool(pool) = place {
            let nodes = pool.nodes.len() as u64;
            takes.low = takes.low.map(|low| low * nodes);
            takes.high = takes.high.map(|high| high * nodes);
            takes.basis = format!("{} ({nodes} nodes, one at a time)", takes.basis);
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

    /// A hop of a platform whose procedure is not in the catalog.
    fn by_its_guide(&self, now: &Now<'_>) -> Draft {
        let hop = &now.leg.hop;
        let name = hop.platform.parse().ok();
        let platform = name.and_then(|name| self.situation.catalog.platform(name));
        let title = platform.map_or(hop.platform.as_str(), |platform| &platform.title);
        let from = hop.from.as_deref().map(|from| format!(" from {from}"));
        let done_when = name.map_or(Condition::ByHand, |platform| Condition::Platform {
            platform,
            release: hop.to.clone(),
        });
        let title = format!(
            "Upgrade {title}{} to {}, as its guide says",
            from.unwrap_or_default(),
            hop.to
        );
        Draft {
            implied: false,
            is_of_now: false,
            step: Step {
                gates: self.gates(now, &Gates::Hop, &Drain::default()),
                reversible: false,
                links: self.of_hop(now),
                ..self.blank(now, "upgrade", title, done_when)
            },
        }
    }

    /// The steps of a hop, with how far each of them is.
    fn told(&self, drafts: Vec<Draft>, is_next: bool) -> Vec<Step> {
        let mut later_is_begun = false;
        let mut steps: Vec<Step> = drafts
            .into_iter()
            .rev()
            .map(|draft| {
                let mut step = draft.step;
                let seen = self.seen(&step.done_when, draft.is_of_now && !is_next);
                let progress = match seen {
                    Progress::Done | Progress::Doing { .. } => seen,
                    _ if draft.implied && later_is_begun => Progress::Done,
                    _ => seen,
                };
                later_is_begun |=
                    matches!(progress, Progress::Done | Progress::Doing { .. }) && !draft.is_of_now;
                (step.state, step.progress) = state(progress, !step.gates.is_empty());
                step
            })
            .collect();
        steps.reverse();
        steps
    }

    fn seen(&self, condition: &Condition, is_too_early: bool) -> Progress {
        match (self.here, condition) {
            (_, Condition::ByHand) => Progress::ByHand,
            (None, _) => Progress::Todo,
            (Some(_), Condition::NoBlockers { .. }) if is_too_early => Progress::Todo,
            (Some(here), condition) => progress(condition, self.situation, here, self.findings),
        }
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
                basis: "nobody published how long it takes".to_owned(),
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
