//! What pages tell, Markdown and HTML alike: every text harmless and of bounded length, none of it encoded yet.

mod check;
pub(super) mod markdown;

pub(super) use check::{html, markdown as check_markdown};

use super::document::{ClusterDoc, ObjectDoc};
use super::{FindingDoc, HopDoc, Metadata, advice, terminal};
use crate::check::Gap;
use crate::path::HopRef;

/// How many objects are listed.
pub(super) const OBJECTS: usize = 100;

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
        .filter_map(|(name, value)| Some((name, plain(value.as_ref()?))))
        .collect();
    facts.extend(cluster.nodes.map(|nodes| ("Nodes", nodes.to_string())));
    facts
}

/// When and by what a document was made.
pub(super) fn made(metadata: &Metadata) -> String {
    format!(
        "Made by {} {} at {}, with the facts of {}.",
        plain(&metadata.tool.name),
        plain(&metadata.tool.version),
        plain(&metadata.generated_at),
        plain(&metadata.catalog.date),
    )
}

/// A text without what moves, hides or never ends.
pub(super) fn plain(text: &str) -> String {
    advice::prose(text)
}

/// `Kubernetes 1.25`.
fn hop(hop: &HopRef) -> String {
    format!(
        "{} {}",
        advice::platform_name(&hop.platform),
        terminal::line(&hop.to)
    )
}

/// `Kubernetes 1.24.17 → 1.25.16` and why that is supported.
fn edge(hop: &HopDoc) -> (String, String) {
    let platform = advice::platform_name(&hop.platform);
    let to = terminal::line(&hop.to);
    let title = match &hop.from {
        Some(from) => format!("{platform} {} → {to}", terminal::line(from)),
        None => format!("{platform} to {to}"),
    };
    (title, plain(&hop.source))
}

impl Link {
    pub(super) fn new(url: &str) -> Self {
        let is_plain =
            |letter: char| letter.is_ascii_alphanumeric() || "-._~:/?#@!$&+,;=%".contains(letter);
        let scheme = url.starts_with("https://") || url.starts_with("http://");
        Self {
            is_safe: scheme && url.len() <= terminal::LIMIT && url.chars().all(is_plain),
            url: terminal::line(url).into_owned(),
        }
    }
}

impl FindingView {
    /// Numbered from one.
    pub(super) fn all(findings: &[FindingDoc]) -> Vec<Self> {
        (1..)
            .zip(findings)
            .map(|(number, finding)| Self::new(number, finding))
            .collect()
    }

    fn new(number: usize, finding: &FindingDoc) -> Self {
        let objects = finding.objects.iter().take(OBJECTS);
        Self {
            number,
            severity: finding.severity.word(),
            id: plain(&finding.id),
            message: plain(&finding.message),
            hop: finding.hop.as_ref().map(hop).unwrap_or_default(),
            remedy: plain(&finding.remedy),
            objects: objects.map(object).collect(),
            more: finding.objects.len().saturating_sub(OBJECTS),
            reference: (!finding.reference.is_empty()).then(|| Link::new(&finding.reference)),
        }
    }
}

/// An object, what speaks for it, and who has taken it on.
fn object(object: &ObjectDoc) -> (String, String) {
    let evidence = object.evidence.first();
    let evidence = evidence.map(|it| terminal::cell(&it.detail).into_owned());
    let waiver = object.waiver.as_ref().map(|waiver| {
        let (owner, until) = (
            terminal::cell(&waiver.owner),
            terminal::cell(&waiver.expires),
        );
        format!("waived by {owner} until {until}: {}", plain(&waiver.reason))
    });
    let said: Vec<String> = evidence.into_iter().chain(waiver).collect();
    (terminal::cell(&object.path()).into_owned(), said.join("; "))
}

impl GapView {
    pub(super) fn new(gap: &Gap) -> Self {
        Self {
            what: terminal::line(&gap.what).into_owned(),
            why: plain(&gap.why),
            mend: gap.rbac.as_ref().map(advice::allow).unwrap_or_default(),
            rules: plain(&gap.rules.join(", ")),
        }
    }
}
