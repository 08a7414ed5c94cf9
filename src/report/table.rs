//! The table of `upgrade-check`: one line per finding, worst first, by hop; sections and the verdict below it.

use std::collections::{BTreeMap, BTreeSet};

use console::measure_text_width;

use super::cells::{NONE_CELL, evidence_cell, object_cell};
use super::columns::format_columns;
use super::options::RenderOptions;
use super::{clusters, notices, remedies, stacked, terminal, totals, verdict, wrap};
use crate::api::v1::{BaselineDoc, FindingDoc, HopDoc, HopIdDoc, ObjectDoc, UpgradeReport};

const HEADER: [&str; 7] = [
    "SEVERITY",
    "RULE",
    "OBJECT",
    "WHY",
    "EVIDENCE",
    "HOP",
    "CONFIDENCE",
];
const WIDE_HEADER: [&str; 1] = ["OWNER"];
/// Columns before `HOP`; narrow terminals show the others with their names.
const UNNAMED: usize = 5;

/// Namespaces named in a row of the summary.
const MAX_NAMESPACES: usize = 3;

/// The hop of findings that hold already.
const NOW_CELL: &str = "now";
/// Their heading beside those of hops.
const NOW_HEADING: &str = "now, before any hop";

/// The whole report. `wide` adds columns and prints one line per object.
pub(super) fn report_table(report: &UpgradeReport, look: &RenderOptions, wide: bool) -> String {
    wrap::join_sections(&[
        clusters::clusters_section(&report.clusters, look),
        findings_section(report, look, wide),
        totals::known_section(report, wide),
        totals::totals_section(report, look, false),
        remedies::remedies_section(report, look, wide),
        notices::waived_section(report, look, wide),
        notices::resolved_section(report, look, wide),
        remedies::gaps_section(&report.gaps, look, wide),
        notices::remarks_section(&report.remarks, look),
        totals::passed_section(look),
        verdict::verdict_line(report, look),
    ])
}

/// A row for each rule that found something, the counts by namespace and owner, and the verdict.
pub(super) fn summary_table(report: &UpgradeReport, look: &RenderOptions) -> String {
    let header = ["SEVERITY", "RULE", "OBJECTS", "NAMESPACES", "TITLE"];
    let mut rows: Vec<Vec<String>> = Vec::new();
    let findings = report.findings.iter();
    // What the baseline has is one line.
    let findings = findings.filter(|one| !one.is_waived() && !one.is_in_baseline());
    let findings: Vec<&FindingDoc> = findings.collect();
    for same in findings.chunk_by(|one, next| one.severity == next.severity && one.id == next.id) {
        let Some(first) = same.first() else { continue };
        let objects = || {
            let all = same.iter().flat_map(|finding| &finding.objects);
            all.filter(|object| object.is_open())
        };
        let namespaces: BTreeSet<&str> = objects()
            .filter_map(|object| object.namespace.as_deref())
            .collect();
        let mut named: Vec<String> = namespaces
            .iter()
            .take(MAX_NAMESPACES)
            .map(|name| terminal::escape_cell(name).into_owned())
            .collect();
        if namespaces.len() > MAX_NAMESPACES {
            named.push(format!("+{}", namespaces.len() - MAX_NAMESPACES));
        }
        rows.push(vec![
            severity_cell(first, objects().next(), look),
            terminal::escape_cell(&first.id).into_owned(),
            objects().count().to_string(),
            match named.is_empty() {
                true => NONE_CELL.to_owned(),
                false => named.join(","),
            },
            terminal::escape_cell(&first.title).into_owned(),
        ]);
    }
    let lines = stacked::table_or_stacked(&header, rows, 2, look);
    let lines: String = lines.into_iter().map(|line| line + "\n").collect();
    wrap::join_sections(&[
        clusters::clusters_section(&report.clusters, look),
        lines,
        totals::known_section(report, false),
        totals::totals_section(report, look, true),
        notices::remarks_section(&report.remarks, look),
        totals::passed_section(look),
        verdict::verdict_line(report, look),
    ])
}

fn findings_section(report: &UpgradeReport, look: &RenderOptions, wide: bool) -> String {
    let groups = FindingGroups::new(report, wide);
    let rows: Vec<Vec<String>> = groups
        .findings()
        .flat_map(|finding| finding_rows(finding, look, wide))
        .collect();
    let mut header = HEADER.to_vec();
    if wide {
        header.extend(WIDE_HEADER);
    }
    // One table for all groups, so that columns align.
    let in_columns = format_columns(look.show_headers.then_some(&header), rows.clone());
    let too_wide = |limit: usize| {
        in_columns
            .iter()
            .any(|line| measure_text_width(line) > limit)
    };
    let (header, lines) = match look.width {
        Some(limit) if too_wide(limit) => {
            let rows: Vec<Vec<String>> = rows.into_iter().map(name_last_cells).collect();
            (None, stacked::stacked_rows(&rows, limit))
        }
        _ => {
            let mut lines = in_columns;
            let header = (look.show_headers && !lines.is_empty()).then(|| lines.remove(0));
            (header, lines)
        }
    };
    let mut lines = lines.into_iter();
    let mut out = String::new();
    if !groups.have_headings {
        header
            .into_iter()
            .chain(lines)
            .for_each(|line| remedies::push_indented(&mut out, 0, &line));
        return out;
    }
    for (heading, findings) in &groups.groups {
        if look.show_headers {
            if !out.is_empty() {
                out.push('\n');
            }
            remedies::push_indented(&mut out, 0, &look.styles.heading(heading));
        }
        header
            .iter()
            .for_each(|header| remedies::push_indented(&mut out, 0, header));
        let count = findings
            .iter()
            .map(|finding| if wide { finding.objects.len() } else { 1 })
            .sum();
        lines
            .by_ref()
            .take(count)
            .for_each(|line| remedies::push_indented(&mut out, 0, &line));
    }
    out
}

/// Findings by cluster and hop, each group with its heading.
struct FindingGroups<'a> {
    groups: Vec<(String, Vec<&'a FindingDoc>)>,
    /// Whether there are several clusters or hops.
    have_headings: bool,
}

impl<'a> FindingGroups<'a> {
    /// All findings, or without those that the baseline has.
    fn new(report: &'a UpgradeReport, all: bool) -> Self {
        let is_listed =
            |finding: &&FindingDoc| all || finding.is_waived() || !finding.is_in_baseline();
        let several_clusters = report.clusters.len() > 1;
        // Manifests are of no cluster, and come last.
        let cluster_index = |finding: &FindingDoc| {
            let cluster = finding.cluster().filter(|_| several_clusters);
            let mut clusters = report.clusters.iter();
            let index = clusters.position(|one| Some(one.id.as_str()) == cluster);
            index.unwrap_or(report.clusters.len())
        };
        let mut by_place: BTreeMap<(usize, Option<HopOrder>), Vec<&FindingDoc>> = BTreeMap::new();
        for finding in report.findings.iter().filter(is_listed) {
            let hop = finding.hop.as_ref();
            let hop = hop.map(|hop| HopOrder::new(hop, &report.path));
            let place = (cluster_index(finding), hop);
            by_place.entry(place).or_default().push(finding);
        }
        let hops: BTreeSet<&HopOrder> = by_place
            .keys()
            .filter_map(|(_, hop)| hop.as_ref())
            .collect();
        if !several_clusters && report.path.len() <= 1 && hops.len() <= 1 {
            return Self {
                groups: vec![(
                    String::new(),
                    report.findings.iter().filter(is_listed).collect(),
                )],
                have_headings: false,
            };
        }
        let groups = by_place.into_iter().map(|((cluster, hop), findings)| {
            let hop = hop.map_or_else(|| NOW_HEADING.to_owned(), |hop| hop.heading());
            let cluster = report.clusters.get(cluster).filter(|_| several_clusters);
            let heading = match cluster {
                Some(cluster) => format!("{}: {hop}", terminal::escape_cell(&cluster.id)),
                None => hop,
            };
            (heading, findings)
        });
        Self {
            groups: groups.collect(),
            have_headings: true,
        }
    }

    fn findings(&self) -> impl Iterator<Item = &'a FindingDoc> {
        self.groups
            .iter()
            .flat_map(|(_, findings)| findings)
            .copied()
    }
}

/// Orders hops by their position in the path, then by version.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct HopOrder {
    path_index: usize,
    id: HopIdDoc,
}

impl HopOrder {
    fn new(hop: &HopIdDoc, path: &[HopDoc]) -> Self {
        let reaches = |step: &HopDoc| step.platform == hop.platform && hop.to <= step.to;
        Self {
            path_index: path.iter().position(reaches).unwrap_or(path.len()),
            id: hop.clone(),
        }
    }

    fn heading(&self) -> String {
        let to = self.id.to.to_string();
        let platform = self.id.platform.title();
        format!("to {platform} {}", terminal::escape_cell(&to))
    }
}

fn finding_rows(finding: &FindingDoc, look: &RenderOptions, wide: bool) -> Vec<Vec<String>> {
    let hop = finding.hop.as_ref().map_or_else(
        || NOW_CELL.to_owned(),
        |hop| format!("{}={}", hop.platform, hop.to),
    );
    let common = |object: String, of: Option<&ObjectDoc>| {
        vec![
            severity_cell(finding, of, look),
            terminal::escape_cell(&finding.id).into_owned(),
            object,
            terminal::escape_cell(&finding.message).into_owned(),
            evidence_cell(of),
            terminal::escape_cell(&hop).into_owned(),
            finding.confidence.as_str().to_owned(),
        ]
    };
    if !wide {
        let first = first_open(&finding.objects);
        return vec![common(
            first_object_cell(first, finding.objects.len()),
            first,
        )];
    }
    let rows = finding.objects.iter().map(|object| {
        let mut row = common(object_cell(object), Some(object));
        row.push(terminal::escape_cell(object.owner.as_deref().unwrap_or(NONE_CELL)).into_owned());
        row
    });
    rows.collect()
}

/// A row for a narrow terminal: the cells that need their names become one: `hop kubernetes=1.25 · confidence likely`.
fn name_last_cells(mut row: Vec<String>) -> Vec<String> {
    let last = row.split_off(UNNAMED.min(row.len()));
    let names = HEADER.iter().skip(UNNAMED).chain(&WIDE_HEADER);
    let named = names.zip(last).filter(|(_, cell)| cell != NONE_CELL);
    let named = named.map(|(name, cell)| match cell == NOW_CELL {
        true => "holds now".to_owned(),
        false => format!("{} {cell}", name.to_lowercase()),
    });
    row.push(named.collect::<Vec<_>>().join(" · "));
    row
}

/// `blocker`, followed by `(waived)`, `(known)` or `(new)`.
fn severity_cell(finding: &FindingDoc, object: Option<&ObjectDoc>, look: &RenderOptions) -> String {
    let why = match object {
        Some(object) if object.waiver.is_some() => "waived",
        Some(object) if object.baseline == Some(BaselineDoc::Known) => "known",
        Some(object) if object.baseline == Some(BaselineDoc::New) => {
            return format!("{} (new)", look.styles.severity(finding.severity));
        }
        _ => return look.styles.severity(finding.severity),
    };
    look.styles.muted_severity(finding.severity, why)
}

/// The object to show if only one fits: preferably one that is open.
fn first_open(objects: &[ObjectDoc]) -> Option<&ObjectDoc> {
    let open = objects.iter().find(|object| object.is_open());
    let free = || objects.iter().find(|object| object.waiver.is_none());
    open.or_else(free).or(objects.first())
}

/// `poddisruptionbudget/shop/cart +3`.
fn first_object_cell(first: Option<&ObjectDoc>, all: usize) -> String {
    let Some(cell) = first.map(object_cell) else {
        return NONE_CELL.to_owned();
    };
    match all.saturating_sub(1) {
        0 => cell,
        more => format!("{cell} +{more}"),
    }
}
