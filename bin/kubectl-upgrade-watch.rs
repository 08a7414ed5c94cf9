//! `kubectl upgrade-watch`: where are we, when are we done?

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_upgrade::cli::watch_main()
}
