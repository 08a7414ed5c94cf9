//! What cannot be judged of a document, with its line.

use super::{DocumentPosition, ManifestDecoder};
use crate::catalog::{Catalog, Gvk};
use crate::manifests::documents::truncate_name;
use crate::manifests::header::ManifestDocument;
use crate::manifests::placeholders;
use crate::snapshot::{MissingData, ObjectReference, UnknownApi};

/// The annotation with the image or program of a function.
const FUNCTION_ANNOTATION: &str = "config.kubernetes.io/function";

impl ManifestDecoder<'_> {
    /// Records an apiVersion, kind or name that a template or placeholder takes. Returns whether the document cannot be
    /// judged for it.
    pub(super) fn record_placeholder(
        &mut self,
        document: &ManifestDocument,
        position: DocumentPosition<'_>,
    ) -> bool {
        let head = placeholders::head_problem(document);
        let name = || placeholders::name_problem(&document.metadata, position.raw.text);
        let names_count = !position.is_parameterized;
        let Some(problem) = head.clone().or_else(|| name().filter(|_| names_count)) else {
            return false;
        };
        let value = problem.value.as_deref();
        self.record_field(problem.field, value, &problem.to_string(), position);
        head.is_some()
    }

    /// Records a patch that changes the apiVersion or kind of what it is applied to.
    pub(super) fn record_patched_head(&mut self, position: DocumentPosition<'_>) {
        let pointers = ["/apiVersion", "/kind"];
        let text = position.raw.text;
        let is_separator =
            |letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | ',' | '}');
        let is_patch = pointers.iter().any(|pointer| {
            text.contains(pointer) && text.split(is_separator).any(|word| word == *pointer)
        });
        if is_patch {
            let why =
                "a patch in it changes apiVersion or kind; render it and give the output with -f";
            self.record_skipped(self.describe_position(position), why.to_owned());
        }
    }

    /// Records an object that configures a function of kustomize or kpt: it makes or changes objects. Those of ksops only
    /// decrypt Secrets.
    pub(super) fn record_function(&mut self, position: DocumentPosition<'_>) {
        let text = position.raw.text;
        let is_function = text.contains(FUNCTION_ANNOTATION) && !text.contains("ksops");
        if is_function && self.holding.depth == 0 {
            let why = "a function makes or changes objects: pipe `kubectl kustomize` with --enable-alpha-plugins, or `kpt fn render -o unwrap`, into `-f -`";
            self.record_skipped(self.describe_position(position), why.to_owned());
        }
    }

    /// Remembers a document without an apiVersion or a kind.
    pub(super) fn note_foreign(&mut self, position: DocumentPosition<'_>) {
        if self.foreign.len() < self.budget.listings_left.get() {
            let place = self.describe_position(position);
            // An object in a field of another one has no lines of its own.
            let is_held = self.holding.depth > 0 && position.raw.text.starts_with('{');
            let line = position.raw.content_line();
            self.foreign.push(match is_held {
                true => place,
                false => format!("{place}, line {line}"),
            });
        } else {
            self.unlisted_foreign += 1;
        }
    }

    /// Records the documents that are no manifests in a text that holds some.
    pub(super) fn record_foreign(&mut self) {
        let foreign = std::mem::take(&mut self.foreign);
        if self.decoded.manifest_count == 0 && !self.holding.is_strict {
            return;
        }
        for what in foreign {
            let why = "it is no manifest: apiVersion or kind is missing; render the manifest first, or remove it";
            self.record_skipped(what, why.to_owned());
        }
        let unlisted = self.budget.unlisted.get() + self.unlisted_foreign;
        self.budget.unlisted.set(unlisted);
    }

    /// Records objects in a sequence that is no list. Returns whether there are any.
    pub(super) fn record_sequence(
        &mut self,
        document: &ManifestDocument,
        position: DocumentPosition<'_>,
    ) -> bool {
        let objects = document.items.iter().flatten();
        let objects = objects.filter(|item| item.api_version.is_some() && item.kind.is_some());
        let objects = objects.count();
        let is_misused = document.is_sequence && objects > 0;
        if is_misused {
            let why = format!(
                "a sequence of {objects} objects, which cannot be applied: make it a List, or a document of each"
            );
            self.record_skipped(self.describe_position(position), why);
        }
        is_misused
    }

    /// Records an object whose API no server can serve, that is no manifest, or a part of which is not rendered. Returns
    /// whether its API cannot be judged.
    pub(super) fn record_object_problem(
        &mut self,
        document: &ManifestDocument,
        api_version: &str,
        kind: &str,
        position: DocumentPosition<'_>,
    ) -> bool {
        if api_version == placeholders::KUSTOMIZE_BUILTIN {
            return false;
        }
        let metadata = &document.metadata;
        let is_named = metadata.name.is_some() || metadata.generate_name.is_some();
        if let Some(why) = no_manifest(api_version, kind, is_named) {
            self.record_skipped(self.describe_position(position), why.to_owned());
            return true;
        }
        if let Some(key) = &document.stray_key {
            let key = truncate_name(key);
            let why = format!(
                "it has a field {key:?}, which no manifest has: the message of a program may be mixed in"
            );
            self.record_skipped(self.describe_position(position), why);
        }
        let gvk = Gvk::new(api_version, kind);
        if let Some(why) = self.misspelling(&gvk)
            && self.record_unknown_api(&gvk, why, position)
        {
            return true;
        }
        let is_built_in = self.catalog.apis.find(&gvk).is_some();
        let text = position.raw.text;
        if let Some(problem) = placeholders::section_problem(document, is_built_in, text) {
            let value = problem.value.as_deref();
            self.record_field(problem.field, value, &problem.to_string(), position);
        }
        false
    }

    /// Records a reference to an API that a placeholder takes, or that no server can serve.
    pub(super) fn record_unknown_reference(
        &mut self,
        to: &ObjectReference,
        position: DocumentPosition<'_>,
    ) {
        let (api_version, kind) = (to.api_version.as_str(), to.kind.as_str());
        if let Some(problem) = placeholders::api_problem(api_version, kind) {
            let why = format!("{}: {problem}", to.field);
            self.record_field("apiVersion", Some(api_version), &why, position);
            return;
        }
        let gvk = Gvk::new(api_version, kind);
        if let Some(why) = self.misspelling(&gvk) {
            self.record_unknown_api(&gvk, format!("{}: {why}", to.field), position);
        }
    }

    /// Why no release of Kubernetes serves an API, if it must be one of its own.
    fn misspelling(&self, gvk: &Gvk) -> Option<String> {
        let Catalog {
            apis, foreign_apis, ..
        } = self.catalog;
        apis.misspelling(gvk, foreign_apis)
    }

    /// Records an API that no release of Kubernetes serves. Returns false if it may be that of a custom resource.
    fn record_unknown_api(
        &mut self,
        gvk: &Gvk,
        why: String,
        position: DocumentPosition<'_>,
    ) -> bool {
        let what = self.describe_field("apiVersion", Some(&gvk.api_version()), position);
        let why = truncate_name(&why).to_owned();
        if !gvk.group.contains('.') {
            self.record_skipped(what, why);
            return true;
        }
        if self.take_listing() {
            let rbac = None;
            self.decoded.unknown_apis.push(UnknownApi {
                group: gvk.group.clone(),
                gap: MissingData { what, why, rbac },
            });
        }
        false
    }

    /// Records a field with its line.
    pub(super) fn record_field(
        &mut self,
        field: &str,
        value: Option<&str>,
        why: &str,
        position: DocumentPosition<'_>,
    ) {
        let what = self.describe_field(field, value, position);
        self.record_skipped(what, why.to_owned());
    }

    /// Where a field is.
    fn describe_field(
        &self,
        field: &str,
        value: Option<&str>,
        position: DocumentPosition<'_>,
    ) -> String {
        let place = self.describe_position(position);
        // An object in a field of another one has no lines of its own.
        match self.holding.depth > 0 && position.raw.text.starts_with('{') {
            true => place,
            false => format!("{place}, line {}", position.raw.line_of(field, value)),
        }
    }
}

/// Why a document that looks like an object is none, although it can be understood.
fn no_manifest(api_version: &str, kind: &str, is_named: bool) -> Option<&'static str> {
    match (api_version, kind) {
        _ if !is_named && kind.to_ascii_lowercase().ends_with("list") => {
            Some("a list without a sequence of items")
        }
        ("v1" | "meta.k8s.io/v1", "Table") => {
            Some("a Table is what an API server prints for people, no manifest")
        }
        ("v1", "Status") => {
            Some("a Status is what an API server answers to a failed request, no manifest")
        }
        _ => None,
    }
}
