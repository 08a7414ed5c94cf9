//! How to read, and who observes it.

use crate::kubeconfig::Timeout;

/// How to read.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions {
    /// The timeout of each request.
    pub timeout: Timeout,
    /// Objects per page of a paged list.
    pub page_size: u32,
    /// Maximum number of concurrent requests.
    pub max_in_flight: usize,
}

/// Receives the progress of a read, by default without doing anything.
pub trait ReadObserver: Send + Sync {
    /// More requests will be sent.
    fn on_planned(&self, _requests: usize) {}
    /// A list is requested.
    fn on_started(&self, _target: &str) {}
    /// The number of objects of a list that have been read so far.
    fn on_objects_read(&self, _target: &str, _objects: usize) {}
    /// A planned request is complete.
    fn on_finished(&self, _target: &str) {}
    /// The API server is throttling or unavailable, as the error says: the client waits and retries. Called once.
    fn on_backoff(&self, _error: &str) {}
}

/// Ignores all events.
#[derive(Debug, Clone, Copy)]
pub struct NoopObserver;

impl ReadObserver for NoopObserver {}
