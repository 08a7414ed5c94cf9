//! `-k`: what `kubectl kustomize` renders.

use std::io::ErrorKind;
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
    let output = output.map_err(|error| match error.kind() {
        ErrorKind::NotFound => failed("there is no kubectl on PATH"),
        _ => failed(&os_error_text(&error)),
    })?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(failed(&reason(&String::from_utf8_lossy(&output.stderr)))),
    }
}

/// What kubectl says, without `error: ` or the head of a line of its log: `E1130 17:18:05.6 6462 run.go:72] "…" err="…"`.
fn reason(stderr: &str) -> String {
    let text = stderr.trim();
    let logged = text
        .split_once(" err=\"")
        .and_then(|(_, quoted)| quoted.strip_suffix('"'));
    match logged {
        Some(quoted) => quoted.replace("\\n", "\n").replace("\\\"", "\""),
        None => text.strip_prefix("error: ").unwrap_or(text).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn lines_of_a_log_are_reduced_to_the_error() {
        let logged = r#"E1130 17:18:06.093014    6500 run.go:72] "command failed" err="no \"kustomization.yaml\" in 'd'""#;
        assert_eq!(reason(logged), "no \"kustomization.yaml\" in 'd'");
        assert_eq!(reason("error: not a directory\n"), "not a directory");
        assert_eq!(reason("Error: no err"), "Error: no err");
    }
}
