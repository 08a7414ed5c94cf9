//! The table at several shapes.

use super::{table, text, three};
use crate::api::v1::{BaselineDoc, ClusterDoc, HopIdDoc, ObjectDoc, SeverityDoc, WaiverDoc};
use crate::catalog::PlatformName;
use crate::need::PolicyRule;
use crate::report::fixture::{finding, gap, object, report, way};
use crate::report::{OutputFormat, RenderOptions, Styles, render_report};

#[test]
fn a_table_says_what_and_what_to_do() {
    insta::assert_snapshot!(table(&three()), @r#"
    SEVERITY   RULE             OBJECT                             WHY                                             EVIDENCE
    blocker    api-removed      poddisruptionbudget/shop/cart +1   policy/v1beta1 is gone in 1.25; use policy/v1   helm release shop/cart v4 on 2024-01-02
    warning    api-deprecated   poddisruptionbudget/shop/db        deprecated since 1.21                           last-applied by kubectl on 2024-01-02
    note       patch-behind     node/pool-a-2                      12 patches behind                               kubelet v1.22.1 on 2024-01-02

    What to do
    api-removed: policy/v1beta1 is gone in 1.25; use policy/v1
      Upgrade the Helm release to a chart that renders policy/v1.
        poddisruptionbudget/shop/cart   helm release shop/cart v4 on 2024-01-02
        poddisruptionbudget/shop/db     last-applied by kubectl on 2024-01-02
      See https://kubernetes.io/docs/reference/using-api/deprecation-guide/

    Gaps
      secrets (type=helm.sh/release.v1): secrets is forbidden: User "eve" cannot list resource "secrets"
        fix: grant list on secrets
        not fully checked: api-deprecated, api-removed
      kubectl upgrade-check rbac prints a ClusterRole with these permissions

    blocked: 1 blocker, 1 warning, 1 note; 1 gap (context prod, 1.24.17 → 1.25.16)
    "#);
}

#[test]
fn wide_has_an_object_a_line() {
    insta::assert_snapshot!(text(OutputFormat::Wide, &three()), @r#"
    SEVERITY   RULE             OBJECT                          WHY                                             EVIDENCE                                  HOP               CONFIDENCE   OWNER
    blocker    api-removed      poddisruptionbudget/shop/cart   policy/v1beta1 is gone in 1.25; use policy/v1   helm release shop/cart v4 on 2024-01-02   kubernetes=1.25   certain      helm shop/cart
    blocker    api-removed      poddisruptionbudget/shop/db     policy/v1beta1 is gone in 1.25; use policy/v1   last-applied by kubectl on 2024-01-02     kubernetes=1.25   certain      helm shop/cart
    warning    api-deprecated   poddisruptionbudget/shop/db     deprecated since 1.21                           last-applied by kubectl on 2024-01-02     kubernetes=1.25   certain      helm shop/cart
    note       patch-behind     node/pool-a-2                   12 patches behind                               kubelet v1.22.1 on 2024-01-02             now               certain      <none>

    What to do
    api-removed: policy/v1beta1 is gone in 1.25; use policy/v1
      Upgrade the Helm release to a chart that renders policy/v1.
        poddisruptionbudget/shop/cart   helm release shop/cart v4 on 2024-01-02
        poddisruptionbudget/shop/db     last-applied by kubectl on 2024-01-02
      See https://kubernetes.io/docs/reference/using-api/deprecation-guide/

    Gaps
      secrets (type=helm.sh/release.v1): secrets is forbidden: User "eve" cannot list resource "secrets"
        fix: grant list on secrets
        not fully checked: api-deprecated, api-removed
      kubectl upgrade-check rbac prints a ClusterRole with these permissions

    blocked: 1 blocker, 1 warning, 1 note; 1 gap (context prod, 1.24.17 → 1.25.16)
    "#);
}

#[test]
fn evidence_says_when_its_writer_left_it() {
    let shown = |change: fn(&mut ObjectDoc)| {
        let mut object = object("PodDisruptionBudget", "cart", "it wrote it");
        change(&mut object);
        let finding = finding(SeverityDoc::Note, "api-deprecated", None, vec![object]);
        let report = report(&["1.24.17", "1.25.16"], vec![finding], Vec::new());
        text(OutputFormat::Wide, &report).contains("it wrote it on 2024-01-02")
    };
    assert!(shown(|_| ()));
    assert!(!shown(|object| object.evidence[0].time = None));
    // A time without a writer is that of something else, and the detail names it.
    assert!(!shown(|object| object.evidence[0].writer = None));
}

#[test]
fn several_hops_are_told_apart() {
    let mut report = three();
    report.path = way(&["1.8.15", "1.9.11", "1.10.13"]);
    report.findings[0].hop = Some(HopIdDoc {
        platform: PlatformName::Kubernetes,
        to: "1.10".parse().expect("a minor"),
    });
    report.findings[1].hop = Some(HopIdDoc {
        platform: PlatformName::Kubernetes,
        to: "1.9".parse().expect("a minor"),
    });
    report.gaps.clear();
    let shown = table(&report);
    let end = shown.find("What to do").expect("remedies");
    insta::assert_snapshot!(&shown[..end], @r"
    now
    SEVERITY   RULE             OBJECT                             WHY                                             EVIDENCE
    note       patch-behind     node/pool-a-2                      12 patches behind                               kubelet v1.22.1 on 2024-01-02

    to Kubernetes 1.9
    SEVERITY   RULE             OBJECT                             WHY                                             EVIDENCE
    warning    api-deprecated   poddisruptionbudget/shop/db        deprecated since 1.21                           last-applied by kubectl on 2024-01-02

    to Kubernetes 1.10
    SEVERITY   RULE             OBJECT                             WHY                                             EVIDENCE
    blocker    api-removed      poddisruptionbudget/shop/cart +1   policy/v1beta1 is gone in 1.25; use policy/v1   helm release shop/cart v4 on 2024-01-02
    ");
    let rows = render_report(
        OutputFormat::Table,
        &report,
        &RenderOptions {
            show_headers: false,
            ..RenderOptions::default()
        },
    )
    .expect("a table");
    let end = rows.find("What to do").expect("remedies");
    insta::assert_snapshot!(&rows[..end], @r"
    note      patch-behind     node/pool-a-2                      12 patches behind                               kubelet v1.22.1 on 2024-01-02
    warning   api-deprecated   poddisruptionbudget/shop/db        deprecated since 1.21                           last-applied by kubectl on 2024-01-02
    blocker   api-removed      poddisruptionbudget/shop/cart +1   policy/v1beta1 is gone in 1.25; use policy/v1   helm release shop/cart v4 on 2024-01-02
    ");
}

#[test]
fn nothing_found_is_one_line() {
    let ready = report(&["1.24.17", "1.25.16", "1.26.15"], Vec::new(), Vec::new());
    insta::assert_snapshot!(table(&ready), @"ready: nothing found (context prod, 1.24.17 → 1.25.16 → 1.26.15)");
    let mut scoped = report(&[], Vec::new(), Vec::new());
    scoped.cluster.namespace = Some("shop".into());
    scoped.summary.waived = 1;
    scoped.summary.skipped = 2;
    insta::assert_snapshot!(table(&scoped), @"ready: nothing found; 1 waived; 2 rules skipped (context prod, stays at 1.24.17, namespace shop only)");
    let mut local = report(&["", "1.25.16"], Vec::new(), Vec::new());
    local.path[0].from = None;
    local.cluster = ClusterDoc::default();
    insta::assert_snapshot!(table(&local), @"ready: nothing found (no cluster, to 1.25.16)");
    assert_eq!(text(OutputFormat::Name, &ready), "");
}

#[test]
fn gaps_alone_are_incomplete() {
    let mut file = gap();
    file.what = "chart/".into();
    file.why = "a Helm chart is not rendered: pipe `helm template` into -f -".into();
    file.cluster = None;
    file.rbac = None;
    let mut url = gap();
    url.what = "/metrics".into();
    url.rbac = Some((&PolicyRule::allow_get_url("/metrics")).into());
    let mut narrow = gap();
    narrow.rbac =
        Some((&PolicyRule::allow_list("policy", "poddisruptionbudgets", Some("shop"))).into());
    let shown = table(&report(
        &["1.24.17", "1.25.16"],
        Vec::new(),
        vec![file, url, narrow],
    ));
    insta::assert_snapshot!(shown, @r#"
    Gaps
      chart/: a Helm chart is not rendered: pipe `helm template` into -f -
        not fully checked: api-deprecated, api-removed
      /metrics: secrets is forbidden: User "eve" cannot list resource "secrets"
        fix: grant get on /metrics
        not fully checked: api-deprecated, api-removed
      secrets (type=helm.sh/release.v1): secrets is forbidden: User "eve" cannot list resource "secrets"
        fix: grant list on poddisruptionbudgets.policy in namespace shop
        not fully checked: api-deprecated, api-removed
      kubectl upgrade-check rbac prints a ClusterRole with these permissions

    incomplete: nothing found; 3 gaps (context prod, 1.24.17 → 1.25.16)
    "#);
}

#[test]
fn long_lists_are_cut_and_say_so() {
    let objects = (0..25)
        .map(|at| {
            object(
                "PodDisruptionBudget",
                &format!("b{at:02}"),
                "helm release shop/cart v4",
            )
        })
        .collect();
    let gaps = (0..12).map(|_| gap()).collect();
    let report = report(
        &["1.24.17", "1.25.16"],
        vec![finding(
            SeverityDoc::Blocker,
            "api-removed",
            Some("1.25"),
            objects,
        )],
        gaps,
    );
    let shown = table(&report);
    assert!(
        shown.contains("poddisruptionbudget/shop/b00 +24   "),
        "{shown}"
    );
    assert!(
        shown.contains("\n    and 15 more; -o wide lists all\n"),
        "{shown}"
    );
    assert!(
        shown.contains("\n  and 2 more; -o wide lists all\n"),
        "{shown}"
    );
    let wide = text(OutputFormat::Wide, &report);
    assert!(!wide.contains("more; -o wide"), "{wide}");
    assert_eq!(
        wide.matches("poddisruptionbudget/shop/b24").count(),
        2,
        "{wide}"
    );
}

#[test]
fn colour_changes_nothing_but_colour() {
    let look = RenderOptions {
        styles: Styles::colored(),
        ..RenderOptions::default()
    };
    let colored = render_report(OutputFormat::Table, &three(), &look).expect("a table");
    assert!(
        colored.contains("\u{1b}[31;1mblocker\u{1b}[0m"),
        "{colored}"
    );
    let mut plain = colored;
    for code in ["31;1", "32;1", "33", "2", "1", "0"] {
        plain = plain.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(plain, table(&three()));
}

#[test]
fn what_is_partly_waived_or_known_shows_what_is_left() {
    let mut report = three();
    let objects = &mut report.findings[0].objects;
    objects[0].waiver = Some(WaiverDoc {
        owner: "shop-team".into(),
        reason: "moves next week".into(),
        expires: "2026-10-01".into(),
    });
    let shown = table(&report);
    let first = shown.lines().nth(1).expect("a finding");
    assert!(
        first.starts_with("blocker    api-removed      poddisruptionbudget/shop/db +1"),
        "{shown}"
    );
    assert!(shown.contains("What to do"), "{shown}");
    assert_eq!(shown.matches("shop/cart   helm").count(), 0, "{shown}");
    let aside = "Waived\n  api-removed   poddisruptionbudget/shop/cart   until 2026-10-01   shop-team: moves next week\n";
    assert!(shown.contains(aside), "{shown}");

    report.findings[0].objects[1].baseline = Some(BaselineDoc::New);
    report.findings[1].objects[0].baseline = Some(BaselineDoc::Known);
    report.remarks = vec!["the baseline was incomplete".into()];
    report.resolved = vec![report.findings[2].clone()];
    let shown = table(&report);
    for says in [
        "blocker (new)     api-removed",
        "warning (known)   api-deprecated",
        "Resolved since the baseline\n  note   patch-behind   node/pool-a-2   12 patches behind\n",
        "Remarks\n  the baseline was incomplete\n",
        "1 in the baseline; 1 resolved since; 1 gap",
    ] {
        assert!(shown.contains(says), "{says}: {shown}");
    }
    let wide = text(OutputFormat::Wide, &report);
    assert!(
        wide.contains("blocker (waived)   api-removed      poddisruptionbudget/shop/cart"),
        "{wide}"
    );
}
