//! The process's runtime and its signals.

use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};

use super::console::Console;
use super::exit::{CliError, Exit};
use super::terminal;

/// The usual size of a main thread's stack.
const STACK_BYTES: usize = 8 << 20;
/// How long the work may clean up after a signal: the progress line, a partially written file.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// The exit code that a signal asks for, once there was one.
static SHUTDOWN: LazyLock<watch::Sender<Option<Exit>>> = LazyLock::new(|| watch::Sender::new(None));

/// Runs `work` on a thread of its own, in the context of the process's runtime. Returns on a signal even if the thread
/// waits for standard input.
pub(super) fn run_interruptible(work: impl FnOnce() -> Exit + Send + 'static) -> Exit {
    let (sender, mut receiver) = oneshot::channel();
    let started = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .and_then(|runtime| {
            let thread = thread::Builder::new().stack_size(STACK_BYTES);
            let handle = runtime.handle().clone();
            thread.spawn(move || {
                let _context = handle.enter();
                let _ = sender.send(work());
            })?;
            Ok(runtime)
        });
    let runtime = match started {
        Ok(runtime) => runtime,
        Err(error) => {
            let message = format!("cannot start a thread: {error}");
            return Console::print_error(&CliError::could_not_run(message));
        }
    };
    let exit = runtime.block_on(async {
        tokio::select! {
            // Without an answer the thread has panicked, and printed why.
            done = &mut receiver => done.unwrap_or(Exit::CouldNotRun),
            exit = shutdown_signal() => {
                SHUTDOWN.send_replace(Some(exit));
                let _ = tokio::time::timeout(SHUTDOWN_GRACE, receiver).await;
                exit
            }
        }
    });
    // In case the work has not come to that.
    terminal::restore();
    // A decoder that still waits for a dead connection must not hold the process.
    runtime.shutdown_background();
    exit
}

/// Waits until a signal asks the process to end; returns its exit code.
pub(super) async fn shutdown_requested() -> Exit {
    let mut receiver = SHUTDOWN.subscribe();
    if let Ok(exit) = receiver.wait_for(Option::is_some).await
        && let Some(exit) = *exit
    {
        return exit;
    }
    std::future::pending().await
}

/// Waits for Ctrl-C or SIGTERM; returns its exit code.
async fn shutdown_signal() -> Exit {
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
