//! What is taken from a document, whatever the document looks like.
//!
//! A field of an unexpected shape is left out instead of failing the document: values files, custom resources and
//! documents of other tools have the same keys with other meanings. Keys that are not wanted are skipped by the parser
//! and never kept, so the values of Secrets do not get here. Of a key that is given twice the last one counts, as in
//! Helm and kubectl without strict validation.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess};

use super::lenient::{Lenient, LenientVisitor, MAX_LISTED, ScalarText, ScalarTexts, ScalarTime};
use crate::snapshot::OwnedFields;

/// The kind with the URL of a repository.
pub(super) const REPOSITORY_KIND: &str = "GitRepository";

/// The fields of one document, or of one item of a list.
#[derive(Default)]
#[cfg_attr(test, derive(Debug, Clone, PartialEq))]
pub(super) struct ManifestDocument {
    /// `apiVersion`.
    pub(super) api_version: Option<String>,
    /// `kind`.
    pub(super) kind: Option<String>,
    /// `metadata`.
    pub(super) metadata: ManifestMetadata,
    /// Fields that name another object by version, and what they name.
    pub(super) references: Vec<(&'static str, VersionedRef)>,
    /// `type`, which tells Secrets apart.
    pub(super) secret_type: Option<String>,
    /// `data.release`, where Helm keeps a record.
    pub(super) release_payload: Option<String>,
    /// `items`, or `objects` of a Template, where that is a sequence; of a document that is a sequence its own items.
    pub(super) items: Option<Vec<ManifestDocument>>,
    /// Whether the document is a sequence.
    pub(super) is_sequence: bool,
    /// Whether it is text, a number or the like.
    pub(super) is_scalar: bool,
    /// Whether it spells `apiVersion` or `kind` otherwise.
    pub(super) has_misspelt_head: bool,
    /// A key that no manifest has: a word or sentence of a message, as `Error`.
    pub(super) stray_key: Option<String>,
    /// Whether it is anything but null and the empty mapping or sequence.
    pub(super) has_content: bool,
    /// `metadata` or `spec`, if it is a scalar or sequence, and its text; that of a sequence is empty.
    pub(super) misshapen_section: Option<(&'static str, String)>,
    /// `apiVersion` or `kind`, if it is there and no text: null, or what a template makes of it.
    pub(super) unreadable_field: Option<&'static str>,
    /// What a kustomization lists: files, directories and URLs.
    pub(super) listed_sources: Vec<String>,
    /// The files with patches that a kustomization lists.
    pub(super) listed_patches: Vec<String>,
    /// The names of ConfigMaps and Secrets that a kustomization makes.
    pub(super) generated: Vec<String>,
    /// The names of charts that a kustomization renders.
    pub(super) listed_charts: Vec<String>,
    /// Where a GitOps controller finds objects: `spec.sources`, `spec.source`, `spec.sync`, `spec.git`, or `spec.path` with
    /// `spec.sourceRef`.
    pub(super) gitops_sources: Vec<GitOpsSource>,
    /// `spec.url` of a GitRepository.
    pub(super) url: Option<String>,
    /// The branch, tag or commit in its `spec.ref`.
    pub(super) revision: Option<String>,
}

/// What is taken from `metadata`.
#[derive(Default)]
#[cfg_attr(test, derive(Debug, Clone, PartialEq))]
pub(super) struct ManifestMetadata {
    pub(super) name: Option<String>,
    pub(super) generate_name: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) creation_timestamp: Option<Timestamp>,
    pub(super) labels: HelmRecordLabels,
    /// Only objects that a server returned have one.
    pub(super) uid: Option<String>,
    pub(super) managed_fields: Vec<ManagedFieldsItem>,
    pub(super) last_applied: LastAppliedTexts,
}

/// An entry of `metadata.managedFields`.
#[derive(Default)]
#[cfg_attr(test, derive(Debug, Clone, PartialEq))]
pub(super) struct ManagedFieldsItem {
    pub(super) manager: Option<String>,
    pub(super) operation: Option<String>,
    pub(super) api_version: Option<String>,
    pub(super) subresource: Option<String>,
    pub(super) time: Option<Timestamp>,
    pub(super) fields: Option<OwnedFields>,
}

/// The annotations that hold what was applied last.
#[derive(Default)]
#[cfg_attr(test, derive(Debug, Clone, PartialEq))]
pub(super) struct LastAppliedTexts {
    pub(super) kubectl: Option<String>,
    pub(super) kapp: Option<String>,
}

/// The labels that Helm puts on its records.
#[derive(Default)]
#[cfg_attr(test, derive(Debug, Clone, PartialEq))]
pub(super) struct HelmRecordLabels {
    pub(super) owner: Option<String>,
    pub(super) status: Option<String>,
    /// Those of Helm 2.
    pub(super) tiller_owner: Option<String>,
    pub(super) tiller_status: Option<String>,
}

/// A reference to another object by version.
#[derive(Default)]
#[cfg_attr(test, derive(Debug, Clone, PartialEq))]
pub(super) struct VersionedRef {
    pub(super) api_version: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
}

/// Where a GitOps controller finds objects.
#[derive(Default)]
#[cfg_attr(test, derive(Debug, Clone, PartialEq))]
pub(super) struct GitOpsSource {
    /// A directory of the repository.
    pub(super) path: Option<String>,
    /// A chart, which counts before the directory.
    pub(super) chart: Option<String>,
    /// URL of the repository.
    pub(super) repository: Option<String>,
    /// The branch, tag or commit.
    pub(super) revision: Option<String>,
    /// The name under which other sources read values from it.
    pub(super) values_name: Option<String>,
    /// What it is, unless a repository.
    pub(super) kind: Option<String>,
    /// The object that names the repository.
    pub(super) source_ref: SourceRef,
}

/// A reference to the object that names a repository.
#[derive(Default)]
#[cfg_attr(test, derive(Debug, Clone, PartialEq))]
pub(super) struct SourceRef {
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
}

/// Whether a key is meant to be `apiVersion` or `kind`, and is none.
pub(super) fn is_misspelt_head(key: &str) -> bool {
    ["apiVersion", "kind", "api_version", "api-version"]
        .iter()
        .any(|head| key.eq_ignore_ascii_case(head))
}

/// Whether a key of a document is that of a message rather than a field, which begins with a small letter and has no spaces.
pub(super) fn is_stray_key(key: &str) -> bool {
    let is_word = key.starts_with(char::is_uppercase) || key.contains(char::is_whitespace);
    is_word && !is_misspelt_head(key)
}

/// Lists within lists; more than one is unheard of.
const MAX_LIST_DEPTH: usize = 8;

/// Reads a `ManifestDocument`.
#[derive(Clone, Copy)]
pub(super) struct DocumentSeed<'a> {
    /// Objects that may still be read, items of lists among them.
    objects_left: &'a Cell<usize>,
    /// Lists around it.
    list_depth: usize,
}

impl<'a> DocumentSeed<'a> {
    /// For a document of its own. Takes every object off `left` and fails when none is left.
    pub(super) fn new(left: &'a Cell<usize>) -> Self {
        Self {
            objects_left: left,
            list_depth: 0,
        }
    }
}

/// Takes an object off what may still be read; none where there is none left.
pub(super) fn take_object(left: &Cell<usize>) -> Option<()> {
    left.set(left.get().checked_sub(1)?);
    Some(())
}

impl<'de> DeserializeSeed<'de> for DocumentSeed<'_> {
    type Value = ManifestDocument;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<ManifestDocument, D::Error> {
        Lenient(self).deserialize(deserializer)
    }
}

impl LenientVisitor for DocumentSeed<'_> {
    type Out = ManifestDocument;

    fn visit_scalar(self, _text: &dyn fmt::Display) -> ManifestDocument {
        ManifestDocument {
            has_content: true,
            is_scalar: true,
            ..ManifestDocument::default()
        }
    }

    fn visit_map<'de, A: MapAccess<'de>>(self, mut map: A) -> Result<ManifestDocument, A::Error> {
        take_object(self.objects_left)
            .ok_or_else(|| A::Error::custom("too many objects for one file; split it"))?;
        let mut document = ManifestDocument::default();
        while let Some(key) = map.next_key_seed(Lenient(ScalarText))? {
            document.has_content = true;
            match key.as_deref() {
                Some("apiVersion") => {
                    document.api_version = map.next_value_seed(Lenient(ScalarText))?;
                    document.note_unreadable("apiVersion", document.api_version.is_none());
                }
                Some("kind") => {
                    document.kind = map.next_value_seed(Lenient(ScalarText))?;
                    document.note_unreadable("kind", document.kind.is_none());
                }
                Some("type") => document.secret_type = map.next_value_seed(Lenient(ScalarText))?,
                Some("metadata") => {
                    let section = map.next_value_seed(section_seed())?;
                    document.metadata = document.take_section("metadata", section);
                }
                Some("spec") => {
                    let section = map.next_value_seed(section_seed::<SpecFields>())?;
                    let spec = document.take_section("spec", section);
                    let references = [
                        ("spec.scaleTargetRef", spec.scale_target_ref),
                        ("spec.targetRef", spec.target_ref),
                        ("spec.workloadRef", spec.workload_ref),
                    ];
                    document.references = references
                        .into_iter()
                        .filter(|(_, to)| to.kind.is_some())
                        .collect();
                    document.url = spec.url;
                    let RevisionRef {
                        branch,
                        name,
                        semver,
                        tag,
                        commit,
                    } = spec.revision;
                    document.revision = commit.or(name).or(semver).or(tag).or(branch);
                    let is_set =
                        |source: &GitOpsSource| source.path.is_some() || source.chart.is_some();
                    document.gitops_sources = spec.sources;
                    if document.gitops_sources.is_empty() {
                        let own = GitOpsSource {
                            path: spec.path,
                            source_ref: spec.source_ref,
                            ..GitOpsSource::default()
                        };
                        document.gitops_sources = [own, spec.source, spec.sync]
                            .into_iter()
                            .filter(is_set)
                            .collect();
                    }
                }
                Some("data") => {
                    document.release_payload = map
                        .next_value_seed(mapping_seed::<DataFields>())?
                        .release_payload
                }
                Some("resources" | "bases" | "components" | "generators") => {
                    let listed = map.next_value_seed(Lenient(ScalarTexts))?;
                    document.listed_sources.extend(listed);
                }
                Some("patches" | "patchesStrategicMerge" | "patchesJson6902") => {
                    let listed = map.next_value_seed(Lenient(PatchFiles))?;
                    document.listed_patches.extend(listed);
                }
                Some("helmCharts" | "helmChartInflationGenerator") => {
                    let charts: Vec<ChartEntry> =
                        map.next_value_seed(Lenient(Mappings(PhantomData)))?;
                    let names = charts
                        .into_iter()
                        .map(|chart| chart.name.unwrap_or_default());
                    document.listed_charts = names.collect();
                }
                Some("configMapGenerator" | "secretGenerator") => {
                    let made: Vec<ChartEntry> =
                        map.next_value_seed(Lenient(Mappings(PhantomData)))?;
                    let names = made.into_iter().filter_map(|made| made.name);
                    document.generated.extend(names);
                }
                Some("items" | "objects") => {
                    document.items = map.next_value_seed(Lenient(DocumentItems(self)))?
                }
                key => {
                    document.has_misspelt_head |= key.is_some_and(is_misspelt_head);
                    if let Some(stray) = key.filter(|key| is_stray_key(key)) {
                        document.stray_key.get_or_insert_with(|| stray.to_owned());
                    }
                    skip_value(&mut map)?;
                }
            }
        }
        document.url = document
            .url
            .filter(|_| document.kind.as_deref() == Some(REPOSITORY_KIND));
        Ok(document)
    }

    fn visit_seq<'de, A: SeqAccess<'de>>(self, mut seq: A) -> Result<ManifestDocument, A::Error> {
        if self.list_depth == 0 {
            let items = DocumentItems(self).visit_seq(seq)?;
            return Ok(ManifestDocument {
                has_content: items.as_ref().is_some_and(|items| !items.is_empty()),
                items,
                is_sequence: true,
                ..ManifestDocument::default()
            });
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(ManifestDocument::default())
    }
}

impl ManifestDocument {
    fn take_section<T: Default>(&mut self, field: &'static str, section: Section<T>) -> T {
        match section {
            Section::Fields(fields) => return fields,
            Section::Misshapen(text) => self.misshapen_section = Some((field, text)),
            Section::Null => {}
        }
        T::default()
    }

    /// Of a field that is given twice the last one counts.
    fn note_unreadable(&mut self, field: &'static str, is_unreadable: bool) {
        match is_unreadable {
            true => self.unreadable_field = Some(field),
            false if self.unreadable_field == Some(field) => self.unreadable_field = None,
            false => {}
        }
    }
}

/// The items of a list, read as this document was.
struct DocumentItems<'a>(DocumentSeed<'a>);

impl LenientVisitor for DocumentItems<'_> {
    type Out = Option<Vec<ManifestDocument>>;

    fn visit_seq<'de, A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Out, A::Error> {
        let DocumentItems(DocumentSeed {
            objects_left: left,
            list_depth: lists,
        }) = self;
        if lists >= MAX_LIST_DEPTH {
            return Err(A::Error::custom("too many lists within lists"));
        }
        let item = DocumentSeed {
            objects_left: left,
            list_depth: lists + 1,
        };
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(item)? {
            items.push(item);
        }
        Ok(Some(items))
    }
}

#[derive(Default)]
struct SpecFields {
    scale_target_ref: VersionedRef,
    target_ref: VersionedRef,
    workload_ref: VersionedRef,
    path: Option<String>,
    source: GitOpsSource,
    sync: GitOpsSource,
    sources: Vec<GitOpsSource>,
    source_ref: SourceRef,
    url: Option<String>,
    revision: RevisionRef,
}

/// What a GitRepository takes of its repository.
#[derive(Default)]
struct RevisionRef {
    branch: Option<String>,
    /// A reference such as `refs/heads/main`.
    name: Option<String>,
    /// A range of tags.
    semver: Option<String>,
    tag: Option<String>,
    commit: Option<String>,
}

#[derive(Default)]
struct ChartEntry {
    name: Option<String>,
}

#[derive(Default)]
struct PatchEntry {
    path: Option<String>,
}

#[derive(Default)]
struct DataFields {
    release_payload: Option<String>,
}

/// Fields of a mapping, set one by one.
trait MappingFields: Default {
    /// Takes the value of this key, or skips it.
    fn set_field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A)
    -> Result<(), A::Error>;
}

macro_rules! mapping_fields {
    ($($type:ident { $($key:literal => $field:ident: $seed:expr,)* })*) => {$(
        impl MappingFields for $type {
            fn set_field<'de, A: MapAccess<'de>>(
                &mut self,
                key: &str,
                map: &mut A,
            ) -> Result<(), A::Error> {
                match key {
                    $($key => self.$field = map.next_value_seed($seed)?,)*
                    _ => skip_value(map)?,
                }
                Ok(())
            }
        }
    )*};
}

mapping_fields! {
    ManifestMetadata {
        "name" => name: Lenient(ScalarText),
        "generateName" => generate_name: Lenient(ScalarText),
        "namespace" => namespace: Lenient(ScalarText),
        "creationTimestamp" => creation_timestamp: Lenient(ScalarTime),
        "labels" => labels: mapping_seed(),
        "uid" => uid: Lenient(ScalarText),
        "managedFields" => managed_fields: Lenient(Mappings(PhantomData)),
        "annotations" => last_applied: mapping_seed(),
    }
    ManagedFieldsItem {
        "manager" => manager: Lenient(ScalarText),
        "operation" => operation: Lenient(ScalarText),
        "apiVersion" => api_version: Lenient(ScalarText),
        "subresource" => subresource: Lenient(ScalarText),
        "time" => time: Lenient(ScalarTime),
        "fieldsV1" => fields: PhantomData,
    }
    LastAppliedTexts {
        "kubectl.kubernetes.io/last-applied-configuration" => kubectl: Lenient(ScalarText),
        "kapp.k14s.io/original" => kapp: Lenient(ScalarText),
    }
    HelmRecordLabels {
        "owner" => owner: Lenient(ScalarText),
        "status" => status: Lenient(ScalarText),
        "OWNER" => tiller_owner: Lenient(ScalarText),
        "STATUS" => tiller_status: Lenient(ScalarText),
    }
    VersionedRef {
        "apiVersion" => api_version: Lenient(ScalarText),
        "kind" => kind: Lenient(ScalarText),
        "name" => name: Lenient(ScalarText),
    }
    SpecFields {
        "scaleTargetRef" => scale_target_ref: mapping_seed(),
        "targetRef" => target_ref: mapping_seed(),
        "workloadRef" => workload_ref: mapping_seed(),
        "path" => path: Lenient(ScalarText),
        "source" => source: mapping_seed(),
        "sync" => sync: mapping_seed(),
        "git" => sync: mapping_seed(),
        "sources" => sources: Lenient(Mappings(PhantomData)),
        "sourceRef" => source_ref: mapping_seed(),
        "url" => url: Lenient(ScalarText),
        "ref" => revision: mapping_seed(),
    }
    RevisionRef {
        "branch" => branch: Lenient(ScalarText),
        "name" => name: Lenient(ScalarText),
        "semver" => semver: Lenient(ScalarText),
        "tag" => tag: Lenient(ScalarText),
        "commit" => commit: Lenient(ScalarText),
    }
    GitOpsSource {
        "path" => path: Lenient(ScalarText),
        "chart" => chart: Lenient(ScalarText),
        "dir" => path: Lenient(ScalarText),
        "repoURL" => repository: Lenient(ScalarText),
        "repo" => repository: Lenient(ScalarText),
        "url" => repository: Lenient(ScalarText),
        "kind" => kind: Lenient(ScalarText),
        "targetRevision" => revision: Lenient(ScalarText),
        "ref" => values_name: Lenient(ScalarText),
    }
    SourceRef {
        "kind" => kind: Lenient(ScalarText),
        "name" => name: Lenient(ScalarText),
    }
    ChartEntry {
        "name" => name: Lenient(ScalarText),
    }
    PatchEntry {
        "path" => path: Lenient(ScalarText),
    }
    DataFields {
        "release" => release_payload: Lenient(ScalarText),
    }
}

fn skip_value<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

fn mapping_seed<T: MappingFields>() -> Lenient<LenientMapping<T>> {
    Lenient(LenientMapping(T::default()))
}

/// A mapping of the document, or what is in its place.
#[derive(Default)]
enum Section<T> {
    #[default]
    Null,
    Fields(T),
    Misshapen(String),
}

struct SectionSeed<T>(T);

fn section_seed<T: MappingFields>() -> Lenient<SectionSeed<T>> {
    Lenient(SectionSeed(T::default()))
}

impl<T: MappingFields> LenientVisitor for SectionSeed<T> {
    type Out = Section<T>;

    fn visit_scalar(self, text: &dyn fmt::Display) -> Self::Out {
        Section::Misshapen(text.to_string())
    }

    fn visit_map<'de, A: MapAccess<'de>>(self, map: A) -> Result<Self::Out, A::Error> {
        LenientMapping(self.0).visit_map(map).map(Section::Fields)
    }

    fn visit_seq<'de, A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Out, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Section::Misshapen(String::new()))
    }
}

struct LenientMapping<T>(T);

impl<T: MappingFields> LenientVisitor for LenientMapping<T> {
    type Out = T;

    fn visit_map<'de, A: MapAccess<'de>>(mut self, mut map: A) -> Result<T, A::Error> {
        while let Some(key) = map.next_key_seed(Lenient(ScalarText))? {
            match key {
                Some(key) => self.0.set_field(&key, &mut map)?,
                None => skip_value(&mut map)?,
            }
        }
        Ok(self.0)
    }
}

/// The names of the files in a sequence of patches, which may be names, mappings or patches themselves.
struct PatchFiles;

impl LenientVisitor for PatchFiles {
    type Out = Vec<String>;

    fn visit_seq<'de, A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Out, A::Error> {
        let mut files = Vec::new();
        while let Some(entry) = seq.next_element_seed(section_seed::<PatchEntry>())? {
            let file = match entry {
                Section::Fields(entry) => entry.path,
                Section::Misshapen(text) => Some(text).filter(|text| !text.contains('\n')),
                Section::Null => None,
            };
            let file = file.filter(|file| !file.is_empty() && files.len() < MAX_LISTED);
            files.extend(file);
        }
        Ok(files)
    }
}

/// The mappings in a sequence.
struct Mappings<T>(PhantomData<T>);

impl<T: MappingFields> LenientVisitor for Mappings<T> {
    type Out = Vec<T>;

    fn visit_seq<'de, A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Out, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = seq.next_element_seed(mapping_seed())? {
            if entries.len() < MAX_LISTED {
                entries.push(entry);
            }
        }
        Ok(entries)
    }
}
