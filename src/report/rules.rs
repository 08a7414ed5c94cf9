//! `rules` and `explain`.

use super::options::{OutputFormat, RenderError, RenderOptions};
use super::{encode, stacked, terminal, wrap};
use crate::api::v1::{RuleDoc, RuleList};
use crate::catalog::Catalog;
use crate::rules::{Hazard, Rule};
use crate::text::names::CHECK;

/// Maximum width of prose.
const EXPLAIN_WIDTH: usize = 80;
/// The indent of a section.
const SECTION_INDENT: &str = "    ";

/// The rules, and hazards without one, in the given format; with `-o name` their ids.
///
/// # Errors
/// See [`RenderError`].
pub fn render_rules(
    format: OutputFormat,
    rules: &[&Rule],
    hazards: &[Hazard],
    catalog: &Catalog,
    look: &RenderOptions,
) -> Result<String, RenderError> {
    let list = RuleList::new(rules, hazards, catalog);
    let all = !hazards.is_empty();
    match format {
        OutputFormat::Json => encode::to_json(&list),
        OutputFormat::Yaml => encode::to_yaml(&list),
        OutputFormat::Name => Ok(list
            .items
            .iter()
            .map(|rule| rule.id.clone() + "\n")
            .collect()),
        OutputFormat::Table
        | OutputFormat::Markdown
        | OutputFormat::Html
        | OutputFormat::Summary
        | OutputFormat::Csv
        | OutputFormat::Junit
        | OutputFormat::Waivers => Ok(rules_table(&list, look, all, false)),
        OutputFormat::Wide => Ok(rules_table(&list, look, all, true)),
    }
}

fn rules_table(list: &RuleList, look: &RenderOptions, all: bool, wide: bool) -> String {
    let mut header = vec!["ID", "SEVERITY", "APPLIES TO", "TITLE"];
    if all {
        header.insert(1, "STATE");
    }
    if wide {
        header.extend(["PLATFORMS", "VISIBLE"]);
    }
    let rows = list
        .items
        .iter()
        .map(|rule| {
            let mut row = vec![
                rule.id.clone(),
                look.styles.severity(rule.severity),
                terminal::escape_cell(&rule.applies_to).into_owned(),
                terminal::escape_cell(&rule.title).into_owned(),
            ];
            if all {
                row.insert(1, rule.state.as_str().to_owned());
            }
            if wide {
                row.extend([rule.platforms.join(","), rule.is_visible.to_string()]);
            }
            row
        })
        .collect();
    let named = if all { 5 } else { 4 };
    let mut out = stacked::table_or_stacked(&header, rows, named, look).join("\n");
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// An id that no rule has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct UnknownRule {
    /// The id given.
    pub id: String,
    /// The closest id of a rule.
    pub suggestion: Option<String>,
}

impl std::fmt::Display for UnknownRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no rule named \"{}\"", terminal::escape_line(&self.id))?;
        if let Some(nearest) = &self.suggestion {
            write!(f, "; did you mean {nearest}?")?;
        }
        write!(f, " (run 'kubectl {CHECK} rules' to list all rules)")
    }
}

impl UnknownRule {
    /// With the closest of these rules as suggestion.
    #[must_use]
    pub fn new(id: &str, rules: &[&Rule]) -> Self {
        let ids = rules.iter().map(|rule| rule.id);
        Self {
            id: id.to_owned(),
            suggestion: wrap::closest_match(id, ids).map(str::to_owned),
        }
    }
}

/// Why a rule cannot be explained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// No rule has the id.
    #[error(transparent)]
    UnknownRule(#[from] UnknownRule),
    /// The rule has nothing to say of this kind alone.
    #[error(
        "{id} has nothing to say of kind {} alone: 'kubectl {CHECK} explain {id}' says all",
        terminal::escape_line(kind)
    )]
    UnknownKind {
        /// The rule.
        id: String,
        /// The kind given.
        kind: String,
    },
}

/// Everything about a rule, or about a hazard without one, in lines of at most 80 characters. With a kind of objects, what
/// to change for it.
///
/// # Errors
/// If neither has this id, with a suggestion, or if it has nothing to say of the kind alone.
pub fn explain(
    id: &str,
    kind: Option<&str>,
    rules: &[&Rule],
    hazards: &[Hazard],
    catalog: &Catalog,
    look: &RenderOptions,
) -> Result<String, ExplainError> {
    let unknown_kind = |kind: &str| ExplainError::UnknownKind {
        id: id.to_owned(),
        kind: kind.to_owned(),
    };
    let hazard = hazards.iter().find(|hazard| hazard.id == id);
    if let Some(hazard) = hazard {
        if let Some(kind) = kind {
            return Err(unknown_kind(kind));
        }
        let doc = RuleDoc::from(hazard);
        let sources = hazard.source.replace("; ", "\n");
        let sections = [
            ("TITLE:", doc.title.as_str()),
            ("DETECTION:", &doc.detection),
            ("SOURCES:", &sources),
        ];
        let head = [("HAZARD:", id), ("STATE:", doc.state.as_str())];
        return Ok(explanation(&head, &doc, &sections, look));
    }
    let rule = rules.iter().find(|rule| rule.id == id);
    let rule = rule.ok_or_else(|| UnknownRule::new(id, rules))?;
    let width = explain_width(look) - SECTION_INDENT.len();
    let details = wrap_details(&(rule.details)(catalog, kind), width);
    if let Some(kind) = kind {
        if details.is_empty() {
            return Err(unknown_kind(kind));
        }
        let doc = RuleDoc::from_rule(rule, catalog);
        let sections = [
            ("WHAT TO CHANGE:", details.as_str()),
            ("READ MORE:", rule.reference),
        ];
        return Ok(explanation(&[("RULE:", id)], &doc, &sections, look));
    }
    let sections = [
        ("TITLE:", rule.title),
        ("WHY IT MATTERS:", rule.why),
        ("DETECTION:", rule.detection),
        ("REMEDY:", rule.remedy),
        ("FIELDS THAT CHANGE:", &details),
        ("READ MORE:", rule.reference),
        ("SOURCES:", &rule.sources.join("\n")),
    ];
    let doc = RuleDoc::from_rule(rule, catalog);
    Ok(explanation(&[("RULE:", id)], &doc, &sections, look))
}

fn explain_width(look: &RenderOptions) -> usize {
    look.width
        .unwrap_or(EXPLAIN_WIDTH)
        .clamp(2 * SECTION_INDENT.len(), EXPLAIN_WIDTH)
}

/// Indented lines keep their indent where they go on.
fn wrap_details(text: &str, width: usize) -> String {
    let lines = text.lines().map(|line| match line.strip_prefix("  ") {
        Some(field) => wrap::wrap(field, "    ", width).replacen("    ", "  ", 1),
        None => format!("{line}\n"),
    });
    lines.collect()
}

fn explanation(
    head: &[(&str, &str)],
    doc: &RuleDoc,
    sections: &[(&str, &str)],
    look: &RenderOptions,
) -> String {
    let styles = &look.styles;
    let severity = styles.severity(doc.severity);
    let mut head = head.to_vec();
    head.splice(
        1..1,
        [
            ("SEVERITY:", severity.as_str()),
            ("APPLIES TO:", &doc.applies_to),
        ],
    );
    let mut out = String::new();
    for (name, value) in head {
        let padding = " ".repeat("APPLIES TO: ".len().saturating_sub(name.len()));
        out.push_str(&format!("{}{padding}{value}\n", styles.heading(name)));
    }
    for (name, text) in sections {
        let text = wrap::wrap(text, SECTION_INDENT, explain_width(look));
        if !text.is_empty() {
            out.push_str(&format!("\n{}\n{text}", styles.heading(name)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{EXPLAIN_WIDTH, UnknownRule, explain, render_rules};
    use crate::catalog::Catalog;
    use crate::report::options::{OutputFormat, RenderOptions};
    use crate::rules;
    use crate::rules::{Applicability, Rule, Severity};

    const fn example(id: &'static str, applies_to: &'static str) -> Rule {
        Rule {
            id,
            severity: Severity::Blocker,
            title: "A budget never allows an eviction",
            applies_to: Applicability::Text(applies_to),
            why: "A node whose pods may never be evicted cannot be drained, and the upgrade of its pool does not finish until someone intervenes.",
            detection: "By minAvailable and the number of replicas.",
            remedy: "Allow one:\n\n  kubectl patch pdb NAME --type merge -p '{\"spec\":{\"maxUnavailable\":1,\"minAvailable\":null}}'\n\nor add a replica.",
            reference: "https://kubernetes.io/docs/tasks/run-application/configure-pdb/",
            sources: &[
                "kubernetes/kubernetes pkg/registry/core/pod/storage/eviction.go",
                "kubernetes/kubectl pkg/drain",
            ],
            ..Rule::DEFAULT
        }
    }

    fn catalog() -> &'static Catalog {
        Catalog::embedded().expect("the catalog")
    }

    const EXAMPLE: Rule = example("pdb-impossible", "any");
    const OTHER: Rule = example("api-removed", "each minor");

    #[test]
    fn rules_are_listed_by_id() {
        let text = |format| {
            render_rules(
                format,
                &[&EXAMPLE, &OTHER],
                &[],
                catalog(),
                &RenderOptions::default(),
            )
            .expect("rules")
        };
        insta::assert_snapshot!(text(OutputFormat::Table), @r"
        ID               SEVERITY   APPLIES TO   TITLE
        api-removed      blocker    each minor   A budget never allows an eviction
        pdb-impossible   blocker    any          A budget never allows an eviction
        ");
        insta::assert_snapshot!(text(OutputFormat::Wide), @r"
        ID               SEVERITY   APPLIES TO   TITLE                               PLATFORMS    VISIBLE
        api-removed      blocker    each minor   A budget never allows an eviction   kubernetes   true
        pdb-impossible   blocker    any          A budget never allows an eviction   kubernetes   true
        ");
        insta::assert_snapshot!(text(OutputFormat::Json), @r#"
        {
          "apiVersion": "kubectl-upgrade/v1",
          "kind": "RuleList",
          "items": [
            {
              "id": "api-removed",
              "severity": "blocker",
              "title": "A budget never allows an eviction",
              "platforms": [
                "kubernetes"
              ],
              "appliesTo": "each minor",
              "visible": true,
              "state": "checked",
              "how": "By minAvailable and the number of replicas."
            },
            {
              "id": "pdb-impossible",
              "severity": "blocker",
              "title": "A budget never allows an eviction",
              "platforms": [
                "kubernetes"
              ],
              "appliesTo": "any",
              "visible": true,
              "state": "checked",
              "how": "By minAvailable and the number of replicas."
            }
          ]
        }
        "#);
        insta::assert_snapshot!(text(OutputFormat::Yaml), @r"
        apiVersion: kubectl-upgrade/v1
        kind: RuleList
        items:
        - id: api-removed
          severity: blocker
          title: A budget never allows an eviction
          platforms:
          - kubernetes
          appliesTo: each minor
          visible: true
          state: checked
          how: By minAvailable and the number of replicas.
        - id: pdb-impossible
          severity: blocker
          title: A budget never allows an eviction
          platforms:
          - kubernetes
          appliesTo: any
          visible: true
          state: checked
          how: By minAvailable and the number of replicas.
        ");
        insta::assert_snapshot!(text(OutputFormat::Name), @r"
        api-removed
        pdb-impossible
        ");
        let bare = RenderOptions {
            show_headers: false,
            ..RenderOptions::default()
        };
        let text =
            render_rules(OutputFormat::Table, &[&OTHER], &[], catalog(), &bare).expect("rules");
        assert!(text.starts_with("api-removed   blocker"), "{text}");
        assert_eq!(
            render_rules(OutputFormat::Table, &[], &[], catalog(), &bare).expect("rules"),
            ""
        );
    }

    #[test]
    fn a_rule_explains_itself() {
        let text = explain(
            "pdb-impossible",
            None,
            &[&EXAMPLE],
            &[],
            catalog(),
            &RenderOptions::default(),
        )
        .expect("a rule");
        insta::assert_snapshot!(text, @r#"
        RULE:       pdb-impossible
        SEVERITY:   blocker
        APPLIES TO: any

        TITLE:
            A budget never allows an eviction

        WHY IT MATTERS:
            A node whose pods may never be evicted cannot be drained, and the upgrade of
            its pool does not finish until someone intervenes.

        DETECTION:
            By minAvailable and the number of replicas.

        REMEDY:
            Allow one:

              kubectl patch pdb NAME --type merge -p '{"spec":{"maxUnavailable":1,"minAvailable":null}}'

            or add a replica.

        READ MORE:
            https://kubernetes.io/docs/tasks/run-application/configure-pdb/

        SOURCES:
            kubernetes/kubernetes pkg/registry/core/pod/storage/eviction.go
            kubernetes/kubectl pkg/drain
        "#);
    }

    #[test]
    fn prose_of_every_rule_fits_a_terminal() {
        let catalog = catalog();
        for rule in rules::rules().expect("the rules") {
            let text = explain(
                rule.id,
                None,
                rules::rules().expect("the rules"),
                &[],
                catalog,
                &RenderOptions::default(),
            )
            .expect("a rule");
            for line in text.lines().filter(|line| line.trim().contains(' ')) {
                let command = line.starts_with("     ");
                assert!(command || line.chars().count() <= EXPLAIN_WIDTH, "{line}");
            }
        }
    }

    #[test]
    fn an_unknown_rule_is_answered_with_a_known_one() {
        let look = RenderOptions::default();
        let error = explain(
            "PDB-imposible",
            None,
            &[&EXAMPLE, &OTHER],
            &[],
            catalog(),
            &look,
        )
        .expect_err("unknown");
        assert_eq!(
            error.to_string(),
            "no rule named \"PDB-imposible\"; did you mean pdb-impossible? (run 'kubectl upgrade-check rules' to list all rules)"
        );
        let error = UnknownRule::new("\u{1b}[2J", &[&EXAMPLE]);
        assert_eq!(
            error.to_string(),
            "no rule named \"^[[2J\" (run 'kubectl upgrade-check rules' to list all rules)"
        );
    }
}
