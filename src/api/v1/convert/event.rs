//! Events to documents.

use super::same_variants;
use crate::api::v1::{
    API_VERSION, DurationDoc, EventObjectDoc, EventScopeDoc, EventTypeDoc, PhaseDoc, PoolDoc,
    UpgradeEvent, UpgradeProgressDoc,
};
use crate::text::{human_duration, pluralize};
use crate::watch::{self, EventKind, EventObject, EventScope, PoolProgress, Progress, UpgradePhase};

same_variants! {
    EventKind => EventTypeDoc { Picture, Progress, Stall, Recovered, Outage, Back, Finished }
    UpgradePhase => PhaseDoc { Waiting, ControlPlane, Addons, Nodes, Finished }
}

impl From<&watch::WatchEvent> for UpgradeEvent {
    fn from(event: &watch::WatchEvent) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "UpgradeEvent".to_owned(),
            time: format!("{:.3}", event.at),
            event_type: event.kind.into(),
            scope: (&event.scope).into(),
            message: event.message.clone(),
            objects: super::docs(&event.objects),
            progress: (&event.progress).into(),
            pools: super::docs(&event.pools),
            chain: super::docs(&event.chain),
            age: event.age_seconds,
        }
    }
}

impl From<&EventScope> for EventScopeDoc {
    fn from(scope: &EventScope) -> Self {
        let (level, name) = match scope {
            EventScope::Cluster(name) => ("cluster", name),
            EventScope::Pool(name) => ("pool", name),
            EventScope::Node(name) => ("node", name),
        };
        Self {
            level: level.to_owned(),
            name: name.clone(),
        }
    }
}

impl From<&EventObject> for EventObjectDoc {
    fn from(object: &EventObject) -> Self {
        Self {
            kind: object.kind.to_owned(),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            why: object.why.clone(),
        }
    }
}

impl From<&PoolProgress> for PoolDoc {
    fn from(pool: &PoolProgress) -> Self {
        Self {
            name: Some(pool.name.clone()).filter(|name| !name.is_empty()),
            control_plane: pool.is_control_plane,
            nodes: pool.old + pool.settling + pool.upgraded,
            done: pool.upgraded,
            settling: pool.settling,
        }
    }
}

impl From<&Progress> for UpgradeProgressDoc {
    fn from(progress: &Progress) -> Self {
        let seconds = |duration: jiff::SignedDuration| u64::try_from(duration.as_secs()).ok();
        Self {
            done: progress.done,
            total: progress.total,
            percent: progress.percent(),
            phase: progress.phase.into(),
            started_at: progress.started_at.map(|at| format!("{at:.3}")),
            eta_seconds: progress.remaining.map(|remaining| DurationDoc {
                low: seconds(remaining.low),
                high: seconds(remaining.high),
            }),
            basis: progress.remaining.map_or_else(String::new, |remaining| {
                let nodes = pluralize(remaining.finished, "finished node");
                format!("{nodes} in {}", human_duration(remaining.elapsed))
            }),
        }
    }
}
