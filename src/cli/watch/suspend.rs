//! Ctrl-Z: while the process is stopped the terminal has its cursor, and then what was drawn is drawn again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the process was stopped and continued since it was last asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Continued(Arc<AtomicBool>);

impl Continued {
    /// Shows the cursor from now on whenever the process is to be stopped.
    pub(super) fn watch() -> Self {
        let continued = Self::default();
        #[cfg(unix)]
        tokio::spawn(stop_and_continue(continued.clone()));
        continued
    }

    /// Asks.
    pub(super) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }

    #[cfg(unix)]
    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(unix)]
async fn stop_and_continue(continued: Continued) {
    use console::Term;
    use rustix::process::{Signal, getpid, kill_process};
    use tokio::signal::unix::{SignalKind, signal};

    let receive = |kind: Signal| signal(SignalKind::from_raw(kind.as_raw()));
    let (Ok(mut stops), Ok(mut continues)) = (receive(Signal::TSTP), receive(Signal::CONT)) else {
        return;
    };
    while stops.recv().await.is_some() {
        let _ = Term::stdout().show_cursor();
        // The handler has replaced what the signal does by default.
        if kill_process(getpid(), Signal::STOP).is_ok() {
            continues.recv().await;
        }
        continued.set();
    }
}
