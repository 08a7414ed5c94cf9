//! Pages that are made from the code: they never differ from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::cluster::rules;
use kubectl_upgrade::catalog::{Catalog, Minor};
use kubectl_upgrade::need::{Discovery, NeedContext, ReadRequest, ReadTarget, read_plan};
use kubectl_upgrade::path::UpgradePath;

use crate::golden;

const HEAD: &str = "<!-- Made by `UPDATE=1 cargo test --test fast`; do not edit. -->\n";

#[test]
fn the_page_of_rules() {
    let mut page = format!(
        "{HEAD}\n# Rules\n\nWhat `kubectl upgrade-check rules` lists and `explain` shows.\n\n| rule | severity | title |\n| --- | --- | --- |\n"
    );
    for rule in rules() {
        let severity = rule.severity.as_str();
        writeln!(
            page,
            "| [{0}](#{0}) | {severity} | {1} |",
            rule.id, rule.title
        )
        .expect("memory");
    }
    let catalog = Catalog::embedded().expect("the catalog");
    for rule in rules() {
        let severity = rule.severity.as_str();
        write!(
            page,
            "\n## {}\n\n{} · {severity} · applies to: {}\n\n**Why it matters:** {}\n\n**Detection:** {}\n\n**Remedy:** {}\n\n{}**Read more:** <{}>\n\n**Sources:**\n\n",
            rule.id, rule.title, rule.applies_to.describe(catalog), rule.why, rule.detection, rule.remedy,
            details(&(rule.details)(catalog, None)), rule.reference
        )
        .expect("memory");
        for source in rule.sources {
            writeln!(page, "* {source}").expect("memory");
        }
    }
    golden::compare("docs/rules.md", &page);
}

/// The fields that change, as nested lists.
fn details(text: &str) -> String {
    let lines = text.lines().map(|line| match line.strip_prefix("  ") {
        Some(field) => format!("  * `{field}`\n"),
        None => format!("* {line}\n"),
    });
    match lines.collect::<String>() {
        list if list.is_empty() => list,
        list => format!("**Fields that change:**\n\n{list}\n"),
    }
}

/// What is read of one target, over all hops.
#[derive(Default)]
struct ReadTargetUse {
    request: Option<ReadRequest>,
    readers: BTreeSet<&'static str>,
    /// Minors whose hop declares a need, whether its server serves the resource or not.
    declared_for: BTreeSet<Minor>,
    requested_for: Vec<Minor>,
}

#[test]
fn the_page_on_what_is_read() {
    let catalog = Catalog::embedded().expect("the catalog");
    let releases: Vec<_> = catalog.kubernetes_releases.iter().collect();
    let mut uses: BTreeMap<ReadTarget, ReadTargetUse> = BTreeMap::new();
    for pair in releases.windows(2) {
        let (from, to) = (pair[0], pair[1].minor);
        let served = catalog.apis.iter().filter(|api| api.exists_in(from.minor));
        let discovery = Discovery {
            git_version: from.newest_patch.clone(),
            emulation_version: None,
            group_versions: served.map(|api| api.gvk().api_version()).collect(),
        };
        let target = to.to_string().parse().expect("a target");
        let path =
            UpgradePath::for_kubernetes(Some(&discovery.git_version), None, &[target], catalog)
                .expect("a path");
        let context = NeedContext {
            path: &path,
            catalog,
            discovery: &discovery,
        };
        let planned = kubectl_upgrade::plan::needs(&discovery);
        let planned = planned.into_iter().map(|need| ("upgrade-plan", need));
        let watched = kubectl_upgrade::watch::polled_needs();
        let watched = watched
            .into_iter()
            .chain(kubectl_upgrade::watch::watched_needs())
            .chain([
                kubectl_upgrade::watch::pods_on_node_need("NODE"),
                kubectl_upgrade::watch::warnings_need(),
            ])
            .chain(kubectl_upgrade::watch::wait_needs());
        let watched: Vec<_> = watched.map(|need| ("upgrade-watch", need)).collect();
        let checked = rules().iter().flat_map(|rule| {
            let needs = rule.needs(&context).into_iter();
            needs.map(|need| (rule.id, need))
        });
        let mut needs = kubectl_upgrade::rules::needs(rules(), &context);
        for (reader, need) in checked.chain(planned).chain(watched) {
            let entry = uses.entry(need.target.clone()).or_default();
            entry.readers.insert(reader);
            entry.declared_for.insert(to);
            needs.push(need);
        }
        for mut request in read_plan(&needs, &discovery, catalog, None) {
            let entry = uses.entry(request.target.clone()).or_default();
            if let Some(earlier) = &entry.request {
                request.field_paths.union(&earlier.field_paths);
                request.detail_level = request.detail_level.max(earlier.detail_level);
            }
            entry.request = Some(request);
            entry.requested_for.push(to);
        }
    }
    let mut page = format!(
        "{HEAD}\n# What is read, and why\n\nEach line is one list request, or one per page. Nothing else leaves the client, and nothing is ever written.\n\
         The first requests are `GET /version`, `GET /apis`, the namespace kube-system, whose UID identifies the cluster, and the objects that identify the platforms that are served (at the end of this page). Objects are read through the newest version that the server serves. Of full objects only the listed fields are kept.\n\
         Of Secrets only Helm's release records are read: names and API versions in the revisions that Helm starts from, the metadata of others. With `--clusters`, the Secrets that hold the kubeconfigs of managed clusters are read too, each by its name ([fleet.md](fleet.md)).\n\
         \n## On every path\n\n| what | detail | fields | for |\n| --- | --- | --- | --- |\n"
    );
    let is_always = |it: &ReadTargetUse| it.declared_for.len() == releases.len() - 1;
    for (target, it) in uses.iter().filter(|(_, it)| is_always(it)) {
        let Some(request) = &it.request else { continue };
        let (detail, fields) = detail(request);
        let readers = Vec::from_iter(it.readers.iter().copied()).join(", ");
        writeln!(page, "| `{target}` | {detail} | {fields} | {readers} |").expect("memory");
    }
    page.push_str(
        "\n## Only for some hops\n\nA hop is named by the minor that it leads to.\n\n| what | detail | hops | for |\n| --- | --- | --- | --- |\n",
    );
    for (target, it) in uses.iter().filter(|(_, it)| !is_always(it)) {
        let Some(request) = &it.request else { continue };
        let (detail, _) = detail(request);
        let hops: Vec<String> = it.requested_for.iter().map(Minor::to_string).collect();
        let readers = Vec::from_iter(it.readers.iter().copied()).join(", ");
        writeln!(
            page,
            "| `{target}` | {detail} | {} | {readers} |",
            hops.join(", ")
        )
        .expect("memory");
    }
    page.push_str(&custom(catalog));
    page.push_str(&platforms(catalog));
    golden::compare("docs/what-is-read.md", &page);
}

/// The level of detail of a request and the fields that are kept.
fn detail(request: &ReadRequest) -> (String, String) {
    let fields: Vec<String> = request
        .field_paths
        .iter()
        .map(|path| format!("`{path}`"))
        .collect();
    let level = format!("{:?}", request.detail_level).to_lowercase();
    (level, fields.join(", "))
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
        "\n## Where it is served\n\nOn every path with a hop, where its CRD is installed.\n\n| request | detail | for |\n| --- | --- | --- |\n",
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
        "\n## Platforms\n\nNodes and the evidence of a platform and its release are read first. A request of a platform is sent only if \
         the API server serves APIs of that platform at all; then it is, whatever namespace the run is narrowed to.\n\n| request | detail | where |\n| --- | --- | --- |\n",
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
        let needs = kubectl_upgrade::detect::needs(&survey).into_iter();
        let needs: Vec<_> = needs
            .chain(kubectl_upgrade::watch::platform_needs(&survey))
            .filter(|need| !plain.contains(need))
            .collect();
        for request in read_plan(&needs, &survey, catalog, None) {
            let depth = format!("{:?}", request.detail_level).to_lowercase();
            rows.push((asked(&request), depth, group));
        }
    }
    let mut seen: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for (what, depth, group) in rows {
        seen.entry((what, depth)).or_default().push(group);
    }
    for ((what, depth), groups) in seen {
        let groups = groups.join(", ");
        writeln!(page, "| `{what}` | {depth} | {groups} |").expect("memory");
    }
    page
}

#[test]
fn the_man_pages() {
    use clap::CommandFactory;
    use kubectl_upgrade::cli::{CheckCommand, PlanCommand, WatchCommand};
    let folder = tempfile::tempdir().expect("a folder");
    for command in [
        CheckCommand::command(),
        PlanCommand::command(),
        WatchCommand::command(),
    ] {
        let command = command.disable_help_subcommand(true);
        clap_mangen::generate_to(command, folder.path()).expect("a folder");
    }
    let pages = std::fs::read_dir(folder.path()).expect("a folder");
    let pages: BTreeSet<_> = pages
        .map(|page| page.expect("a page").file_name())
        .collect();
    for name in pages {
        let page = std::fs::read_to_string(folder.path().join(&name)).expect("a page");
        golden::compare(&format!("docs/man/{}", name.to_string_lossy()), &page);
    }
}
