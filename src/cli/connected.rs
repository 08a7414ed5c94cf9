//! A connection to a cluster, and the first look at it.

use std::io::{IsTerminal, stdin};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};

use super::args::SourceFlags;
use super::exit::Stop;
use super::interrupt::told_to_end;
use super::progress::progress;
use super::way::path_of;
use crate::catalog::Catalog;
use crate::cluster::kubeconfig::{ConnectError, Connection, Env};
use crate::cluster::{ReadOptions, Timeout, ClusterReader, DiscoveryError, kubeconfig};
use crate::detect;
use crate::need::{ClusterId, Request, Survey, plan};
use crate::path::Path;
use crate::report::terminal;
use crate::snapshot::Picture;

/// How long a credential plugin may take if nothing else is said: time for a person to log in.
const LOGIN: Duration = Duration::from_secs(120);

/// A connection that is ready to be used.
pub(super) struct Connected {
    connection: Connection,
    pub(super) reader: ClusterReader,
}

impl Connected {
    /// `program` goes into the `User-Agent`.
    pub(super) async fn new(
        flags: &SourceFlags,
        catalog: &Arc<Catalog>,
        program: &str,
    ) -> Result<Self, Stop> {
        let wanted = flags.connection.wanted(program);
        let mut connection = kubeconfig::resolve(&wanted, &Env::process()).map_err(connect)?;
        let reads_stdin = flags.filename.iter().any(|path| path.as_os_str() == "-");
        let may_ask = stdin().is_terminal() && !reads_stdin;
        let patience = flags.connection.patience();
        connection
            .authenticate(may_ask, login(patience, may_ask))
            .await
            .map_err(connect)?;
        let manner = ReadOptions {
            timeout: patience,
            page_size: flags.chunk_size,
            max_in_flight: flags.max_in_flight.into(),
        };
        let reader = ClusterReader::new(
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
    pub(super) async fn look(
        &self,
        flags: &SourceFlags,
        catalog: &Catalog,
    ) -> Result<(Picture, Path), Stop> {
        let survey = self.reader.discover().await;
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

    /// What there is to say of the read: that it had to wait, and that clocks differ where ours is the one of the report.
    pub(super) fn notes(&self, flags: &SourceFlags) -> Vec<String> {
        let apart = self.reader.clock_skew().filter(|_| flags.now.is_none());
        let waited = waited(self.reader.total_backoff());
        waited.into_iter().chain(apart.map(clocks)).collect()
    }

    /// Why there is no first look, on which cluster, and what is known here that may explain it.
    fn stop(&self, error: &DiscoveryError) -> Stop {
        let mut message = error.to_string();
        let server = &self.connection.server;
        let host = server.split_once("://").map_or(&**server, |(_, host)| host);
        if !message.contains(host) {
            message.push_str(&format!(" (the API server {server})"));
        }
        if error.is_auth_error()
            && let Some(expired) = self.connection.expired_client_certificate(Timestamp::now())
        {
            message.push_str(&format!("; {expired}"));
        }
        Stop::could_not_run(message)
    }
}

/// How long a credential plugin may take: as long as a request, but where it may ask a person not less than one needs.
fn login(patience: Timeout, may_ask: bool) -> Duration {
    match patience {
        Timeout::Idle(_) => LOGIN,
        Timeout::Total(time) if may_ask => time.max(LOGIN),
        Timeout::Total(time) => time,
        Timeout::Never => Duration::MAX,
    }
}

/// Why the read took longer than it had to.
fn waited(time: Duration) -> Option<String> {
    // Never less than it was, and at least a second.
    let seconds = time.as_millis().div_ceil(1000);
    (seconds > 0)
        .then(|| format!("waited {seconds} s in all for an API server that was busy or away"))
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
    if error.is_usage_error() {
        Stop::usage(error)
    } else {
        Stop::could_not_run(error)
    }
}

/// Runs what talks to an API server, until it is done or told to end.
pub(super) fn run<T>(work: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
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

/// What tells what runs. A platform is looked for everywhere, whatever the run is narrowed to: one that lies in another
/// namespace would seem not to be there.
pub(super) fn first_round(survey: &Survey, catalog: &Catalog) -> Vec<Request> {
    plan(&detect::needs(survey), survey, catalog, None)
}
