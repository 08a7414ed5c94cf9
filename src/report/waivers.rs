//! `-o waivers`: a waivers file for what is open, whose reasons and dates people must fill in.

use std::collections::{BTreeMap, BTreeSet};

use super::name::object_name;
use super::terminal;
use crate::api::v1::UpgradeReport;

/// A waiver for each rule with open objects. As long as owner, reason and date are empty, the file is refused.
pub(super) fn waivers_stub(report: &UpgradeReport) -> String {
    let mut rules: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for finding in &report.findings {
        let open = finding.objects.iter().filter(|object| object.is_open());
        rules
            .entry(&finding.id)
            .or_default()
            .extend(open.map(object_name));
    }
    rules.retain(|_, objects| !objects.is_empty());
    let mut out = "# Fill in owner, reason and the last day (YYYY-MM-DD), and delete what you do not accept.\n\
                   apiVersion: kubectl-upgrade/v1\nkind: Waivers\n"
        .to_owned();
    if rules.is_empty() {
        return out + "waivers: []\n";
    }
    out.push_str("waivers:\n");
    for (rule, objects) in rules {
        out.push_str(&format!("- rule: {}\n  objects:\n", quoted(rule)));
        for object in objects {
            out.push_str(&format!("  - {}\n", quoted(&object)));
        }
        out.push_str("  owner: \"\"\n  reason: \"\"\n  expires: \"\"\n");
    }
    out
}

/// A string of JSON is one of YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(terminal::escape_line(text)).to_string()
}
