//! Objects that a manifest only points to: a chart, a repository or a directory that a tool renders.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use super::documents::{RawDocument, truncate_name};
use super::header::ManifestDocument;
use crate::catalog::{Catalog, HolderForm};
use crate::snapshot::MissingData;

/// The annotations that hold what was applied last.
pub(super) const KUBECTL_ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
pub(super) const KAPP_ANNOTATION: &str = "kapp.k14s.io/original";

const KUSTOMIZE: &str =
    "pipe `kubectl kustomize` into `-f -`, with --enable-helm if it names charts";

/// What kustomize reads in a directory.
pub(super) const KUSTOMIZATION_NAMES: [&str; 3] =
    ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Endings of files that a tool renders to manifests.
const TEMPLATE_ENDINGS: [(&str, &str); 14] = [
    ("jsonnet", "pipe its objects into `-f -`"),
    ("j2", RENDER_FIRST),
    ("jinja", RENDER_FIRST),
    ("jinja2", RENDER_FIRST),
    ("tftpl", RENDER_FIRST),
    ("template", RENDER_FIRST),
    ("envsubst", RENDER_FIRST),
    ("dist", RENDER_FIRST),
    ("tmpl", RENDER_FIRST),
    ("tpl", RENDER_FIRST),
    ("gotmpl", RENDER_FIRST),
    ("erb", RENDER_FIRST),
    ("mustache", RENDER_FIRST),
    ("cue", "pipe its objects into `-f -`"),
];
const RENDER_FIRST: &str = "render it first";

/// Gaps that are listed one by one.
const MAX_LISTED: usize = 100;

/// Something that points to objects elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExternalSource {
    /// What it is and where.
    what: String,
    /// What it points to.
    targets: Vec<SourceTarget>,
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
    InRepository(String),
    /// A chart or URL.
    Remote(String),
}

impl fmt::Display for SourceTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Local { name, .. } | Self::InRepository(name) | Self::Remote(name)) = self;
        f.write_str(name)
    }
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

    /// Whether it was read: by its path, or as the end of the path of a directory that was.
    fn is_read(
        &self,
        is_local_read: impl Fn(&Path, bool) -> bool,
        directories: &[PathBuf],
    ) -> bool {
        match self {
            Self::Local { is_patch, .. } => {
                let path = self.local_path();
                path.is_some_and(|path| is_local_read(&path, *is_patch))
            }
            Self::InRepository(path) => {
                let path = normalize(Path::new(path));
                let is_named = path.components().next().is_some();
                is_named
                    && directories
                        .iter()
                        .any(|directory| directory.ends_with(&path))
            }
            Self::Remote(_) => false,
        }
    }
}

impl ExternalSource {
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

    /// The gap, if something that it points to was not read. `directories` are those that were walked; `is_local_read` says
    /// whether a file or directory was read, and whether as a patch.
    pub(super) fn gap(
        &self,
        is_local_read: impl Fn(&Path, bool) -> bool,
        directories: &[PathBuf],
    ) -> Option<MissingData> {
        let targets = self.targets.iter();
        let missing: Vec<String> = targets
            .filter(|target| !target.is_read(&is_local_read, directories))
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

/// What a file is rendered with, by its name; `None` if it may hold manifests.
pub(super) fn template_hint(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_str()?;
    if matches!(name, "helmfile.yaml" | "helmfile.yml") {
        return Some("pipe `helmfile template` into `-f -`");
    }
    let (stem, ending) = name.rsplit_once('.')?;
    let (_, hint) = TEMPLATE_ENDINGS
        .iter()
        .find(|(known, _)| ending.eq_ignore_ascii_case(known))?;
    let of_manifests = [".yaml", ".yml", ".json"];
    let is_language = *hint != RENDER_FIRST;
    (is_language || of_manifests.iter().any(|of| stem.ends_with(of))).then_some(hint)
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
        hint: KUSTOMIZE.to_owned(),
    })
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
    place: &str,
    catalog: &Catalog,
) -> Option<ExternalSource> {
    let (group, _) = api_version.split_once('/')?;
    let mut holders = catalog.manifest_holders.iter();
    let holder =
        holders.find(|row| row.group == group && row.kind == kind && row.is_elsewhere())?;
    let target = match (&document.source_path, holder.form) {
        (_, HolderForm::Chart) => SourceTarget::Remote("a chart".to_owned()),
        (Some(path), _) => SourceTarget::InRepository(path.clone()),
        (None, _) => SourceTarget::Remote("a repository".to_owned()),
    };
    let name = document.metadata.name.as_deref().unwrap_or_default();
    Some(ExternalSource {
        what: format!("{kind} {} in {place}", truncate_name(name)),
        targets: vec![target],
        hint: holder.hint.clone(),
    })
}

/// Whether a Template of this API holds objects: OpenShift's, of today and before groups.
pub(super) fn is_template_api(api_version: &str) -> bool {
    api_version == "v1" || api_version.starts_with("template.openshift.io/")
}
