//! The table for people: a finding a line, worst first, hop by hop; below it what to do, what was not seen, the verdict.

use std::collections::BTreeMap;

use super::document::{BaselineDoc, FindingDoc, HopDoc, ObjectDoc};
use super::grid::grid;
use super::{Look, UpgradeReport, advice, aside, narrow, prose, terminal};
use crate::path::HopRef;

const HEADER: [&str; 5] = ["SEVERITY", "RULE", "OBJECT", "WHY", "EVIDENCE"];
const MORE: [&str; 3] = ["HOP", "CONFIDENCE", "OWNER"];

/// What kubectl writes where there is nothing.
const NONE: &str = "<none>";

/// What stands for "at no hop: it holds already".
const NOW: &str = "now";

/// The whole answer as text. `wide` has more columns and an object a line.
pub(super) fn table(report: &UpgradeReport, look: &Look, wide: bool) -> String {
    prose::apart(&[
        findings(report, look, wide),
        advice::remedies(report, look, wide),
        aside::waived(report, look, wide),
        aside::resolved(report, look, wide),
        advice::gaps(&report.gaps, look, wide),
        aside::remarks(&report.remarks, look),
        advice::verdict(report, look),
    ])
}

fn findings(report: &UpgradeReport, look: &Look, wide: bool) -> String {
    let groups = Groups::new(report);
    let rows: Vec<Vec<String>> = groups
        .findings()
        .flat_map(|finding| rows(finding, look, wide))
        .collect();
    let mut header = HEADER.to_vec();
    if wide {
        header.extend(MORE);
    }
    // One grid for all groups, so that columns stand under one another.
    let in_columns = grid(look.headers.then_some(&header), rows.clone());
    let too_wide = |limit: usize| in_columns.iter().any(|line| narrow::width(line) > limit);
    let (header, lines) = match look.width {
        Some(limit) if too_wide(limit) => (None, narrow::rows(&rows, limit)),
        _ => {
            let mut lines = in_columns;
            let header = (look.headers && !lines.is_empty()).then(|| lines.remove(0));
            (header, lines)
        }
    };
    let mut lines = lines.into_iter();
    let mut out = String::new();
    if !groups.several {
        header
            .into_iter()
            .chain(lines)
            .for_each(|line| advice::push(&mut out, 0, &line));
        return out;
    }
    for (heading, findings) in &groups.groups {
        if look.headers {
            if !out.is_empty() {
                out.push('\n');
            }
            advice::push(&mut out, 0, &look.styles.heading(heading));
        }
        header
            .iter()
            .for_each(|header| advice::push(&mut out, 0, header));
        let count = findings
            .iter()
            .map(|finding| if wide { finding.objects.len() } else { 1 })
            .sum();
        lines
            .by_ref()
            .take(count)
            .for_each(|line| advice::push(&mut out, 0, &line));
    }
    out
}

/// Findings by hop, with what stands above each group.
struct Groups<'a> {
    groups: Vec<(String, Vec<&'a FindingDoc>)>,
    /// Whether there is more than one hop to tell apart.
    several: bool,
}

impl<'a> Groups<'a> {
    fn new(report: &'a UpgradeReport) -> Self {
        let mut by_hop: BTreeMap<Option<Place>, Vec<&FindingDoc>> = BTreeMap::new();
        for finding in &report.findings {
            let place = finding
                .hop
                .as_ref()
                .map(|hop| Place::new(hop, &report.path));
            by_hop.entry(place).or_default().push(finding);
        }
        let hops = by_hop.keys().flatten().count();
        let several = report.path.len() > 1 || hops > 1;
        let groups = if several {
            by_hop
                .into_iter()
                .map(|(place, findings)| {
                    let heading = place.map_or_else(|| NOW.to_owned(), |place| place.heading());
                    (heading, findings)
                })
                .collect()
        } else {
            vec![(String::new(), report.findings.iter().collect())]
        };
        Self { groups, several }
    }

    fn findings(&self) -> impl Iterator<Item = &'a FindingDoc> {
        self.groups
            .iter()
            .flat_map(|(_, findings)| findings)
            .copied()
    }
}

/// Where a hop stands on the way: by the way itself, then by number (1.9 is before 1.10).
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    at: usize,
    platform: String,
    numbers: Vec<u64>,
    to: String,
}

impl Place {
    fn new(hop: &HopRef, path: &[HopDoc]) -> Self {
        let numbers = numbers(&hop.to);
        // A hop of Kubernetes is named by its minor, the way by releases.
        let reaches = |step: &HopDoc| {
            step.platform == hop.platform && numbers.iter().le(self::numbers(&step.to).iter())
        };
        Self {
            at: path.iter().position(reaches).unwrap_or(path.len()),
            platform: hop.platform.clone(),
            numbers,
            to: hop.to.clone(),
        }
    }

    fn heading(&self) -> String {
        let platform = advice::platform_name(&self.platform);
        format!("to {platform} {}", terminal::cell(&self.to))
    }
}

fn numbers(version: &str) -> Vec<u64> {
    version
        .split('.')
        .map_while(|number| number.parse().ok())
        .collect()
}

fn rows(finding: &FindingDoc, look: &Look, wide: bool) -> Vec<Vec<String>> {
    let common = |object: String, of: Option<&ObjectDoc>| {
        vec![
            severity(finding, of, look),
            terminal::cell(&finding.id).into_owned(),
            object,
            terminal::cell(&finding.message).into_owned(),
            evidence(of),
        ]
    };
    if !wide {
        let first = first_open(&finding.objects);
        return vec![common(first_object(first, finding.objects.len()), first)];
    }
    let hop = finding.hop.as_ref().map_or_else(
        || NOW.to_owned(),
        |hop| format!("{}={}", hop.platform, hop.to),
    );
    finding
        .objects
        .iter()
        .map(|object| {
            let mut row = common(object_cell(object), Some(object));
            row.extend([
                terminal::cell(&hop).into_owned(),
                advice::confidence(finding.confidence).to_owned(),
                terminal::cell(object.owner.as_deref().unwrap_or(NONE)).into_owned(),
            ]);
            row
        })
        .collect()
}

/// `blocker`, and in parentheses what takes the sting out of it.
fn severity(finding: &FindingDoc, object: Option<&ObjectDoc>, look: &Look) -> String {
    let why = match object {
        Some(object) if object.waiver.is_some() => "waived",
        Some(object) if object.baseline == Some(BaselineDoc::Known) => "known",
        Some(object) if object.baseline == Some(BaselineDoc::New) => {
            return format!("{} (new)", look.styles.severity(finding.severity));
        }
        _ => return look.styles.severity(finding.severity),
    };
    look.styles.settled(finding.severity, why)
}

/// The object to show where there is room for one: one that is still open, if any is.
fn first_open(objects: &[ObjectDoc]) -> Option<&ObjectDoc> {
    let open = objects.iter().find(|object| object.is_open());
    let free = || objects.iter().find(|object| object.waiver.is_none());
    open.or_else(free).or(objects.first())
}

/// `poddisruptionbudget/shop/cart +3`: an object, and how many more there are.
fn first_object(first: Option<&ObjectDoc>, all: usize) -> String {
    let Some(cell) = first.map(object_cell) else {
        return NONE.to_owned();
    };
    match all.saturating_sub(1) {
        0 => cell,
        more => format!("{cell} +{more}"),
    }
}

/// An object as one word of a line.
pub(super) fn object_cell(object: &ObjectDoc) -> String {
    terminal::cell(&object.path()).into_owned()
}

/// The strongest trace.
pub(super) fn evidence(object: Option<&ObjectDoc>) -> String {
    object
        .and_then(|object| object.evidence.first())
        .map_or_else(
            || NONE.to_owned(),
            |evidence| terminal::cell(&evidence.detail).into_owned(),
        )
}
