//! Ctrl-C and SIGTERM, whatever they find us at.

use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::eprint_line;
use super::exit::Exit;

/// As much as the first thread of a process has.
const STACK_BYTES: usize = 8 << 20;
/// What is at work may clean up after itself for so long: the line of progress, a file half written.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// Runs `work` on a thread of its own and ends when it is [told to](told_to_end), even where the thread waits for standard
/// input.
pub(super) fn run_interruptible(work: impl FnOnce() -> Exit + Send + 'static) -> Exit {
    let (sender, mut receiver) = oneshot::channel();
    let started = Builder::new_current_thread()
        .enable_all()
        .build()
        .and_then(|runtime| {
            let thread = thread::Builder::new().stack_size(STACK_BYTES);
            thread.spawn(move || {
                let _ = sender.send(work());
            })?;
            Ok(runtime)
        });
    let runtime = match started {
        Ok(runtime) => runtime,
        Err(error) => {
            eprint_line(false, &format!("error: starting a thread: {error}"));
            return Exit::CouldNotRun;
        }
    };
    runtime.block_on(async {
        tokio::select! {
            // Without an answer it has panicked, and said so.
            done = &mut receiver => done.unwrap_or(Exit::CouldNotRun),
            exit = shutdown_signal() => {
                let _ = tokio::time::timeout(SHUTDOWN_GRACE, receiver).await;
                exit
            }
        }
    })
}

/// Waits for Ctrl-C, or for what `kill`, a pipeline and the kubelet send; returns how to end then.
pub(super) async fn shutdown_signal() -> Exit {
    tokio::select! {
        Ok(()) = tokio::signal::ctrl_c() => Exit::Interrupted,
        () = terminated() => Exit::Terminated,
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    if let Ok(mut signals) = signal(SignalKind::terminate())
        && signals.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
