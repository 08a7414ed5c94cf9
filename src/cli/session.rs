//! A connection to a cluster, and the first look at it.

use std::io::{IsTerminal, stdin};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};

use super::args::SourceArgs;
use super::exit::CliError;
use super::signals::shutdown_requested;
use super::spinner::read_observer;
use super::target::path_from_detected;
use crate::catalog::Catalog;
use crate::client::{ClusterReader, DiscoveryError, ReadOptions, Timeout};
use crate::detect;
use crate::kubeconfig;
use crate::kubeconfig::{ConnectError, Connection, Env};
use crate::need::{ClusterId, Discovery, ReadRequest, read_plan};
use crate::path::UpgradePath;
use crate::report::terminal;
use crate::snapshot::{ClusterSnapshot, RedactionKey};

/// How long a credential plugin may take if nothing else is said: time for a person to log in.
const INTERACTIVE_EXEC_TIMEOUT: Duration = Duration::from_secs(120);

/// A connection that is ready to be used.
pub(super) struct ClusterSession {
    connection: Connection,
    pub(super) reader: ClusterReader,
}

impl ClusterSession {
    /// `program` goes into the `User-Agent`.
    pub(super) async fn new(
        flags: &SourceArgs,
        catalog: &Arc<Catalog>,
        program: &str,
    ) -> Result<Self, CliError> {
        let wanted = flags.connection.connect_options(program);
        let mut connection =
            kubeconfig::resolve(&wanted, &Env::process()).map_err(connect_error)?;
        let reads_stdin = flags.filename.iter().any(|path| path.as_os_str() == "-");
        let may_ask = stdin().is_terminal() && !reads_stdin;
        let patience = flags.connection.timeout();
        connection
            .authenticate(may_ask, exec_timeout(patience, may_ask))
            .await
            .map_err(connect_error)?;
        let manner = ReadOptions {
            timeout: patience,
            page_size: flags.chunk_size,
            max_in_flight: flags.max_in_flight.into(),
        };
        let reader = ClusterReader::new(
            &connection,
            manner,
            read_observer(flags.quiet, flags.redact),
            catalog.clone(),
        )
        .map_err(CliError::could_not_run)?;
        Ok(Self { connection, reader })
    }

    /// The first look: the survey, what tells what runs, and the path that follows from it. On a plain cluster that is
    /// its nodes; of platforms only what the survey says is served at all is asked for.
    pub(super) async fn discover(
        &self,
        flags: &SourceArgs,
        catalog: &Catalog,
    ) -> Result<(ClusterSnapshot, UpgradePath), CliError> {
        let discovery = self.reader.discover().await;
        let discovery = discovery.map_err(|error| self.discovery_error(&error))?;
        let connection = &self.connection;
        let id = match &connection.context {
            Some(context) => context.clone(),
            None => connection.server.clone(),
        };
        let requests = detection_requests(&discovery, catalog);
        let cluster = ClusterSnapshot {
            id: ClusterId(id),
            context: connection.context.clone(),
            server: connection.server.clone(),
            namespace: connection.namespace.clone(),
            // Boxed, for the compiler takes very long over the type of all that is awaited in it.
            ledger: self.reader.read(&requests, &discovery).boxed_local().await,
            discovery,
        };
        let path = path_from_detected(&cluster, flags, catalog)?;
        Ok((cluster, path))
    }

    /// What there is to say of the read: that it had to wait, and that clocks differ where ours is the one of the report.
    pub(super) fn notes(&self, flags: &SourceArgs) -> Vec<String> {
        let apart = self.reader.clock_skew().filter(|_| flags.now.is_none());
        let waited = wait_note(self.reader.total_backoff());
        waited
            .into_iter()
            .chain(apart.map(clock_skew_note))
            .collect()
    }

    /// Why there is no first look, on which cluster, and what is known here that may explain it.
    fn discovery_error(&self, error: &DiscoveryError) -> CliError {
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
        CliError::could_not_run(message)
    }
}

/// How long a credential plugin may take: as long as a request, but where it may ask a person not less than one needs.
fn exec_timeout(patience: Timeout, may_ask: bool) -> Duration {
    match patience {
        Timeout::Idle(_) => INTERACTIVE_EXEC_TIMEOUT,
        Timeout::Total(time) if may_ask => time.max(INTERACTIVE_EXEC_TIMEOUT),
        Timeout::Total(time) => time,
        Timeout::Never => Duration::MAX,
    }
}

/// Why the read took longer than it had to.
fn wait_note(time: Duration) -> Option<String> {
    // Never less than it was, and at least a second.
    let seconds = time.as_millis().div_ceil(1000);
    (seconds > 0)
        .then(|| format!("waited {seconds} s in all for an API server that was busy or away"))
}

/// What to say about clocks that differ, where ours is the one of the report.
fn clock_skew_note(apart: SignedDuration) -> String {
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

fn connect_error(error: ConnectError) -> CliError {
    if error.is_usage_error() {
        CliError::usage(error)
    } else {
        CliError::could_not_run(error)
    }
}

/// Runs a future that talks to an API server until it is done or a signal asks the process to end.
pub(super) fn run_until_shutdown<T>(
    work: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    let runtime = tokio::runtime::Handle::try_current().map_err(CliError::could_not_run)?;
    runtime.block_on(async {
        tokio::select! {
            result = work => result,
            exit = shutdown_requested() => Err(CliError {
                message: "interrupted".to_owned(),
                exit,
            }),
        }
    })
}

/// What tells what runs. A platform is looked for everywhere, whatever the run is narrowed to: one that lies in another
/// namespace would seem not to be there.
pub(super) fn detection_requests(discovery: &Discovery, catalog: &Catalog) -> Vec<ReadRequest> {
    let mut needs = detect::needs(discovery);
    // The UID tells the cluster from others. Without it the context does, so that a refusal is no gap.
    needs.push(RedactionKey::need());
    read_plan(&needs, discovery, catalog, None)
}
