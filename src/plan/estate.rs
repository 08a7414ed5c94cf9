//! Steps for what Kommander looks after: workspaces, applications, managed and attached clusters.

use std::borrow::Cow;

use super::draft::HopContext;
use super::member::Member;
use super::template::shell_comment;
use crate::catalog::{Catalog, CliReference, Minor, PlatformName, Setting, VersionSpec};
use crate::facts::dkp::{AppOrigin, Application, DkpEstate, KOMMANDER, KonvoyCluster};

type Pairs<'v> = Vec<(&'static str, Cow<'v, str>)>;

/// The values that templates have for a member, before those of the management cluster.
pub(super) fn member_values<'v>(
    estate: &'v DkpEstate,
    hop: &HopContext<'_>,
    catalog: &Catalog,
    member: Member<'v>,
) -> Pairs<'v> {
    match member {
        Member::Workspace(workspace) => {
            let namespace = workspace.namespace.as_deref().unwrap_or_default();
            let managed = estate.managed.iter().map(|one| (&one.namespace, &one.name));
            let attached = estate
                .attached
                .iter()
                .map(|one| (&one.namespace, &one.name));
            let names = managed
                .chain(attached)
                .filter(|(place, _)| *place == namespace);
            let names: Vec<&str> = names.map(|(_, name)| name.as_str()).collect();
            let members = match names.is_empty() {
                true => "no cluster: the workspace has none".to_owned(),
                false => names.join(", "),
            };
            vec![
                ("workspace", workspace.name.as_str().into()),
                ("members", members.into()),
            ]
        }
        Member::App(app) => {
            let mut pairs: Pairs<'v> = vec![
                (
                    "workspace",
                    app.workspace.as_deref().unwrap_or_default().into(),
                ),
                ("project", app.project.as_deref().unwrap_or_default().into()),
                ("namespace", app.namespace.as_str().into()),
                ("app", app.name.as_str().into()),
                ("appVersion", app.version.as_str().into()),
            ];
            let target = app_target(app, hop, catalog);
            pairs.extend(target.map(|target| ("appTarget", target.to_owned().into())));
            pairs
        }
        Member::Managed(cluster) => cluster_values(cluster).into(),
        Member::Pool(cluster, pool) => {
            let mut pairs: Pairs<'v> = cluster_values(cluster).into();
            pairs.push(("pool", pool.into()));
            pairs.push(("poolName", cluster.pool_name(pool).into()));
            pairs
        }
        Member::Attached(cluster) => {
            let version = cluster.version.as_ref();
            let version =
                version.map_or_else(|| "an unknown version".to_owned(), ToString::to_string);
            let range = hop.dkp.and_then(|dkp| catalog.dkp_kubernetes(dkp));
            let range = range.map_or_else(
                || "what its release notes allow".to_owned(),
                |range| range.to_string(),
            );
            vec![
                ("cluster", cluster.name.as_str().into()),
                ("namespace", cluster.namespace.as_str().into()),
                ("clusterVersion", version.into()),
                ("range", range.into()),
            ]
        }
    }
}

/// The values of a cluster that Konvoy made.
pub(super) fn cluster_values(cluster: &KonvoyCluster) -> [(&'static str, Cow<'_, str>); 5] {
    let (kind, name) = &cluster.control_plane;
    [
        ("cluster", cluster.name.as_str().into()),
        ("namespace", cluster.namespace.as_str().into()),
        ("provider", cluster.provider.as_str().into()),
        ("controlPlaneKind", kind.as_str().into()),
        ("controlPlane", name.as_str().into()),
    ]
}

/// Fragments of commands: those for a cluster that Konvoy made, and the remark on the guide of a hop of Kyma.
pub(super) fn fragments(
    catalog: &Catalog,
    hop: &HopContext<'_>,
    cluster: Option<&KonvoyCluster>,
) -> Vec<(&'static str, String)> {
    let remark = guide_remark(catalog, &hop.hop_plan.hop.to);
    let flag = cluster.map(|one| one.image_flag.as_str());
    let flag = flag.filter(|flag| !flag.is_empty());
    let environment = cluster.map(|one| one.environment.as_str());
    let environment = environment.filter(|names| !names.is_empty());
    let suffix = cluster.map_or("", KonvoyCluster::version_suffix);
    vec![
        ("guideRemark", remark.to_owned()),
        (
            "renamedValues",
            renamed_values(catalog, hop.hop_plan.hop.minor()),
        ),
        ("versionSuffix", suffix.to_owned()),
        ("environment", environment.unwrap_or("none").to_owned()),
        (
            "imageFlag",
            flag.map_or_else(String::new, |flag| format!(" {flag}")),
        ),
    ]
}

/// What files of a cluster have in their names in a plan of several: without what a shell or a file system would take apart.
pub(super) fn file_suffix(cluster: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let plain = |letter: char| if is_plain(letter) { letter } else { '-' };
    format!("-{}", cluster.chars().map(plain).collect::<String>())
}

/// The values of Kyma that a minor reads under another name.
fn renamed_values(catalog: &Catalog, minor: Minor) -> String {
    let rows = catalog.kyma.renamed_overrides.iter();
    let rows = rows.filter(|row| row.to == minor);
    let names = rows.map(|row| format!("{}.{} is {} now", row.component, row.old, row.new));
    let names: Vec<String> = names.collect();
    match names.is_empty() {
        true => "none is known".to_owned(),
        false => names.join("; "),
    }
}

/// What must be known of the migration guide of a release of Kyma.
fn guide_remark<'c>(catalog: &'c Catalog, to: &VersionSpec) -> &'c str {
    let mut remarks = catalog.kyma.minors.iter();
    if let Some(row) = remarks.find(|row| row.minor == to.minor()) {
        return &row.remark;
    }
    let kyma = catalog.platform(PlatformName::Kyma).zip(to.release());
    match kyma.and_then(|(kyma, to)| kyma.find_release(to)?.guide.as_ref()) {
        Some(_) => "the migration guide of this hop is the last of the links",
        None => "no migration guide of this hop is known",
    }
}

/// The version to upgrade an application to in this hop.
pub(super) fn app_target<'c>(
    app: &Application,
    hop: &HopContext<'_>,
    catalog: &'c Catalog,
) -> Option<&'c str> {
    let dkp = hop.dkp?.minor();
    catalog
        .dkp
        .catalog_app_target(&app.app, dkp, hop.kubernetes?)
}

/// Whether a setting holds; none if that is unknown.
pub(super) fn holds(
    setting: &Setting,
    estate: &DkpEstate,
    kyma_variant: Option<&str>,
    hop: &HopContext<'_>,
    has_cluster: bool,
) -> Option<bool> {
    match setting {
        Setting::KeepsKubernetes => return Some(!hop.is_followed_by_kubernetes),
        Setting::Kyma(variant) => return kyma_variant.map(|one| one == variant),
        _ if !has_cluster => return None,
        _ => {}
    }
    Some(match setting {
        Setting::AirGapped => return estate.is_air_gapped,
        Setting::CatalogApps => estate.of_origin(AppOrigin::Catalog).next().is_some(),
        Setting::Application(name) => estate.runs(name),
        Setting::Adopted => estate.is_adopted,
        Setting::Konvoy => estate.management.is_some(),
        Setting::Fips => {
            let cluster = estate.management.as_ref();
            cluster.is_some_and(|cluster| !cluster.version_suffix().is_empty())
        }
        Setting::KeepsKubernetes | Setting::Kyma(_) => return None,
    })
}

/// The namespace of the applications of the management cluster.
pub(super) fn management_namespaces() -> Vec<String> {
    vec![KOMMANDER.to_owned()]
}

/// Commands with those of the CLI of a platform as this minor has them; `manual` in their place if it lacks one.
pub(super) fn with_cli(
    (title, reference): (&str, &CliReference),
    release: Minor,
    commands: Vec<String>,
    manual: Vec<String>,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut is_doubtful = false;
    for line in commands {
        let prefix = format!("{} ", title.to_lowercase());
        let Some(rest) = line.strip_prefix(&prefix) else {
            lines.push(line);
            continue;
        };
        let Some(known) = reference.find(rest, release) else {
            let words = rest
                .split_whitespace()
                .take_while(|word| !word.starts_with('-'));
            let command = words.collect::<Vec<_>>().join(" ");
            let mut instead = vec![shell_comment(&format!(
                "the CLI of {title} {release} has no published command `{command}`"
            ))];
            instead.extend(manual);
            return instead;
        };
        let cli = reference.name(release);
        if !known.is_published && !is_doubtful {
            is_doubtful = true;
            lines.push(shell_comment(&format!(
                "the reference of the CLI of {title} {release} is not public: this is that of {}; compare it with {cli} {} --help",
                known.row.releases, known.row.command
            )));
        }
        lines.push(format!("{cli} {rest}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::file_suffix;

    #[test]
    fn files_of_a_cluster_have_its_name() {
        assert_eq!(file_suffix("shop-1.25"), "-shop-1.25");
        let arn = "arn:aws:eks:eu-central-1:1234:cluster/shop $(x)";
        assert_eq!(
            file_suffix(arn),
            "-arn-aws-eks-eu-central-1-1234-cluster-shop---x-"
        );
    }
}
