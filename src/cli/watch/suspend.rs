//! Ctrl-Z: while the process is stopped, the shell has the terminal.

use super::super::terminal;

/// From now on the terminal is given back whenever the process is to be stopped.
pub(super) fn give_terminal_back_when_stopped() {
    #[cfg(unix)]
    tokio::spawn(stop_and_continue());
}

/// Asks all processes of the terminal to stop, as Ctrl-Z does if keys are not read one by one.
pub(super) fn stop() {
    #[cfg(unix)]
    {
        use rustix::process::{Signal, kill_current_process_group};
        let _ = kill_current_process_group(Signal::TSTP);
    }
}

#[cfg(unix)]
async fn stop_and_continue() {
    use rustix::process::{Signal, getpid, kill_process};
    use tokio::signal::unix::{SignalKind, signal};

    let Ok(mut stops) = signal(SignalKind::from_raw(Signal::TSTP.as_raw())) else {
        return;
    };
    while stops.recv().await.is_some() {
        terminal::lend(|| {
            // The handler has replaced what the signal does by default. It returns when the process is continued.
            let _ = kill_process(getpid(), Signal::STOP);
        });
    }
}
