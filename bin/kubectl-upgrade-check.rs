//! `kubectl upgrade-check`: may this cluster be upgraded?

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_upgrade::cli::check_main()
}
