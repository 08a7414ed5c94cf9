//! The names of the plugins outside of the code: manifests, documentation, fixtures, tests.

/// The file that has the names.
pub(crate) const FILE: &str = "src/text/names.rs";

/// Files that mention former names with good reason.
pub(crate) const HISTORY: [&str; 2] = [FILE, "CHANGELOG.md"];

/// The text with other names, spelled with dashes or as kubectl's files are.
pub(crate) fn renamed(text: &str, from: &[String], to: &[&str]) -> String {
    let mut text = text.to_owned();
    for (from, to) in from.iter().zip(to) {
        // Names of schemas are those of kinds.
        let (schema, hidden) = (format!("{from}.schema"), format!("{from}\0schema"));
        let hidden = hidden.replace(from.as_str(), "\0");
        text = text
            .replace(&schema, &hidden)
            .replace(from.as_str(), to)
            .replace(&from.replace('-', "_"), &to.replace('-', "_"))
            .replace(&hidden, &schema);
    }
    text
}
