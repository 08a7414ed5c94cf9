//! What pages tell, Markdown and HTML alike: every text harmless and of bounded length, none of it encoded yet.

mod check;
pub(super) mod markdown;

pub(super) use check::{report_html, report_markdown as check_markdown};

use super::table::object_cell;
use super::{remedies, terminal};
use crate::api::v1::{
    ClusterDoc, DocumentMetadata, FindingDoc, GapDoc, HopDoc, HopIdDoc, ObjectDoc,
};

/// How many objects are listed.
pub(super) const MAX_OBJECTS: usize = 100;

/// A finding.
pub(super) struct FindingView {
    pub(super) number: usize,
    pub(super) severity: &'static str,
    pub(super) id: String,
    pub(super) message: String,
    /// At which hop it bites; empty where it holds already.
    pub(super) hop: String,
    pub(super) remedy: String,
    /// Objects and what speaks for them.
    pub(super) objects: Vec<(String, String)>,
    pub(super) more: usize,
    pub(super) reference: Option<Link>,
}

/// Something that could not be looked at.
pub(super) struct GapView {
    pub(super) what: String,
    pub(super) why: String,
    pub(super) mend: String,
    pub(super) rules: String,
}

/// An address: one to follow, or one that is only shown because it is not plainly one.
pub(super) struct Link {
    pub(super) is_safe: bool,
    pub(super) url: String,
}

/// What a page says of the cluster that was looked at, but for its name.
pub(super) fn cluster_facts(cluster: &ClusterDoc) -> Vec<(&'static str, String)> {
    let told = [
        ("Server", &cluster.server),
        ("Kubernetes", &cluster.kubernetes_version),
        ("Provider", &cluster.provider),
        ("Only the namespace", &cluster.namespace),
    ];
    let told = told.into_iter();
    let mut facts: Vec<_> = told
        .filter_map(|(name, value)| Some((name, escape_plain(value.as_ref()?))))
        .collect();
    facts.extend(cluster.nodes.map(|nodes| ("Nodes", nodes.to_string())));
    facts
}

/// When and by what a document was made.
pub(super) fn generated_line(metadata: &DocumentMetadata) -> String {
    format!(
        "Made by {} {} at {}, with the facts of {}.",
        escape_plain(&metadata.tool.name),
        escape_plain(&metadata.tool.version),
        escape_plain(&metadata.generated_at),
        escape_plain(&metadata.catalog.date),
    )
}

/// A text without what moves, hides or never ends.
pub(super) fn escape_plain(text: &str) -> String {
    remedies::escape_prose(text)
}

/// `Kubernetes 1.25`.
fn hop_title(hop: &HopIdDoc) -> String {
    format!(
        "{} {}",
        hop.platform.title(),
        terminal::escape_line(&hop.to.to_string())
    )
}

/// `Kubernetes 1.24.17 → 1.25.16` and why that is supported.
fn hop_row(hop: &HopDoc) -> (String, String) {
    let title = remedies::hop_title(hop.platform, hop.from.as_ref(), &hop.to);
    (title, escape_plain(&hop.source))
}

impl Link {
    pub(super) fn new(url: &str) -> Self {
        let is_plain =
            |letter: char| letter.is_ascii_alphanumeric() || "-._~:/?#@!$&+,;=%".contains(letter);
        let scheme = url.starts_with("https://") || url.starts_with("http://");
        Self {
            is_safe: scheme && url.len() <= terminal::MAX_CHARS && url.chars().all(is_plain),
            url: terminal::escape_line(url).into_owned(),
        }
    }
}

impl FindingView {
    /// Numbered from one.
    pub(super) fn numbered(findings: &[FindingDoc]) -> Vec<Self> {
        (1..)
            .zip(findings)
            .map(|(number, finding)| Self::new(number, finding))
            .collect()
    }

    fn new(number: usize, finding: &FindingDoc) -> Self {
        let objects = finding.objects.iter().take(MAX_OBJECTS);
        Self {
            number,
            severity: finding.severity.as_str(),
            id: escape_plain(&finding.id),
            message: escape_plain(&finding.message),
            hop: finding.hop.as_ref().map(hop_title).unwrap_or_default(),
            remedy: escape_plain(&finding.remedy),
            objects: objects.map(object_row).collect(),
            more: finding.objects.len().saturating_sub(MAX_OBJECTS),
            reference: (!finding.reference.is_empty()).then(|| Link::new(&finding.reference)),
        }
    }
}

/// An object, what speaks for it, and who has taken it on.
fn object_row(object: &ObjectDoc) -> (String, String) {
    let evidence = object.evidence.first();
    let evidence = evidence.map(|it| terminal::escape_cell(&it.detail).into_owned());
    let waiver = object.waiver.as_ref().map(|waiver| {
        let (owner, until) = (
            terminal::escape_cell(&waiver.owner),
            terminal::escape_cell(&waiver.expires),
        );
        format!(
            "waived by {owner} until {until}: {}",
            escape_plain(&waiver.reason)
        )
    });
    let said: Vec<String> = evidence.into_iter().chain(waiver).collect();
    (object_cell(object), said.join("; "))
}

impl GapView {
    pub(super) fn new(gap: &GapDoc) -> Self {
        Self {
            what: terminal::escape_line(&gap.what).into_owned(),
            why: escape_plain(&gap.why),
            mend: gap
                .rbac
                .as_ref()
                .map(remedies::permission_phrase)
                .unwrap_or_default(),
            rules: escape_plain(&gap.rules.join(", ")),
        }
    }
}
