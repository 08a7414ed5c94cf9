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

    let receive = |kind: Signal| signal(SignalKind::from_raw(kind.as_raw()));
    let (Ok(mut stops), Ok(mut continues)) = (receive(Signal::TSTP), receive(Signal::CONT)) else {
        return;
    };
    loop {
        tokio::select! {
            Some(()) = stops.recv() => {
                terminal::lend();
                // Not one from before. The process may run on for a moment before it is stopped.
                if let Ok(now) = receive(Signal::CONT) {
                    continues = now;
                }
                // The handler has replaced what the signal does by default.
                if kill_process(getpid(), Signal::STOP).is_ok() {
                    continues.recv().await;
                }
            }
            // Stopped by a signal that cannot be handled.
            Some(()) = continues.recv() => terminal::lend(),
            else => return,
        }
        terminal::take_back();
    }
}
