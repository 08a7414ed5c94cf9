//! From flags to a snapshot and a path: a live cluster, a saved picture, or files alone.

use std::io::stdin;
use std::sync::Arc;

use futures::FutureExt;
use jiff::Timestamp;

use super::args::SourceFlags;
use super::connected::{Connected, first_round, run};
use super::exit::Stop;
use super::log::log;
use super::policy::choice;
use super::pseudonyms::{key, redact};
use super::way::{find_path, from, of_kubernetes, path_of, under_way};
use crate::catalog::{Catalog, Release};
use crate::check;
use crate::cluster::files;
use crate::detect;
use crate::need::{Asking, ClusterId, Need, Request, Survey, plan};
use crate::path::{Path, Start};
use crate::snapshot::{self, Interest, Picture, Snapshot};

/// For what a cluster is read.
pub(super) struct Task {
    /// The program that reads, for the `User-Agent` header.
    pub(super) program: &'static str,
    /// What it looks at beyond what rules look at.
    needs: fn(&Survey) -> Vec<Need>,
    /// Whether it tells of hops that are under way.
    follows: bool,
}

/// `kubectl upgrade-check`.
pub(super) const CHECK: Task = Task {
    program: "kubectl-upgrade-check",
    needs: |_| Vec::new(),
    follows: false,
};

/// `kubectl upgrade-plan`.
pub(super) const PLAN: Task = Task {
    program: "kubectl-upgrade-plan",
    needs: crate::plan::needs,
    follows: true,
};

/// What both of them read, for `rbac`.
pub(super) const BOTH: Task = Task {
    program: CHECK.program,
    ..PLAN
};

/// What a check or a plan works on.
pub(super) struct Gathered {
    pub(super) snapshot: Snapshot,
    pub(super) path: Path,
    pub(super) now: Timestamp,
    /// To be said on stderr.
    pub(super) notes: Vec<String>,
}

/// Looks where the flags say.
pub(super) fn gather(
    flags: &SourceFlags,
    catalog: &Arc<Catalog>,
    task: &Task,
) -> Result<Gathered, Stop> {
    log(flags);
    let mut gathered = if flags.local {
        local(flags, catalog)?
    } else if let Some(file) = &flags.snapshot {
        saved(flags, file, catalog)?
    } else {
        live(flags, catalog, task)?
    };
    if !flags.filename.is_empty() {
        let interest = Interest {
            beside_cluster: !gathered.snapshot.clusters.is_empty(),
            from: gathered.path.from,
            // A saved picture may be asked about another target.
            to: None,
        };
        gathered.snapshot.files = files::read(&flags.filename, stdin().lock(), catalog, interest)
            .map_err(Stop::could_not_run)?;
    }
    if let Some(now) = flags.now {
        gathered.now = now;
    }
    if flags.redact {
        redact(&mut gathered, catalog)?;
    }
    let remarks = gathered.path.remarks.iter();
    gathered
        .notes
        .extend(remarks.map(|remark| format!("note: {remark}")));
    if task.follows && flags.to.is_empty() {
        let first = gathered.snapshot.clusters.first();
        gathered.notes.extend(first.and_then(under_way));
    }
    if gathered.path.hops.is_empty() && !task.follows {
        gathered.notes.push(format!(
            "no hop: the catalog of {} knows nothing newer to go to, or the target is reached; checking what holds without one",
            catalog.date
        ));
    }
    Ok(gathered)
}

/// Only files: no cluster, so none is missing.
fn local(flags: &SourceFlags, catalog: &Catalog) -> Result<Gathered, Stop> {
    let path = find_path(&from(flags, catalog)?, &of_kubernetes(&flags.to), catalog)?;
    let now = Timestamp::now();
    Ok(Gathered {
        snapshot: Snapshot {
            redacted: false,
            taken_at: now,
            clusters: Vec::new(),
            files: snapshot::Files::default(),
        },
        path,
        now,
        notes: Vec::new(),
    })
}

fn saved(flags: &SourceFlags, file: &std::path::Path, catalog: &Catalog) -> Result<Gathered, Stop> {
    let snapshot = snapshot::load(file).map_err(Stop::could_not_run)?;
    let path = match snapshot.clusters.first() {
        Some(picture) => path_of(picture, flags, catalog)?,
        None => find_path(&Start::default(), &of_kubernetes(&flags.to), catalog)?,
    };
    let now = snapshot.taken_at;
    let shown = match flags.redact {
        true => "the snapshot".to_owned(),
        false => file.display().to_string(),
    };
    Ok(Gathered {
        notes: vec![format!(
            "{shown} was taken at {now:.0}; that is the clock of this report"
        )],
        now,
        path,
        snapshot,
    })
}

fn live(flags: &SourceFlags, catalog: &Arc<Catalog>, task: &Task) -> Result<Gathered, Stop> {
    run(async {
        let connected = Connected::new(flags, catalog, task.program).await?;
        let (mut picture, path) = connected.look(flags, catalog).await?;
        let mut requests = plan_for(&picture, &path, flags, catalog, task)?;
        requests.retain(|request| !picture.holds(request));
        let readings = connected.reader.read(&requests, &picture.survey);
        // Boxed, as the first round.
        picture.add(readings.boxed_local().await);
        let now = Timestamp::now();
        Ok(Gathered {
            snapshot: Snapshot {
                redacted: false,
                taken_at: now,
                clusters: vec![picture],
                files: snapshot::Files::default(),
            },
            path,
            now,
            notes: connected.notes(flags),
        })
    })
}

/// What would be read, and who would have to be allowed to: for `rbac`.
pub(super) struct Access {
    pub(super) requests: Vec<Request>,
    /// Who we are, where the API server has said so.
    pub(super) user: Option<String>,
}

/// What would be read, without reading more than the first look, on which it depends.
pub(super) fn access(
    flags: &SourceFlags,
    catalog: &Arc<Catalog>,
    task: &Task,
) -> Result<Access, Stop> {
    log(flags);
    // A wrong id is told before a cluster is asked.
    choice(&flags.choice)?;
    let nobody = |requests| Access {
        requests,
        user: None,
    };
    if flags.local {
        let from = from(flags, catalog)?;
        let path = find_path(&from, &of_kubernetes(&flags.to), catalog)?;
        let from = from.kubernetes.ok_or_else(|| {
            Stop::usage(
                "rbac --local needs --from kubernetes=VERSION too: what is read depends on both ends of the path",
            )
        })?;
        let picture = presumed(from, catalog);
        return Ok(nobody(plan_for(&picture, &path, flags, catalog, task)?));
    }
    if let Some(file) = &flags.snapshot {
        let snapshot = snapshot::load(file).map_err(Stop::could_not_run)?;
        let picture = snapshot
            .clusters
            .first()
            .ok_or_else(|| Stop::usage(format!("{} holds no cluster", file.display())))?;
        let path = path_of(picture, flags, catalog)?;
        return Ok(nobody(plan_for(picture, &path, flags, catalog, task)?));
    }
    run(async {
        let connected = Connected::new(flags, catalog, task.program).await?;
        let (picture, path) = connected.look(flags, catalog).await?;
        let requests = plan_for(&picture, &path, flags, catalog, task)?;
        let user = match &flags.connection.impersonate {
            Some(user) => Some(user.clone()),
            None => connected.reader.user_from_forbidden(&requests).await,
        };
        Ok(Access { requests, user })
    })
}

/// A server of this release with nothing switched on or off: for plans without a cluster.
fn presumed(release: Release, catalog: &Catalog) -> Picture {
    let minor = release.minor();
    let served = catalog
        .apis
        .iter()
        .filter(|api| api.exists_in(minor) && api.served == crate::catalog::Served::Yes);
    Picture {
        id: ClusterId(String::new()),
        context: None,
        server: String::new(),
        namespace: None,
        survey: Survey {
            group_versions: served.map(|api| api.gvk().api_version()).collect(),
            git_version: release,
            emulated: None,
        },
        readings: Vec::new(),
    }
}

/// Everything that is to be read on this path, the first look included.
fn plan_for(
    picture: &Picture,
    path: &Path,
    flags: &SourceFlags,
    catalog: &Catalog,
    task: &Task,
) -> Result<Vec<Request>, Stop> {
    let survey = &picture.survey;
    let asking = Asking {
        path,
        catalog,
        survey,
    };
    let rules = choice(&flags.choice)?.of(check::rules().map_err(Stop::could_not_run)?);
    let detection = detect::needs(survey);
    let mut needs = check::needs(&rules, &asking);
    needs.extend((task.needs)(survey));
    if flags.redact {
        needs.extend(key(&needs));
    }
    needs.retain(|need| !detection.contains(need));
    let mut requests = plan(&needs, survey, catalog, picture.namespace.as_deref());
    requests.extend(first_round(survey, catalog));
    requests.sort_by(|a, b| a.subject.cmp(&b.subject));
    Ok(requests)
}
