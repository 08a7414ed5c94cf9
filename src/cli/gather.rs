//! From flags to a snapshot and a path: a live cluster, a saved picture, or files alone.

use std::io::{IsTerminal, Write, stdin};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};

use super::args::SourceFlags;
use super::exit::Stop;
use super::interrupt::told_to_end;
use super::policy::choice;
use super::progress::progress;
use super::pseudonyms::{key, redact};
use super::way::{find_path, from, of_kubernetes, path_of, under_way};
use crate::catalog::{Catalog, Release};
use crate::check;
use crate::cluster::kubeconfig::{ConnectError, Connection, Env};
use crate::cluster::{Manner, Patience, Reader, SurveyError, files, kubeconfig};
use crate::detect;
use crate::need::{Asking, ClusterId, Need, Request, Survey, plan};
use crate::path::{Path, Start};
use crate::report::terminal;
use crate::snapshot::{self, Interest, Picture, Snapshot};

/// How much of an event of the log is shown.
const LONGEST_EVENT: usize = 4000;

/// How long a credential plugin may take if nothing else is said: time for a person to log in.
const LOGIN: Duration = Duration::from_secs(120);

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
        let connected = Connected::new(flags, catalog, task).await?;
        let (mut picture, path) = connected.look(flags, catalog).await?;
        let mut requests = plan_for(&picture, &path, flags, catalog, task)?;
        requests.retain(|request| !picture.holds(request));
        let readings = connected.reader.read(&requests, &picture.survey);
        // Boxed, as the first round.
        picture.add(readings.boxed_local().await);
        let now = Timestamp::now();
        let apart = connected
            .reader
            .clocks_apart()
            .filter(|_| flags.now.is_none());
        let waited = waited(connected.reader.waited());
        Ok(Gathered {
            snapshot: Snapshot {
                redacted: false,
                taken_at: now,
                clusters: vec![picture],
                files: snapshot::Files::default(),
            },
            path,
            now,
            notes: waited.into_iter().chain(apart.map(clocks)).collect(),
        })
    })
}

/// Why the read took longer than it had to.
fn waited(time: Duration) -> Option<String> {
    // Never less than it was, and at least a second.
    let seconds = time.as_millis().div_ceil(1000);
    (seconds > 0)
        .then(|| format!("waited {seconds} s in all for an API server that was busy or away"))
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
        let connected = Connected::new(flags, catalog, task).await?;
        let (picture, path) = connected.look(flags, catalog).await?;
        let requests = plan_for(&picture, &path, flags, catalog, task)?;
        let user = match &flags.connection.impersonate {
            Some(user) => Some(user.clone()),
            None => connected.reader.refused_user(&requests).await,
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

/// A connection that is ready to be used.
struct Connected {
    connection: Connection,
    reader: Reader,
}

impl Connected {
    async fn new(flags: &SourceFlags, catalog: &Arc<Catalog>, task: &Task) -> Result<Self, Stop> {
        let wanted = flags.connection.wanted(task.program);
        let mut connection = kubeconfig::connection(&wanted, &Env::process()).map_err(connect)?;
        let reads_stdin = flags.filename.iter().any(|path| path.as_os_str() == "-");
        let may_ask = stdin().is_terminal() && !reads_stdin;
        let patience = flags.connection.patience();
        connection
            .authenticate(may_ask, login(patience, may_ask))
            .await
            .map_err(connect)?;
        let manner = Manner {
            patience,
            chunk: flags.chunk_size,
            in_flight: flags.max_in_flight.into(),
        };
        let reader = Reader::new(
            &connection,
            manner,
            progress(flags.quiet, flags.redact),
            catalog.clone(),
        )
        .map_err(Stop::could_not_run)?;
        Ok(Self { connection, reader })
    }

    /// The first look: the survey, what tells what runs, and the path that follows from it. On a plain cluster that is
    /// its nodes; of platforms only what the survey says is served at all is asked for.
    async fn look(&self, flags: &SourceFlags, catalog: &Catalog) -> Result<(Picture, Path), Stop> {
        let survey = self.reader.survey().await;
        let survey = survey.map_err(|error| self.stop(&error))?;
        let connection = &self.connection;
        let id = match &connection.context {
            Some(context) => context.clone(),
            None => connection.server.clone(),
        };
        let requests = first_round(&survey, catalog);
        let picture = Picture {
            id: ClusterId(id),
            context: connection.context.clone(),
            server: connection.server.clone(),
            namespace: connection.namespace.clone(),
            // Boxed, for the compiler takes very long over the type of all that is awaited in it.
            readings: self.reader.read(&requests, &survey).boxed_local().await,
            survey,
        };
        let path = path_of(&picture, flags, catalog)?;
        Ok((picture, path))
    }

    /// Why there is no first look, on which cluster, and what is known here that may explain it.
    fn stop(&self, error: &SurveyError) -> Stop {
        let mut message = error.to_string();
        let server = &self.connection.server;
        let host = server.split_once("://").map_or(&**server, |(_, host)| host);
        if !message.contains(host) {
            message.push_str(&format!(" (the API server {server})"));
        }
        if error.is_about_who_we_are()
            && let Some(expired) = self.connection.expired(Timestamp::now())
        {
            message.push_str(&format!("; {expired}"));
        }
        Stop::could_not_run(message)
    }
}

/// How long a credential plugin may take: as long as a request, but where it may ask a person not less than one needs.
fn login(patience: Patience, may_ask: bool) -> Duration {
    match patience {
        Patience::Idle(_) => LOGIN,
        Patience::Total(time) if may_ask => time.max(LOGIN),
        Patience::Total(time) => time,
        Patience::Endless => Duration::MAX,
    }
}

/// What to say about clocks that differ, where ours is the one of the report.
fn clocks(apart: SignedDuration) -> String {
    let direction = if apart.is_negative() {
        "ahead of"
    } else {
        "behind"
    };
    // To the minute: more than that nobody can say, the answer was on its way.
    let minutes = (apart.abs().as_secs() + 30) / 60;
    format!(
        "the clock here is {} {direction} that of the API server: ages, and whether certificates and waivers have expired, \
         are judged by the clock here; set it, or give the right time with --now",
        terminal::human_duration(SignedDuration::from_mins(minutes))
    )
}

fn connect(error: ConnectError) -> Stop {
    if error.is_usage() {
        Stop::usage(error)
    } else {
        Stop::could_not_run(error)
    }
}

/// Runs what talks to an API server, until it is done or told to end.
fn run<T>(work: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Stop::could_not_run(format!("starting threads: {error}")))?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = work => result,
            exit = told_to_end() => Err(Stop {
                message: "interrupted".to_owned(),
                exit,
            }),
        }
    });
    // A decoder that still waits for a dead connection must not hold the process.
    runtime.shutdown_background();
    result
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

/// What tells what runs. A platform is looked for everywhere, whatever the run is narrowed to: one that lies in another
/// namespace would seem not to be there.
fn first_round(survey: &Survey, catalog: &Catalog) -> Vec<Request> {
    plan(&detect::needs(survey), survey, catalog, None)
}

fn log(flags: &SourceFlags) {
    let level = match flags.verbosity {
        // Events name what they are about.
        _ if flags.redact => "off",
        // What libraries log of an error is in our own message already.
        0..=3 => "off,kubectl_upgrade=warn",
        4..=5 => "off,kubectl_upgrade=info",
        6..=7 => "off,kubectl_upgrade=debug",
        _ => "info,kubectl_upgrade=trace",
    };
    // A second call, as tests make, changes nothing.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(level))
        .with_writer(|| Escaping)
        .without_time()
        // It would panic where stderr is closed.
        .log_internal_errors(false)
        .try_init();
}

/// Standard error for logs: what came from a cluster is escaped, each event stays one line.
struct Escaping;

impl Write for Escaping {
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = terminal::bounded(text.trim_end_matches('\n'), LONGEST_EVENT);
        writeln!(std::io::stderr(), "{line}")?;
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}
