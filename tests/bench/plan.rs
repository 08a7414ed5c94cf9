//! What a client is to send: recorded from the debug log of a run of the program, or made up.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// JSON, as most tools ask for it.
pub(crate) const JSON: &str = "application/json";
/// Protobuf.
pub(crate) const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
/// Metadata only, as protobuf.
pub(crate) const META: &str =
    "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// A list, or one page of something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Get {
    /// Of the first page.
    pub(crate) uri: String,
    pub(crate) accept: String,
    /// How many pages of it are fetched at most; all where there is none.
    pub(crate) pages: Option<usize>,
}

impl Get {
    pub(crate) fn new(uri: &str, accept: &str) -> Self {
        Self {
            uri: uri.to_owned(),
            accept: accept.to_owned(),
            pages: None,
        }
    }
}

/// Requests in the order in which they are begun.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) kubeconfig: String,
    pub(crate) parallel: usize,
    pub(crate) gets: Vec<Get>,
}

impl Plan {
    /// What the program sent, from its log at `-v 6`, with as many pages of each list as it fetched. The number in flight
    /// is the most that were unanswered at one time.
    pub(crate) fn recorded(kubeconfig: &str, log: &str) -> Self {
        let mut gets = Vec::new();
        let mut further: BTreeMap<String, usize> = BTreeMap::new();
        let (mut flying, mut parallel) = (0_usize, 1);
        for line in log.lines() {
            if let Some((_, rest)) = line.split_once(": GET uri=") {
                flying += 1;
                parallel = parallel.max(flying);
                let uri = rest.split(' ').next().unwrap_or_default();
                let accept = rest
                    .split("accept=\"")
                    .nth(1)
                    .and_then(|rest| rest.split('"').next());
                let first_try = rest.contains("attempt=1");
                if first_try && uri.contains("continue=") {
                    *further.entry(list(uri)).or_default() += 1;
                } else if first_try {
                    gets.push(Get::new(
                        uri,
                        accept.expect("the log tells what was accepted"),
                    ));
                }
            } else if line.contains(": answer uri=") {
                flying = flying.saturating_sub(1);
            }
        }
        assert!(!gets.is_empty(), "no request in the log:\n{log}");
        for get in gets.iter_mut().rev() {
            // The last list of this name is the one that was read on.
            get.pages = Some(1 + further.remove(&list(&get.uri)).unwrap_or_default());
        }
        Self {
            kubeconfig: kubeconfig.to_owned(),
            parallel,
            gets,
        }
    }

    /// The same kinds as most tools read them: all namespaces, whole objects as JSON in pages of 500, one after another.
    pub(crate) fn usual_way(&self) -> Self {
        let mut seen = BTreeSet::new();
        let uris = self.gets.iter().filter_map(|get| usual(&get.uri));
        let gets = uris
            .filter(|uri| seen.insert(uri.clone()))
            .map(|uri| Get::new(&uri, JSON))
            .collect();
        Self {
            kubeconfig: self.kubeconfig.clone(),
            parallel: 1,
            gets,
        }
    }

    /// Only the lists of Helm's records.
    pub(crate) fn helm(&self) -> Self {
        let mut plan = self.clone();
        plan.gets.retain(|get| get.uri.contains("owner%3Dhelm"));
        plan
    }
}

/// What a page is of: path and selectors.
fn list(uri: &str) -> String {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let selectors = query.split('&').filter(|part| part.contains("Selector="));
    selectors.fold(path.to_owned(), |list, part| list + "&" + part)
}

/// The list that a usual tool would ask for; none where the request was no list.
fn usual(uri: &str) -> Option<String> {
    let (path, query) = uri.split_once('?')?;
    if !query.contains("limit=") {
        return None;
    }
    let selectors: Vec<&str> = query
        .split('&')
        .filter(|part| part.starts_with("labelSelector=") || part.starts_with("fieldSelector="))
        .collect();
    let one_object = selectors
        .iter()
        .any(|part| part.contains("metadata%2Ename"));
    let path = match path.split_once("/namespaces/") {
        Some((root, rest)) if !one_object => {
            let (_, resource) = rest.split_once('/')?;
            format!("{root}/{resource}")
        }
        _ => path.to_owned(),
    };
    let mut query = vec!["limit=500"];
    query.extend(selectors);
    Some(format!("{path}?{}", query.join("&")))
}
