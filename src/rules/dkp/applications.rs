//! Rules on applications of Kommander.

use std::collections::BTreeMap;

use super::{estate, needs, object};
use crate::catalog::PlatformName;
use crate::facts::dkp::{AppOrigin, Application};
use crate::path::{Hop, HopId};
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};

const CATALOG_PAGE: &str = "https://github.com/mesosphere/dcos-docs-site/blob/main/pages/dkp/kommander/2.3/workspaces/applications/catalog-applications/dkp-applications/index.md";

/// `dkp-catalog-range`: catalog applications for which the new release has no version that runs on its Kubernetes.
pub(crate) const CATALOG_RANGE: Rule = Rule {
    id: "dkp-catalog-range",
    severity: Severity::Blocker,
    title: "No version of a catalog application supports the new Kubernetes",
    why: "Catalog applications are upgraded before Kubernetes on the clusters they run on. Without a version to upgrade to, they stop working.",
    detection: "By the AppDeployments of the DKP catalog, and the Kubernetes range of each version in the catalog of the release. Applications that the table does not know are left out.",
    remedy: "Remove the application, or move it to a chart of your own, before Kubernetes is upgraded.",
    reference: CATALOG_PAGE,
    sources: &[
        "mesosphere/dcos-docs-site pages/dkp/kommander/2.3/workspaces/applications/catalog-applications/dkp-applications",
        "mesosphere/dkp-catalog-applications services metadata.yaml",
    ],
    kind: RuleKind::Code {
        needs,
        evaluate: evaluate_range,
    },
    ..Rule::DEFAULT
};

fn evaluate_range(context: &CheckContext<'_>) -> Vec<Finding> {
    let estate = estate(context);
    let table = &context.catalog.dkp;
    let mut objects: BTreeMap<Option<HopId>, Vec<AffectedObject>> = BTreeMap::new();
    let hops = hops_with_kubernetes(context);
    for app in estate.of_origin(AppOrigin::Catalog) {
        let is_known = table.catalog_apps.iter().any(|row| row.app == app.app);
        let lost = hops.iter().find(|(dkp, kubernetes)| {
            let (dkp, kubernetes) = (dkp.minor(), kubernetes.minor());
            table
                .catalog_app_target(&app.app, dkp, kubernetes)
                .is_none()
        });
        if let Some((_, kubernetes)) = lost.filter(|_| is_known) {
            let affected = app_object(context, app);
            objects
                .entry(Some(HopId::from(*kubernetes)))
                .or_default()
                .push(affected);
        }
    }
    CATALOG_RANGE.findings_per_hop(
        "no version in the catalog of the new release supports its Kubernetes",
        objects,
    )
}

/// Hops of DKP, each with the hop of Kubernetes that follows it.
fn hops_with_kubernetes<'a>(context: &CheckContext<'a>) -> Vec<(&'a Hop, &'a Hop)> {
    let pairs = context.path.hops.windows(2).filter_map(|pair| match pair {
        [dkp, kubernetes]
            if dkp.platform == PlatformName::Dkp
                && kubernetes.platform == PlatformName::Kubernetes =>
        {
            Some((dkp, kubernetes))
        }
        _ => None,
    });
    pairs.collect()
}

/// `dkp-custom-apps`: applications whose compatibility only their owners know.
pub(crate) const CUSTOM_APPS: Rule = Rule {
    id: "dkp-custom-apps",
    severity: Severity::Note,
    title: "A custom application must be verified against the new Kubernetes",
    why: "Custom catalog applications do not state which Kubernetes they support. If one does not run on the new minor, the upgrade must not go on to Konvoy.",
    detection: "By AppDeployments of Apps whose Git repository is not one of DKP, on paths that change the Kubernetes minor.",
    remedy: "Verify that the application runs on the new minor, and upgrade it before Kubernetes if not.",
    reference: "https://github.com/mesosphere/dcos-docs-site/blob/main/pages/dkp/konvoy/2.3/dkp-upgrade/custom-apps/index.md",
    sources: &["mesosphere/dcos-docs-site pages/dkp/konvoy/2.3/dkp-upgrade/custom-apps"],
    has_own_steps: true,
    kind: RuleKind::Code {
        needs,
        evaluate: evaluate_custom,
    },
    ..Rule::DEFAULT
};

fn evaluate_custom(context: &CheckContext<'_>) -> Vec<Finding> {
    let Some((_, kubernetes)) = hops_with_kubernetes(context).first().copied() else {
        return Vec::new();
    };
    let estate = estate(context);
    let custom = estate.of_origin(AppOrigin::Custom);
    let objects = custom.map(|app| app_object(context, app)).collect();
    let message = format!(
        "nothing states that it runs on Kubernetes {}",
        kubernetes.minor()
    );
    let draft = FindingDraft {
        hop: Some(HopId::from(kubernetes)),
        ..FindingDraft::new(&CUSTOM_APPS, "", message, objects)
    };
    Finding::new(&CUSTOM_APPS, draft).into_iter().collect()
}

fn app_object(context: &CheckContext<'_>, app: &Application) -> AffectedObject {
    let place = ("AppDeployment", &*app.namespace, &*app.name);
    let resource = ("apps.kommander.d2iq.io", "appdeployments");
    object(
        context,
        resource,
        place,
        format!("{} {}", app.app, app.version),
    )
}
