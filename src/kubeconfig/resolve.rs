//! Which context, cluster and user are meant, and what to say when there is no such entry.

use crate::text::ellipsize;
use std::fmt;

use kube::config::{AuthInfo, Cluster, Context};

use super::ConnectOptions;
use super::error::ConnectError;
use super::files::MergedKubeconfig;

/// The entries that were chosen; flags are not yet applied.
pub(super) struct ResolvedEntries {
    pub(super) context: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) cluster_name: String,
    pub(super) cluster: Cluster,
    pub(super) user_name: String,
    pub(super) user: AuthInfo,
}

/// Chooses as kubectl does, with two differences: a context whose cluster is missing is an error and not
/// `localhost:8080`, and so is having no context at all.
///
/// `None`: nothing is chosen, neither by a file nor by a flag.
pub(super) fn resolve_entries(
    loaded: &MergedKubeconfig,
    wanted: &ConnectOptions,
) -> Result<Option<ResolvedEntries>, ConnectError> {
    let context_name = wanted
        .context
        .as_ref()
        .or(loaded.kubeconfig.current_context.as_ref());
    let context = context_name
        .map(|name| find_context(loaded, wanted, name))
        .transpose()?;
    if context.is_none() && wanted.cluster.is_none() && wanted.server.is_none() {
        return Ok(None);
    }
    let context = context.unwrap_or_default();
    let (cluster_name, cluster) = find_cluster(loaded, wanted, &context, context_name)?;
    let (user_name, user) = find_user(loaded, wanted, &context)?;
    Ok(Some(ResolvedEntries {
        context: context_name.cloned(),
        namespace: context.namespace.filter(|namespace| !namespace.is_empty()),
        cluster_name,
        cluster,
        user_name,
        user,
    }))
}

fn find_context(
    loaded: &MergedKubeconfig,
    wanted: &ConnectOptions,
    name: &str,
) -> Result<Context, ConnectError> {
    let contexts = &loaded.kubeconfig.contexts;
    contexts
        .iter()
        .find(|entry| entry.name == name)
        .map(|entry| entry.context.clone().unwrap_or_default())
        .ok_or_else(|| ConnectError::UnknownEntry {
            what: "context",
            name: name.to_owned(),
            by: if wanted.context.is_some() {
                "--context".to_owned()
            } else {
                "current-context".to_owned()
            },
            files: loaded.files_read.clone(),
            known: Suggestions::new(Some(name), contexts.iter().map(|entry| entry.name.as_str())),
        })
}

fn find_cluster(
    loaded: &MergedKubeconfig,
    wanted: &ConnectOptions,
    context: &Context,
    context_name: Option<&String>,
) -> Result<(String, Cluster), ConnectError> {
    let clusters = &loaded.kubeconfig.clusters;
    let name = wanted.cluster.as_ref().unwrap_or(&context.cluster);
    if let Some(entry) = clusters.iter().find(|entry| &entry.name == name) {
        return Ok((name.clone(), entry.cluster.clone().unwrap_or_default()));
    }
    // An address on the command line is enough; kubectl does not ask for the entry then either.
    if wanted.cluster.is_none() && wanted.server.is_some() {
        return Ok((name.clone(), Cluster::default()));
    }
    Err(ConnectError::UnknownEntry {
        what: "cluster",
        name: name.clone(),
        by: match (&wanted.cluster, context_name) {
            (None, Some(context)) => format!("context {context:?}"),
            _ => "--cluster".to_owned(),
        },
        files: loaded.files_read.clone(),
        known: Suggestions::new(Some(name), clusters.iter().map(|entry| entry.name.as_str())),
    })
}

fn find_user(
    loaded: &MergedKubeconfig,
    wanted: &ConnectOptions,
    context: &Context,
) -> Result<(String, AuthInfo), ConnectError> {
    let users = &loaded.kubeconfig.auth_infos;
    let name = wanted
        .user
        .clone()
        .or_else(|| context.user.clone())
        .unwrap_or_default();
    if let Some(entry) = users.iter().find(|entry| entry.name == name) {
        return Ok((name, entry.auth_info.clone().unwrap_or_default()));
    }
    if wanted.user.is_some() {
        return Err(ConnectError::UnknownEntry {
            what: "user",
            known: Suggestions::new(Some(&name), users.iter().map(|entry| entry.name.as_str())),
            name,
            by: "--user".to_owned(),
            files: loaded.files_read.clone(),
        });
    }
    // A context may name a user that is not there: with --token it need not be, and kubectl goes on as nobody.
    if !name.is_empty() {
        tracing::warn!(user = %name, "the context names a user that the kubeconfig does not hold");
    }
    Ok((name, AuthInfo::default()))
}

/// The names that a kubeconfig knows, or those nearest to what was asked for, as the end of a sentence.
#[derive(Debug, Clone)]
pub struct Suggestions(String);

impl Suggestions {
    pub(super) fn new<'a>(asked: Option<&str>, names: impl Iterator<Item = &'a str>) -> Self {
        /// Kubeconfigs with hundreds of contexts are common.
        const SHOWN: usize = 10;
        const MAX_NAME_CHARS: usize = 120;
        let mut all: Vec<String> = names
            .map(|name| ellipsize(name, MAX_NAME_CHARS).into_owned())
            .collect();
        all.sort_unstable();
        let mut near: Vec<(usize, &String)> = all
            .iter()
            .filter_map(|name| Some((edit_distance(asked?, name)?, name)))
            .collect();
        near.sort();
        if all.is_empty() {
            return Self("; there is none".to_owned());
        }
        if !near.is_empty() {
            let near = quoted(near.into_iter().map(|(_, name)| name).take(3));
            return Self(format!("; did you mean {near}?"));
        }
        let mut text = format!("; known: {}", quoted(all.iter().take(SHOWN)));
        if all.len() > SHOWN {
            let more = all.len() - SHOWN;
            text.push_str(&format!(" and {more} more (kubectl config view shows all)"));
        }
        Self(text)
    }
}

impl fmt::Display for Suggestions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn quoted<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names
        .map(|name| format!("{name:?}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// How far two names are apart, `None` for names that have nothing to do with one another.
fn edit_distance(asked: &str, known: &str) -> Option<usize> {
    let (asked, known) = (asked.to_lowercase(), known.to_lowercase());
    if asked.chars().count() >= 3 && known.contains(&asked) {
        return Some(1);
    }
    let (asked, known): (Vec<char>, Vec<char>) = (asked.chars().collect(), known.chars().collect());
    let most = (asked.len() / 3).clamp(1, 3);
    if asked.len().abs_diff(known.len()) > most {
        return None;
    }
    let mut row: Vec<usize> = (0..=known.len()).collect();
    for (i, a) in asked.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, k) in known.iter().enumerate() {
            let cost = corner + usize::from(a != k);
            corner = row[j + 1];
            row[j + 1] = cost.min(corner + 1).min(row[j] + 1);
        }
    }
    row.last().copied().filter(|steps| *steps <= most)
}
