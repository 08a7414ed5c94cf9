//! Pages that are made from the code: they never differ from it.

use std::fmt::Write;

use crate::cluster::rules;
use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::need::{Discovery, NeedContext, ReadRequest, ReadTarget, read_plan};
use kubectl_upgrade::path::UpgradePath;

use crate::golden;

const HEAD: &str = "<!-- Made by `UPDATE=1 cargo test --test fast`; do not edit. -->\n";

#[test]
fn the_page_of_rules() {
    let mut page = format!(
        "{HEAD}\n# Rules\n\nWhat `kubectl upgrade-check rules` lists and `explain` shows.\n"
    );
    let catalog = Catalog::embedded().expect("the catalog");
    for rule in rules() {
        let severity = rule.severity.as_str();
        write!(
            page,
            "\n## {}\n\n{} · {severity} · from target: {}\n\n**Why it matters.** {}\n\n**Detection.** {}\n\n**Remedy.** {}\n\nSee <{}>.\n\nSources:\n",
            rule.id, rule.title, rule.applies_to.describe(&catalog), rule.why, rule.detection, rule.remedy, rule.reference
        )
        .expect("memory");
        for source in rule.sources {
            writeln!(page, "* {source}").expect("memory");
        }
    }
    golden::compare("docs/rules.md", &page);
}

#[test]
fn the_page_on_what_is_read() {
    let catalog = Catalog::embedded().expect("the catalog");
    let mut page = format!(
        "{HEAD}\n# What is read, and why\n\nOne request, or one for each page, for every line; nothing else leaves the client, and nothing is ever written.\n\
         The first requests are `GET /version`, `GET /apis`, the namespace kube-system, whose UID identifies the cluster, and the objects that identify the platforms that are served (at the end of this page). What drains, webhooks, nodes and control planes are judged by is read on every path; other kinds only where the hop removes an API version of theirs.\n\
         Of Secrets only Helm's release records are asked for: of deployed ones names and API versions are kept, of others the metadata.\n"
    );
    let hops: Vec<_> = catalog.kubernetes_releases.iter().collect();
    for pair in hops.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let served = catalog.apis.iter().filter(|api| api.exists_in(from.minor));
        let survey = Discovery {
            git_version: from.newest_patch.clone(),
            emulation_version: None,
            group_versions: served.map(|api| api.gvk().api_version()).collect(),
        };
        let target = to.minor.to_string().parse().expect("a target");
        let path =
            UpgradePath::for_kubernetes(Some(&survey.git_version), None, &[target], &catalog)
                .expect("a path");
        let asking = NeedContext {
            path: &path,
            catalog: &catalog,
            discovery: &survey,
        };
        write!(
            page,
            "\n## {} to {}\n\n| request | depth | for |\n| --- | --- | --- |\n",
            from.minor, to.minor
        )
        .expect("memory");
        let mut needs = kubectl_upgrade::rules::needs(rules(), &asking);
        let planned = kubectl_upgrade::plan::needs(&survey);
        needs.extend(planned.iter().cloned());
        for request in read_plan(&needs, &survey, &catalog, None) {
            let mut readers: Vec<&str> = rules()
                .iter()
                .filter(|rule| {
                    let needs = rule.needs(&asking);
                    needs.iter().any(|need| need.target == request.target)
                })
                .map(|rule| rule.id)
                .collect();
            let depth = format!("{:?}", request.detail_level).to_lowercase();
            if planned.iter().any(|need| need.target == request.target) {
                readers.push("upgrade-plan");
            }
            let readers = readers.join(", ");
            writeln!(page, "| `{}` | {depth} | {readers} |", request.path).expect("memory");
        }
    }
    page.push_str(&custom(&catalog));
    page.push_str(&platforms(&catalog));
    golden::compare("docs/what-is-read.md", &page);
}

#[test]
fn the_table_of_faults() {
    const MADE: &str = "<!-- The table is made";
    let written = std::fs::read_to_string(golden::in_repository("docs/reliability.md"));
    let written = written.expect("the page");
    let lines = written.lines();
    let prose: Vec<&str> = lines.take_while(|line| !line.starts_with(MADE)).collect();
    let mut page = prose.join("\n");
    page += "\n<!-- The table is made from tests/faults/*.tsv by `UPDATE=1 cargo test --test fast`. -->\n\n\
             | fault | what comes of it | what is said | exit code | test |\n| --- | --- | --- | --- | --- |\n";
    let files = [
        include_str!("../faults/wire.tsv"),
        include_str!("../faults/local.tsv"),
    ];
    for row in files.iter().flat_map(|file| file.lines()) {
        let columns: Vec<&str> = row.split('\t').collect();
        let [fault, outcome, said, exit, test] = columns[..] else {
            panic!("not five columns: {row}");
        };
        let said = match said {
            "" => String::new(),
            said => format!("`{}`", said.replace('|', "\\|")),
        };
        writeln!(page, "| {fault} | {outcome} | {said} | {exit} | `{test}` |").expect("memory");
    }
    golden::compare("docs/reliability.md", &page);
}

/// What rules look at where it is served, on a server that serves everything.
fn custom(catalog: &Catalog) -> String {
    let mut page = String::from(
        "\n## Where it is served\n\nOn every path with a hop, where somebody installed it.\n\n| request | depth | for |\n| --- | --- | --- |\n",
    );
    let apis = catalog.apis.iter().map(|api| api.gvk().api_version());
    let hops: Vec<_> = catalog.kubernetes_releases.iter().collect();
    let [.., from, newest] = hops[..] else {
        panic!("two releases");
    };
    let survey = Discovery {
        git_version: from.newest_patch.clone(),
        emulation_version: None,
        group_versions: apis
            .chain(
                catalog
                    .custom_apis
                    .iter()
                    .map(|api| format!("{}/{}", api.group, api.version)),
            )
            .collect(),
    };
    let target = newest.minor.to_string().parse().expect("a target");
    let path = UpgradePath::for_kubernetes(Some(&survey.git_version), None, &[target], catalog)
        .expect("a path");
    let asking = NeedContext {
        path: &path,
        catalog,
        discovery: &survey,
    };
    for rule in rules() {
        let mut needs = rule.needs(&asking);
        needs.retain(|need| match &need.target {
            ReadTarget::Objects { resource, .. } => {
                let mut apis = catalog.custom_apis.iter();
                apis.any(|api| api.group == resource.group && api.resource == resource.plural)
            }
            ReadTarget::NonResourceUrl { .. } => false,
        });
        for request in read_plan(&needs, &survey, catalog, None) {
            let depth = format!("{:?}", request.detail_level).to_lowercase();
            writeln!(page, "| `{}` | {depth} | {} |", request.path, rule.id).expect("memory");
        }
    }
    page
}

/// The path of a request, and its selectors.
fn asked(request: &ReadRequest) -> String {
    let selector = match &request.target {
        ReadTarget::Objects { selector, .. } => selector,
        ReadTarget::NonResourceUrl { path, .. } => return path.clone(),
    };
    let query = [selector.fields.as_str(), selector.labels.as_str()];
    let query: Vec<&str> = query.into_iter().filter(|text| !text.is_empty()).collect();
    match query.is_empty() {
        true => request.path.clone(),
        false => format!("{} ({})", request.path, query.join(", ")),
    }
}

/// What tells platforms, on a server that serves all of their APIs.
fn platforms(catalog: &Catalog) -> String {
    let mut page = String::from(
        "\n## Platforms\n\nBefore anything else nodes are read, and what tells a platform and its release. Nothing of it is asked for unless \
         the API server serves APIs of that platform at all; then it is, whatever namespace the run is narrowed to.\n\n| request | depth | where |\n| --- | --- | --- |\n",
    );
    let kubernetes = catalog.kubernetes_releases.newest().expect("a release");
    let served = |custom: &[&str]| {
        let api = catalog.apis.iter();
        let built_in = api
            .filter(|api| api.exists_in(kubernetes.minor))
            .map(|api| api.gvk().api_version());
        Discovery {
            git_version: kubernetes.newest_patch.clone(),
            emulation_version: None,
            group_versions: built_in
                .chain(custom.iter().map(|&api| api.to_owned()))
                .collect(),
        }
    };
    let plain = kubectl_upgrade::detect::needs(&served(&[]));
    let mut rows = Vec::new();
    let mut groups: Vec<&str> = catalog
        .custom_apis
        .iter()
        .map(|api| api.group.as_str())
        .collect();
    groups.dedup();
    for group in groups {
        let versions: Vec<String> = catalog
            .custom_apis
            .iter()
            .filter(|api| api.group == group)
            .map(|api| format!("{group}/{}", api.version))
            .collect();
        let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
        let survey = served(&versions);
        let needs = kubectl_upgrade::detect::needs(&survey);
        let needs: Vec<_> = needs
            .into_iter()
            .filter(|need| !plain.contains(need))
            .collect();
        for request in read_plan(&needs, &survey, catalog, None) {
            let depth = format!("{:?}", request.detail_level).to_lowercase();
            rows.push((asked(&request), depth, group));
        }
    }
    let mut seen: std::collections::BTreeMap<(String, String), Vec<&str>> =
        std::collections::BTreeMap::new();
    for (what, depth, group) in rows {
        seen.entry((what, depth)).or_default().push(group);
    }
    for ((what, depth), groups) in seen {
        let groups = groups.join(", ");
        writeln!(page, "| `{what}` | {depth} | {groups} |").expect("memory");
    }
    page
}
