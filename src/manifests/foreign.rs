//! Texts in place of a manifest: pointers, encrypted files, error messages and web pages.

use std::path::Path;

use serde::de::IgnoredAny;

use super::placeholders;

/// How such texts begin, and what they are.
const BEGINNINGS: [(&str, &str); 22] = [
    (
        "version https://git-lfs.github.com/spec/",
        "a pointer of Git LFS in place of the file; run `git lfs pull`",
    ),
    (
        "$ANSIBLE_VAULT;",
        "encrypted by ansible-vault; decrypt it first",
    ),
    (
        "-----BEGIN AGE ENCRYPTED FILE-----",
        "encrypted by age; decrypt it first",
    ),
    ("age-encryption.org/", "encrypted by age; decrypt it first"),
    (
        "-----BEGIN PGP MESSAGE-----",
        "encrypted by PGP; decrypt it first",
    ),
    ("-----BEGIN ", "a key or certificate in PEM"),
    ("<!", WEB_PAGE),
    ("<html", WEB_PAGE),
    ("<?xml", WEB_PAGE),
    ("<Error>", WEB_PAGE),
    ("404: Not Found", WEB_PAGE),
    ("404 ", WEB_PAGE),
    ("Error:", ERROR_MESSAGE),
    ("Error from server", ERROR_MESSAGE),
    ("Error executing", ERROR_MESSAGE),
    ("error:", ERROR_MESSAGE),
    ("panic:", ERROR_MESSAGE),
    (
        "Pulled: ",
        "the output of `helm pull` in place of a manifest",
    ),
    ("walk.go:", ERROR_MESSAGE),
    ("fatal:", ERROR_MESSAGE),
    ("{{", TEMPLATE),
    ("{%", TEMPLATE),
];
const WEB_PAGE: &str = "a web page or the answer of a server in place of the file; fetch it again";
const ERROR_MESSAGE: &str =
    "the error message of a command in place of what it should have written; run it again";
const TEMPLATE: &str = "a template; render it first, `helm template` for a chart";
const ENCRYPTED_BY_SOPS: &str = "encrypted by SOPS; decrypt it first";
const LINK: &str =
    "the target of a symbolic link as text; check it out as a link, or name its target with -f";
const PLAIN_TEXT: &str = "plain text";

/// Directories in which Ansible has variables.
const VARIABLE_DIRECTORIES: [&str; 4] = ["group_vars", "host_vars", "vars", "defaults"];

/// Fields of which the answer of a server consists if it says that something is missing.
const ANSWER_FIELDS: [&str; 9] = [
    "code",
    "detail",
    "documentation_url",
    "error",
    "errors",
    "message",
    "reason",
    "status",
    "statusCode",
];

/// What a text without manifests is, if that is not what its file should hold. `is_plain` says whether it is neither a
/// mapping nor a sequence, in a file whose name is that of a manifest.
pub(super) fn description(text: &str, is_plain: bool) -> Option<&'static str> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let begins = |(beginning, _): &&(&str, &str)| text.starts_with(beginning);
    if let Some((_, what)) = BEGINNINGS.iter().find(begins) {
        return Some(what);
    }
    let has_data = ["\"data\": \"ENC[", "\"data\":\"ENC[", "data: ENC["];
    if text.contains("sops") && has_data.iter().any(|data| text.contains(data)) {
        return Some(ENCRYPTED_BY_SOPS);
    }
    if is_answer(text) {
        return Some(WEB_PAGE);
    }
    is_plain.then(|| match text.contains(char::is_whitespace) {
        false if text.contains('/') || Path::new(text).extension().is_some() => LINK,
        _ => PLAIN_TEXT,
    })
}

/// Whether a text is JSON with the fields of an error.
fn is_answer(text: &str) -> bool {
    type Fields = std::collections::BTreeMap<String, IgnoredAny>;
    let fields = text
        .starts_with('{')
        .then(|| serde_json::from_str::<Fields>(text).ok());
    fields.flatten().is_some_and(|fields| {
        let is_error = fields.contains_key("message") || fields.contains_key("error");
        is_error
            && fields
                .keys()
                .all(|field| ANSWER_FIELDS.contains(&field.as_str()))
    })
}

/// Whether a file holds variables of a tool rather than manifests, which may be encrypted.
pub(super) fn is_variables(path: &Path) -> bool {
    let mut above = path.iter().filter_map(|part| part.to_str());
    above.any(|part| VARIABLE_DIRECTORIES.contains(&part))
}

/// Whether text that is neither a mapping nor a sequence is a value, or JSON with comments above it.
pub(super) fn is_json_value(path: &str, text: &str) -> bool {
    let begins = |letter: char| letter == '/' || letter == '"' || letter.is_ascii_digit();
    let text = text.trim();
    path.ends_with(".json")
        && (text.starts_with(begins) || ["true", "false", "null"].contains(&text))
        && !text.contains("apiVersion")
}

/// Whether a file that cannot be parsed is surely no manifest: JSON with comments, as the settings of tools are.
pub(super) fn is_settings(path: &str, text: &str) -> bool {
    let is_json = path.ends_with(".json");
    is_json && !text.contains("apiVersion") && !placeholders::is_placeholder(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_in_place_of_a_manifest_are_described() {
        for (text, is_plain, expected) in [
            (
                "version https://git-lfs.github.com/spec/v1\noid sha256:a\nsize 9\n",
                true,
                "a pointer of Git LFS",
            ),
            (
                "$ANSIBLE_VAULT;1.1;AES256\n6162\n",
                true,
                "encrypted by ansible-vault",
            ),
            (
                "-----BEGIN AGE ENCRYPTED FILE-----\nYQ==\n",
                true,
                "encrypted by age",
            ),
            (
                "-----BEGIN PGP MESSAGE-----\n\nYQ==\n",
                true,
                "encrypted by PGP",
            ),
            ("404: Not Found", false, "a web page"),
            ("\u{feff}<!DOCTYPE html><html></html>", true, "a web page"),
            (
                "{\"message\": \"404 Project Not Found\"}",
                false,
                "a web page",
            ),
            (
                "{\"message\": \"Not Found\", \"status\": \"404\"}",
                false,
                "a web page",
            ),
            (
                "Error: chart \"cart\" not found\n",
                false,
                "the error message",
            ),
            (
                "Error from server (NotFound): no\n",
                false,
                "the error message",
            ),
            (
                "error: the path \"a\" does not exist\n",
                false,
                "the error message",
            ),
            ("fatal: not a git repository\n", false, "the error message"),
            (
                "{\"data\": \"ENC[AES256_GCM,data:a]\", \"sops\": {}}",
                false,
                "encrypted by SOPS",
            ),
            (
                "Pulled: registry.example/cart:1\nDigest: sha256:a\n",
                false,
                "the output of",
            ),
            ("../base/pdb.yaml", true, "the target of a symbolic link"),
            ("pdb.yaml\n", true, "the target of a symbolic link"),
            ("Nothing to see.", true, "plain text"),
            ("dGV4dA", true, "plain text"),
        ] {
            let what = description(text, is_plain).unwrap_or_default();
            assert!(what.starts_with(expected), "{text}: {what}");
        }
        for text in [
            "replicas: 1\n",
            "<<: *defaults\n",
            "404: /missing.html\n",
            "ErrorBudget: 1\n",
            "{\"message\": \"hello\", \"greeting\": true}",
            "message: hello\n",
            "errors: [404]\n",
            "{\"compilerOptions\": {}}",
            "password: ENC[AES256_GCM,data:a]\nsops: {}\n",
        ] {
            assert_eq!(description(text, false), None, "{text}");
        }
    }

    #[test]
    fn json_with_comments_is_no_manifest() {
        assert!(is_settings("tsconfig.json", "// x\n{\"a\": 1,}"));
        assert!(!is_settings("a.json", "// x\n{\"apiVersion\": \"v1\",}"));
        assert!(!is_settings("a.json", "{{ toJson .pdb }}"));
        assert!(!is_settings("a.yaml", "// x\n{\"a\": 1,}"));
    }
}
