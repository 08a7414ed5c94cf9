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

/// Receives the progress of a read.
pub trait ReadObserver: Send + Sync {
    /// `requests` more requests will be sent.
    fn on_planned(&self, requests: usize);
    /// The list of `target` is requested.
    fn on_started(&self, target: &str);
    /// `objects` of `target` have been read so far.
    fn on_objects_read(&self, target: &str, objects: usize);
    /// A planned request is complete.
    fn on_finished(&self, target: &str);
    /// The API server is throttling or unavailable, as `error` says: the client waits and retries. Called once.
    fn on_backoff(&self, error: &str);
}

/// Ignores all events.
#[derive(Debug, Clone, Copy)]
pub struct NoopObserver;

impl ReadObserver for NoopObserver {
    fn on_planned(&self, _requests: usize) {}
    fn on_started(&self, _target: &str) {}
    fn on_objects_read(&self, _target: &str, _objects: usize) {}
    fn on_finished(&self, _target: &str) {}
    fn on_backoff(&self, _error: &str) {}
}
