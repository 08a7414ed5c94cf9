//! `kubectl upgrade-plan`: what exactly, in what order?

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_upgrade::cli::plan_main()
}
