//! Objects that a manifest only points to: a chart, a repository or a directory that a tool renders.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::documents::{RawDocument, truncate_name};
use super::header::{GitOpsSource, ManifestDocument, REPOSITORY_KIND};
use crate::catalog::{Catalog, HolderForm, ManifestHolder};
use crate::snapshot::MissingData;

/// The annotations that hold what was applied last.
pub(super) const KUBECTL_ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
pub(super) const KAPP_ANNOTATION: &str = "kapp.k14s.io/original";

const KUSTOMIZE: &str =
    "pipe `kubectl kustomize` into `-f -`, with --enable-helm if it names charts";

/// What kustomize reads in a directory.
pub(super) const KUSTOMIZATION_NAMES: [&str; 3] =
    ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Gaps that are listed one by one.
const MAX_LISTED: usize = 100;

/// Something that points to objects elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExternalSource {
    /// What it is and where.
    what: String,
    /// What it points to.
    targets: Vec<SourceTarget>,
    /// The names of ConfigMaps and Secrets that it makes of files.
    generated: Vec<String>,
    /// How to render it.
    hint: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum SourceTarget {
    /// A file or directory; one with a patch need not be a manifest.
    Local {
        directory: PathBuf,
        name: String,
        is_patch: bool,
    },
    /// A directory by its path within a repository.
    InRepository(RepositoryPath),
    /// A chart or URL.
    Remote(String),
}

/// A directory of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RepositoryPath {
    pub(super) path: String,
    /// The repository; `None` if the source does not say it.
    pub(super) repository: Option<Repository>,
    /// The branch, tag or commit; `None` if the source, or the object that it refers to, does not say it.
    pub(super) revision: Option<String>,
}

/// A repository that sources refer to by the name of an object.
#[derive(Debug, Clone)]
pub(crate) struct GitRepository {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) revision: Option<String>,
}

/// A repository, as a source names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Repository {
    Url(String),
    /// The name of the GitRepository with its URL.
    Object(String),
}

impl fmt::Display for SourceTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { name, .. } | Self::Remote(name) => f.write_str(name),
            Self::InRepository(source) => {
                f.write_str(&source.path)?;
                match &source.repository {
                    Some(Repository::Url(url)) => write!(f, " of {}", without_user(url)),
                    Some(Repository::Object(name)) => write!(f, " of GitRepository {name}"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// A URL without what may be a password.
fn without_user(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, _) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    truncate_name(&rest[host.rfind('@').map_or(0, |at| at + 1)..])
}

impl SourceTarget {
    /// Where it is, if it is a file or directory.
    fn local_path(&self) -> Option<PathBuf> {
        match self {
            Self::Local {
                directory, name, ..
            } => Some(normalize(&directory.join(name))),
            Self::InRepository(_) | Self::Remote(_) => None,
        }
    }
}

impl ExternalSource {
    /// What it is and where.
    pub(super) fn what(&self) -> &str {
        &self.what
    }

    /// Whether it makes a ConfigMap or Secret of this name.
    pub(super) fn generates(&self, name: &str) -> bool {
        self.generated.iter().any(|made| made == name)
    }

    /// Whether it points to anything: an empty kustomization renders nothing.
    pub(super) fn has_targets(&self) -> bool {
        !self.targets.is_empty()
    }

    /// Without the files and directories that it points to; `None` if nothing is left.
    pub(super) fn without_local(mut self) -> Option<Self> {
        self.targets
            .retain(|target| matches!(target, SourceTarget::Remote(_)));
        self.has_targets().then_some(self)
    }

    /// The files and directories that it points to.
    pub(super) fn local_paths(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.targets.iter().filter_map(SourceTarget::local_path)
    }

    /// The files with patches that it points to.
    pub(super) fn patch_paths(&self) -> impl Iterator<Item = PathBuf> + '_ {
        let patches = self
            .targets
            .iter()
            .filter(|target| matches!(target, SourceTarget::Local { is_patch: true, .. }));
        patches.filter_map(SourceTarget::local_path)
    }

    /// The directories of repositories that it points to.
    pub(super) fn repository_paths(&self) -> impl Iterator<Item = &RepositoryPath> {
        self.targets.iter().filter_map(|target| match target {
            SourceTarget::InRepository(source) => Some(source),
            _ => None,
        })
    }

    /// The gap, if something that it points to was not read. `is_local_read` says whether a file or directory was read, and
    /// whether as a patch; `is_repository_read` whether a directory of a repository was.
    pub(super) fn gap(
        &self,
        is_local_read: impl Fn(&Path, bool) -> bool,
        is_repository_read: impl Fn(&RepositoryPath) -> bool,
    ) -> Option<MissingData> {
        let is_read = |target: &SourceTarget| match target {
            SourceTarget::Local { is_patch, .. } => {
                let path = target.local_path();
                path.is_some_and(|path| is_local_read(&path, *is_patch))
            }
            SourceTarget::InRepository(source) => is_repository_read(source),
            SourceTarget::Remote(_) => false,
        };
        let targets = self.targets.iter();
        let missing: Vec<String> = targets
            .filter(|target| !is_read(target))
            .map(ToString::to_string)
            .collect();
        (!missing.is_empty()).then(|| MissingData {
            what: self.what.clone(),
            why: format!(
                "objects are rendered from elsewhere ({}): {}",
                missing.join(", "),
                self.hint
            ),
            rbac: None,
        })
    }
}

/// The first of the gaps, and how many more there are.
pub(super) fn listed(mut gaps: Vec<MissingData>) -> Vec<MissingData> {
    let unlisted = gaps.len().saturating_sub(MAX_LISTED);
    gaps.truncate(MAX_LISTED);
    if unlisted > 0 {
        gaps.push(MissingData {
            what: format!("{unlisted} more kustomizations, releases and applications"),
            why: "objects are rendered from elsewhere: render them first".to_owned(),
            rbac: None,
        });
    }
    gaps
}

/// A path without `.` and, as far as it can be told without the file system, without `..`.
pub(super) fn normalize(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(normal.components().next_back(), Some(Component::Normal(_))) =>
            {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

/// What a kustomization takes its objects from; `None` for any other document.
pub(super) fn kustomization_source(
    document: &ManifestDocument,
    origin: &str,
    raw: &RawDocument<'_>,
) -> Option<ExternalSource> {
    let file = Path::new(origin);
    let name = file.file_name().and_then(|name| name.to_str());
    let has_name = name.is_some_and(|name| KUSTOMIZATION_NAMES.contains(&name));
    let is_kustomization = match &document.api_version {
        Some(api_version) => api_version.starts_with("kustomize.config.k8s.io/"),
        None => has_name,
    };
    if !is_kustomization {
        return None;
    }
    let directory = file.parent().unwrap_or(Path::new("")).to_owned();
    let target = |name: &String, is_patch| match is_remote(name) {
        true => SourceTarget::Remote(name.clone()),
        false => SourceTarget::Local {
            directory: directory.clone(),
            name: name.clone(),
            is_patch,
        },
    };
    let listed = document.listed_sources.iter();
    let listed = listed.map(|name| target(name, false));
    let patches = document.listed_patches.iter();
    let patches = patches.map(|name| target(name, true));
    let charts = document.listed_charts.iter();
    let charts = charts.map(|name| SourceTarget::Remote(format!("chart {name}")));
    Some(ExternalSource {
        what: format!("kustomization {origin}, line {}", raw.first_line),
        targets: listed.chain(patches).chain(charts).collect(),
        generated: document.generated.clone(),
        hint: KUSTOMIZE.to_owned(),
    })
}

/// The directories that a tool fills beside its configuration, as vendir does; each has `path` and `contents` with paths
/// below it.
pub(super) fn directories_source(
    object: &Value,
    holder: &ManifestHolder,
    origin: &str,
    place: &str,
) -> ExternalSource {
    let directory = Path::new(origin).parent().unwrap_or(Path::new(""));
    let listed = object[holder.path.as_str()]
        .as_array()
        .into_iter()
        .flatten();
    let names = listed.flat_map(|listed| {
        let above = listed["path"].as_str().unwrap_or_default();
        let contents = listed["contents"].as_array().into_iter().flatten();
        let below = contents.map(|content| content["path"].as_str().unwrap_or_default());
        below.map(move |below| format!("{above}/{below}"))
    });
    ExternalSource {
        what: place.to_owned(),
        targets: names
            .map(|name| SourceTarget::Local {
                directory: directory.to_owned(),
                name,
                is_patch: false,
            })
            .collect(),
        generated: Vec::new(),
        hint: holder.hint.clone(),
    }
}

/// Whether kustomize fetches what it lists by this name.
fn is_remote(name: &str) -> bool {
    ["://", "//", "?ref="]
        .iter()
        .any(|mark| name.contains(mark))
        || ["git@", "github.com/"]
            .iter()
            .any(|host| name.starts_with(host))
}

/// What an object of a GitOps controller points to; `None` for any other kind.
pub(super) fn rendered_source(
    api_version: &str,
    kind: &str,
    document: &ManifestDocument,
    content: Option<&Value>,
    place: &str,
    catalog: &Catalog,
) -> Option<ExternalSource> {
    let group = api_version.split('/').next()?;
    let mut holders = catalog.manifest_holders.iter();
    let holder =
        holders.find(|row| row.group == group && row.kind == kind && row.is_elsewhere())?;
    let sources = document.gitops_sources.iter();
    let targets: Vec<_> = match holder.form {
        HolderForm::Chart => vec![SourceTarget::Remote("a chart".to_owned())],
        _ => {
            let generated = content.into_iter().flat_map(generated_targets);
            sources.filter_map(gitops_target).chain(generated).collect()
        }
    };
    let targets = match targets.is_empty() {
        true => vec![SourceTarget::Remote("a repository".to_owned())],
        false => targets,
    };
    let name = document.metadata.name.as_deref().unwrap_or_default();
    Some(ExternalSource {
        what: format!("{kind} {} in {place}", truncate_name(name)),
        targets,
        generated: Vec::new(),
        hint: holder.hint.clone(),
    })
}

/// What a source points to; `None` if others only read values from it.
fn gitops_target(source: &GitOpsSource) -> Option<SourceTarget> {
    if let Some(chart) = source.chart.as_ref().filter(|chart| !chart.is_empty()) {
        return Some(SourceTarget::Remote(format!(
            "chart {}",
            truncate_name(chart)
        )));
    }
    let reference = &source.source_ref;
    let kind = reference.kind.as_deref().or(source.kind.as_deref());
    match (&source.path, kind) {
        (None, _) if source.values_name.is_some() => None,
        (None, _) => Some(SourceTarget::Remote("a repository".to_owned())),
        (Some(path), None | Some(REPOSITORY_KIND)) => {
            let url = source.repository.clone().map(Repository::Url);
            let object = || reference.name.clone().map(Repository::Object);
            Some(SourceTarget::InRepository(RepositoryPath {
                path: path.clone(),
                repository: url.or_else(object),
                revision: source.revision.clone(),
            }))
        }
        // An artifact or a bucket is no directory.
        (Some(path), Some(kind)) => {
            let name = reference.name.as_deref().unwrap_or_default();
            Some(SourceTarget::Remote(format!("{path} of {kind} {name}")))
        }
    }
}

/// The directories that the applications of an ApplicationSet come from, where no generator fills them in; none if any of them
/// is filled in.
fn literal_targets(template: &Value) -> Vec<SourceTarget> {
    let several = template["sources"].as_array().into_iter().flatten();
    let one = template.get("source").into_iter();
    let targets = one.chain(several).map(|source| {
        let text = |field: &str| source[field].as_str().map(str::to_owned);
        let is_literal = ["path", "repoURL", "targetRevision"]
            .iter()
            .all(|field| !text(field).is_some_and(|text| text.contains("{{")));
        let path = text("path").filter(|_| is_literal && source["chart"].is_null())?;
        Some(SourceTarget::InRepository(RepositoryPath {
            path,
            repository: text("repoURL").map(Repository::Url),
            revision: text("targetRevision"),
        }))
    });
    targets.collect::<Option<_>>().unwrap_or_default()
}

/// The directories that the applications of an ApplicationSet come from, or of which it makes an application each; none where it
/// makes them otherwise.
fn generated_targets(set: &Value) -> Vec<SourceTarget> {
    let template = &set["spec"]["template"]["spec"];
    let literal = literal_targets(template);
    if !literal.is_empty() {
        return literal;
    }
    let source = &template["source"];
    let path = source["path"].as_str().unwrap_or_default();
    let inner = path.trim_start_matches("{{").trim_end_matches("}}").trim();
    let is_directory = ["path", ".path.path", "path.path"].contains(&inner);
    let generators = set["spec"]["generators"].as_array();
    let (Some([generator]), true) = (generators.map(Vec::as_slice), is_directory) else {
        return Vec::new();
    };
    let git = &generator["git"];
    // The generator may look at another repository than the one that the applications come from.
    let own = source["repoURL"].as_str().filter(|url| !url.contains("{{"));
    let own = own.map(str::to_owned);
    let text = |field: &str| git[field].as_str().map(str::to_owned);
    let directories = git["directories"].as_array().into_iter().flatten();
    let directories = directories.filter(|directory| directory["exclude"] != true);
    let paths = directories.filter_map(|directory| directory["path"].as_str());
    let targets = paths.map(|path| {
        let literal = path.split('/').take_while(|part| !part.contains('*'));
        SourceTarget::InRepository(RepositoryPath {
            path: literal.collect::<Vec<_>>().join("/"),
            repository: own.clone().or_else(|| text("repoURL")).map(Repository::Url),
            revision: text("revision"),
        })
    });
    targets.collect()
}

/// The repository of a GitRepository.
pub(super) fn git_repository(
    api_version: &str,
    kind: &str,
    document: &ManifestDocument,
) -> Option<GitRepository> {
    let is_repository =
        kind == REPOSITORY_KIND && api_version.starts_with("source.toolkit.fluxcd.io/");
    let name = document.metadata.name.clone().filter(|_| is_repository)?;
    Some(GitRepository {
        name,
        url: document.url.clone()?,
        revision: document.revision.clone(),
    })
}

/// Whether a Template of this API holds objects: OpenShift's, of today and before groups.
pub(super) fn is_template_api(api_version: &str) -> bool {
    api_version == "v1" || api_version.starts_with("template.openshift.io/")
}
