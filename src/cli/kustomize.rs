//! `-k`: what `kubectl kustomize` renders.

use std::path::Path;
use std::process::Command;

use super::exit::CliError;
use crate::text::os_error_text;

/// What the rendered text is called in locations.
pub(super) const NAME: &str = "kubectl kustomize";

/// Runs `kubectl kustomize DIR`, which asks no API server.
pub(super) fn render(directory: &Path) -> Result<Vec<u8>, CliError> {
    let failed = |why: &str| {
        CliError::could_not_run(format!(
            "-k {}: kubectl kustomize failed: {why}",
            directory.display()
        ))
    };
    let output = Command::new("kubectl")
        .arg("kustomize")
        .arg(directory)
        .output();
    let output = output.map_err(|error| failed(&os_error_text(&error)))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(failed(String::from_utf8_lossy(&output.stderr).trim())),
    }
}
