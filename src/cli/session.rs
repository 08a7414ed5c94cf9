//! A connection to a cluster: authentication, discovery and detection.

use std::io::{IsTerminal, stdin};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};

use super::args::SourceArgs;
use super::console::Console;
use super::exit::CliError;
use super::progress::read_observer;
use super::signals::shutdown_requested;
use crate::catalog::{Catalog, GroupResource};
use crate::client::{ClusterReader, DiscoveryError, ReadObserver, ReadOptions, Timeout};
use crate::detect::{self, kubeconfig_references_need};
use crate::kubeconfig;
use crate::kubeconfig::{ConnectError, ConnectOptions, Connection, Env};
use crate::need::{ClusterId, DetailLevel, Discovery, ListSelector, Need, ReadRequest, read_plan};
use crate::snapshot::{ClusterSnapshot, ReadOutcome, ReadResult, RedactionKey};
use crate::text::human_duration;

/// Default timeout of a credential plugin: time for a person to log in.
const INTERACTIVE_EXEC_TIMEOUT: Duration = Duration::from_secs(120);

/// An authenticated connection.
pub(super) struct ClusterSession {
    pub(super) connection: Connection,
    pub(super) reader: ClusterReader,
    /// How results name the cluster.
    pub(super) id: ClusterId,
}

impl ClusterSession {
    /// Of the connection flags. `program` goes into the `User-Agent`.
    pub(super) async fn new(
        flags: &SourceArgs,
        catalog: &'static Catalog,
        program: &str,
    ) -> Result<Self, CliError> {
        let connection = connect(program, &flags.connection, !flags.reads_stdin()).await?;
        let observer = read_observer(Console::new(&flags.log), flags.read.redact);
        Self::open(connection, None, flags, observer, catalog)
    }

    /// Of a connection. Without an `id`, the cluster is called after its context or the URL of its API server.
    pub(super) fn open(
        connection: Connection,
        id: Option<ClusterId>,
        flags: &SourceArgs,
        observer: Arc<dyn ReadObserver>,
        catalog: &'static Catalog,
    ) -> Result<Self, CliError> {
        let options = ReadOptions {
            timeout: flags.connection.timeout(),
            page_size: flags.read.chunk_size,
            max_in_flight: flags.read.max_in_flight.into(),
        };
        let reader = ClusterReader::new(&connection, options, observer, catalog)
            .map_err(CliError::could_not_run)?;
        Ok(Self {
            id: id.unwrap_or_else(|| default_id(&connection)),
            connection,
            reader,
        })
    }

    /// Reads discovery and what detection needs. On a plain cluster detection needs only nodes; of platforms it reads only
    /// the kinds that discovery lists.
    pub(super) async fn discover(
        &self,
        flags: &SourceArgs,
        catalog: &Catalog,
    ) -> Result<ClusterSnapshot, CliError> {
        let discovery = self.read_discovery().await?;
        let connection = &self.connection;
        let mut needs = detection_needs(&discovery);
        if !flags.fleet.clusters.is_empty() {
            needs.push(kubeconfig_references_need());
        }
        let requests = read_plan(&needs, &discovery, catalog, None);
        let cluster = ClusterSnapshot {
            id: self.id.clone(),
            context: connection.context.clone(),
            server: connection.server.clone(),
            namespace: connection.namespace.clone(),
            // Boxed: the compiler takes very long over the type of the whole future.
            ledger: self.reader.read(&requests, &discovery).boxed_local().await,
            discovery,
        };
        self.check_namespace(&cluster.discovery, catalog).await?;
        Ok(cluster)
    }

    /// Checks that the namespace that the run is narrowed to exists: of one that does not, every list is empty. A user who
    /// may not list namespaces has permissions in this one.
    async fn check_namespace(
        &self,
        discovery: &Discovery,
        catalog: &Catalog,
    ) -> Result<(), CliError> {
        let Some(namespace) = &self.connection.namespace else {
            return Ok(());
        };
        let selector = ListSelector::by_fields(format!("metadata.name={namespace}"));
        let namespaces = GroupResource::new("", "namespaces");
        let need = Need::selected(namespaces, selector, DetailLevel::Metadata);
        let requests = read_plan(&[need], discovery, catalog, None);
        let results = self.reader.read(&requests, discovery).boxed_local().await;
        let is_missing =
            |result: &ReadResult| result.outcome == ReadOutcome::Complete && result.rows.is_empty();
        match results.iter().any(is_missing) {
            true => Err(CliError::could_not_run(format!(
                "namespace {namespace:?} does not exist (API server {})",
                self.connection.server
            ))),
            false => Ok(()),
        }
    }

    /// Reads the version of the API server and the APIs that it serves.
    pub(super) async fn read_discovery(&self) -> Result<Discovery, CliError> {
        let discovery = self.reader.discover().await;
        discovery.map_err(|error| self.discovery_error(&error))
    }

    /// Notes about the read: time spent waiting, clock skew unless --now is given, and what the API server warned of.
    pub(super) fn notes(&self, flags: &SourceArgs) -> Vec<String> {
        let apart = self
            .reader
            .clock_skew()
            .filter(|_| flags.read.now.is_none());
        let waited = wait_note(self.reader.total_backoff());
        // They may name objects.
        let warnings = match flags.read.redact {
            true => Vec::new(),
            false => self.reader.server_warnings(),
        };
        let warnings = warnings.iter();
        waited
            .into_iter()
            .chain(apart.map(clock_skew_note))
            .chain(warnings.map(|warning| format!("warning: the API server says: {warning}")))
            .collect()
    }

    /// Why discovery failed, on which cluster, and a likely cause.
    fn discovery_error(&self, error: &DiscoveryError) -> CliError {
        let mut message = error.to_string();
        let server = &self.connection.server;
        let host = server.split_once("://").map_or(&**server, |(_, host)| host);
        if !message.contains(host) {
            message.push_str(&format!(" (API server {server})"));
        }
        if error.is_auth_error()
            && let Some(expired) = self.connection.expired_client_certificate(Timestamp::now())
        {
            message.push_str(&format!("; {expired}"));
        }
        CliError::could_not_run(message)
    }
}

/// The name of the context, or the URL of the API server without one.
pub(super) fn default_id(connection: &Connection) -> ClusterId {
    let context = connection.context.as_ref();
    ClusterId(context.unwrap_or(&connection.server).clone())
}

/// Resolves the connection flags and authenticates. A credential plugin may ask a person on a terminal, if it `may_ask`.
pub(super) async fn connect(
    program: &str,
    flags: &ConnectOptions,
    may_ask: bool,
) -> Result<Connection, CliError> {
    let options = ConnectOptions {
        program: program.to_owned(),
        ..flags.clone()
    };
    let mut connection = kubeconfig::resolve(&options, &Env::process()).map_err(connect_error)?;
    let may_ask = may_ask && stdin().is_terminal();
    connection
        .authenticate(may_ask, exec_timeout(options.timeout(), may_ask))
        .await
        .map_err(connect_error)?;
    Ok(connection)
}

/// Timeout of a credential plugin: that of a request, but long enough for a person if it may prompt.
fn exec_timeout(timeout: Timeout, may_ask: bool) -> Duration {
    match timeout {
        Timeout::Idle(_) => INTERACTIVE_EXEC_TIMEOUT,
        Timeout::Total(time) if may_ask => time.max(INTERACTIVE_EXEC_TIMEOUT),
        Timeout::Total(time) => time,
        Timeout::Never => Duration::MAX,
    }
}

/// Note on the time spent waiting.
fn wait_note(time: Duration) -> Option<String> {
    // Rounded up.
    let seconds = time.as_millis().div_ceil(1000);
    (seconds > 0)
        .then(|| format!("spent {seconds} s waiting for the API server (throttled or unavailable)"))
}

/// Note on the difference of the clocks.
fn clock_skew_note(apart: SignedDuration) -> String {
    let direction = if apart.is_negative() {
        "ahead of"
    } else {
        "behind"
    };
    // To the minute: the response took time as well.
    let minutes = (apart.abs().as_secs() + 30) / 60;
    format!(
        "the local clock is {} {direction} the API server's clock: ages and expiry dates use the local clock; \
         set it, or pass the correct time with --now",
        human_duration(SignedDuration::from_mins(minutes))
    )
}

pub(super) fn connect_error(error: ConnectError) -> CliError {
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

/// What detection reads. It covers all namespaces even with `-n`: a platform in another namespace would be missed.
fn detection_needs(discovery: &Discovery) -> Vec<Need> {
    let mut needs = detect::needs(discovery);
    // The UID tells the cluster from others. Without it the context does, so that a refusal is no gap.
    needs.push(RedactionKey::need());
    needs
}

/// The requests of detection.
pub(super) fn detection_requests(discovery: &Discovery, catalog: &Catalog) -> Vec<ReadRequest> {
    read_plan(&detection_needs(discovery), discovery, catalog, None)
}
