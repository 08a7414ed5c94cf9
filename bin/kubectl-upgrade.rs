//! All three plugins in one program, as releases ship it.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_upgrade::cli::suite_main()
}
