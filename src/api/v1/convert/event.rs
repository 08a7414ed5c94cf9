//! Events to `UpgradeEvent`.

use jiff::{SignedDuration, Timestamp};

use super::{ToDoc, same_fields, same_variants};
use crate::api::v1::{
    API_VERSION, DurationDoc, EventObjectDoc, EventScopeDoc, EventStepDoc, EventTypeDoc, PhaseDoc,
    PoolDoc, StepStateDoc, UpgradeEvent, UpgradeProgressDoc, WaitDoc,
};
use crate::conditions::CompletionStatus;
use crate::text::{human_duration, pluralize};
use crate::watch::{
    EventKind, EventObject, EventScope, PoolProgress, Progress, UpgradePhase, WaitChain, WatchEvent,
};

same_variants! {
    EventKind => EventTypeDoc { Picture, Progress, Stall, Blocker, Recovered, Outage, Back, Finished, Failed }
    UpgradePhase => PhaseDoc { Waiting, ControlPlane, Addons, Nodes, Platform, Finished }
}

same_fields! {
    EventObject => EventObjectDoc { kind, namespace, name, why }
}

impl UpgradeEvent {
    /// The event of a watch.
    #[must_use]
    pub fn new(event: &WatchEvent) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "UpgradeEvent".to_owned(),
            time: milliseconds(event.at),
            event_type: event.kind.to_doc(),
            scope: event.scope.to_doc(),
            message: event.message.clone(),
            objects: event.objects.to_doc(),
            progress: event.progress.to_doc(),
            pools: event.pools.to_doc(),
            chain: event
                .chain
                .as_ref()
                .map_or_else(Vec::new, |chain| chain.links.to_doc()),
            wait: event.chain.to_doc(),
            step: event.step.as_ref().map(|step| EventStepDoc {
                id: step.id.clone(),
                state: match step.status {
                    CompletionStatus::Done => StepStateDoc::Done,
                    CompletionStatus::InProgress { .. } => StepStateDoc::InProgress,
                    _ => StepStateDoc::Todo,
                },
            }),
            age: event.age_seconds,
        }
    }
}

impl ToDoc<WaitDoc> for WaitChain {
    fn to_doc(&self) -> WaitDoc {
        WaitDoc {
            cause: self.cause.id().to_owned(),
            since: milliseconds(self.since),
            command: self.command.clone(),
            advice: self.advice().to_owned(),
        }
    }
}

impl ToDoc<EventScopeDoc> for EventScope {
    fn to_doc(&self) -> EventScopeDoc {
        let (level, name) = match self {
            Self::Cluster(name) => ("cluster", name),
            Self::Node(name) => ("node", name),
        };
        EventScopeDoc {
            level: level.to_owned(),
            name: name.clone(),
        }
    }
}

impl ToDoc<PoolDoc> for PoolProgress {
    fn to_doc(&self) -> PoolDoc {
        PoolDoc {
            name: Some(self.name.clone()).filter(|name| !name.is_empty()),
            control_plane: self.is_control_plane,
            nodes: self.old + self.settling + self.upgraded,
            done: self.upgraded,
            settling: self.settling,
        }
    }
}

impl ToDoc<UpgradeProgressDoc> for Progress {
    fn to_doc(&self) -> UpgradeProgressDoc {
        let seconds = |duration: SignedDuration| u64::try_from(duration.as_secs()).ok();
        UpgradeProgressDoc {
            done: self.done,
            total: self.total,
            percent: self.percent(),
            phase: self.phase.to_doc(),
            started_at: self.started_at.map(milliseconds),
            eta_seconds: self.remaining.map(|remaining| DurationDoc {
                low: seconds(remaining.low),
                high: seconds(remaining.high),
            }),
            basis: self.remaining.map_or_else(String::new, |remaining| {
                let nodes = pluralize(remaining.finished, "finished node");
                format!("{nodes} in {}", human_duration(remaining.elapsed))
            }),
        }
    }
}

/// A time of milliseconds, so that all are of the same length.
pub(super) fn milliseconds(at: Timestamp) -> String {
    format!("{at:.3}")
}
