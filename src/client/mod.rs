//! The client of the API server. It reads, it never writes.
//!
//! [`ClusterReader::discover`] reads the server's version and APIs; [`ClusterReader::read`] carries out a plan of requests
//! and returns ledger entries. A failed read is an entry with its error, never an empty list.
//!
//! Retries, refresh of credentials, timeouts and the read-only check are `layers` of one [`kube::Client`]; lists,
//! discovery and decoding build on it.

mod api_client;
mod auth;
mod clock_skew;
mod decode;
mod discovery;
pub mod error;
mod http_date;
mod http_layer;
mod layers;
mod ledger;
mod list;
mod options;
mod partition;
mod read_only;
mod reader;
mod response_body;
mod retry;
mod retry_after;
mod secret;
mod timeout;
mod transport;
mod watch;

pub use crate::kubeconfig::Timeout;
pub use decode::decode_objects;
pub use discovery::DiscoveryError;
pub use options::{NoopObserver, ReadObserver, ReadOptions};
pub use reader::ClusterReader;
pub use secret::SecretReadError;
pub use watch::WatchUpdate;
