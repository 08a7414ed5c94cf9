//! `-o csv`: an object in each record, as RFC 4180 has it.

use super::terminal;
use crate::api::v1::UpgradeReport;

const HEADER: [&str; 14] = [
    "severity",
    "rule",
    "hop",
    "confidence",
    "cluster",
    "apiVersion",
    "kind",
    "namespace",
    "name",
    "owner",
    "message",
    "evidence",
    "waiver",
    "baseline",
];

/// The objects of all findings, in their order.
pub(super) fn report_csv(report: &UpgradeReport, has_header: bool) -> String {
    let mut out = String::new();
    if has_header {
        push_record(&mut out, HEADER);
    }
    for finding in &report.findings {
        let hop = finding.hop.as_ref();
        let hop = hop.map_or_else(String::new, |hop| format!("{}={}", hop.platform, hop.to));
        for object in &finding.objects {
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            let evidence = object.evidence.first();
            let waiver = object.waiver.as_ref().map(|waiver| {
                format!(
                    "{} until {}: {}",
                    waiver.owner, waiver.expires, waiver.reason
                )
            });
            let record = [
                finding.severity.as_str().to_owned(),
                finding.id.clone(),
                hop.clone(),
                finding.confidence.as_str().to_owned(),
                text(&object.cluster),
                object.api_version.clone(),
                object.kind.clone(),
                text(&object.namespace),
                object.name.clone(),
                text(&object.owner),
                finding.message.clone(),
                evidence.map_or_else(String::new, |one| one.detail.clone()),
                waiver.unwrap_or_default(),
                object
                    .baseline
                    .map_or("", |state| state.as_str())
                    .to_owned(),
            ];
            push_record(&mut out, record.iter().map(String::as_str));
        }
    }
    out
}

fn push_record<'a>(out: &mut String, fields: impl IntoIterator<Item = &'a str>) {
    let fields: Vec<String> = fields.into_iter().map(field).collect();
    out.push_str(&fields.join(","));
    out.push('\n');
}

/// A field; quoted where it must be. Spreadsheets run what begins like a formula, so such a text gets an apostrophe.
fn field(text: &str) -> String {
    let text = terminal::escape_line(text);
    let formula = text.starts_with(['=', '+', '-', '@']);
    let text = format!("{}{text}", if formula { "'" } else { "" });
    match text.contains([',', '"', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        for (text, written) in [
            ("plain", "plain"),
            ("a, b", "\"a, b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("=1+1", "'=1+1"),
            ("\u{1b}[2J", "^[[2J"),
            ("", ""),
        ] {
            assert_eq!(field(text), written);
        }
    }
}
