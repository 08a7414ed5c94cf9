//! The bytes of a file and its name.

use std::io::Read;
use std::path::Path;

/// Maximum size of a file, in MiB.
pub(super) const MAX_FILE_MIB: u64 = 64;

/// All bytes, or why they cannot be read.
pub(super) fn read_limited(from: impl Read) -> Result<Vec<u8>, String> {
    let limit = MAX_FILE_MIB << 20;
    let mut bytes = Vec::new();
    from.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > limit {
        return Err(format!(
            "larger than {MAX_FILE_MIB} MiB, the most that is read of one file; split it"
        ));
    }
    Ok(bytes)
}

/// A path in locations.
pub(super) fn display_path(path: &Path) -> String {
    let short = path.strip_prefix(".").unwrap_or(path);
    let short = if short.as_os_str().is_empty() {
        path
    } else {
        short
    };
    short.display().to_string()
}
