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
    SEVERITY   RULE             OBJECT                             WHY                                             EVIDENCE                                  HOP               CONFIDENCE
    blocker    api-removed      poddisruptionbudget/shop/cart +1   policy/v1beta1 is gone in 1.25; use policy/v1   helm release shop/cart v4 on 2024-01-02   kubernetes=1.25   certain
    warning    api-deprecated   poddisruptionbudget/shop/db        deprecated since 1.21                           last-applied by kubectl on 2024-01-02     kubernetes=1.25   certain
    note       patch-behind     node/pool-a-2                      12 patches behind                               kubelet v1.22.1 on 2024-01-02             now               certain

    What to do
    api-removed: policy/v1beta1 is gone in 1.25; use policy/v1
      Upgrade the Helm release to a chart that renders policy/v1.
        poddisruptionbudget/shop/cart   helm release shop/cart v4 on 2024-01-02
        poddisruptionbudget/shop/db     last-applied by kubectl on 2024-01-02
      See https://kubernetes.io/docs/reference/using-api/deprecation-guide/

    api-deprecated: deprecated since 1.21
      Upgrade the Helm release to a chart that renders policy/v1.
      See https://kubernetes.io/docs/reference/using-api/deprecation-guide/

    patch-behind: 12 patches behind
      Upgrade the Helm release to a chart that renders policy/v1.
      See https://kubernetes.io/docs/reference/using-api/deprecation-guide/

    kubectl upgrade-check explain RULE tells more

    Gaps
      secrets (type=helm.sh/release.v1): secrets is forbidden: User "eve" cannot list resource "secrets"
        fix: grant list on secrets
        not fully checked: api-deprecated, api-removed
      kubectl upgrade-check rbac prints a ClusterRole with these permissions

    blocked: 1 blocker (2 objects in 1 namespace), 1 warning (1 object in 1 namespace), 1 note (1 object); 1 gap; 8 rules, 120 objects read (context prod, 1.24.17 → 1.25.16)
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
      See https://kubernetes.io/docs/reference/using-api/deprecation-guide/

    api-deprecated: deprecated since 1.21
      Upgrade the Helm release to a chart that renders policy/v1.
      See https://kubernetes.io/docs/reference/using-api/deprecation-guide/

    patch-behind: 12 patches behind
      Upgrade the Helm release to a chart that renders policy/v1.
      See https://kubernetes.io/docs/reference/using-api/deprecation-guide/

    kubectl upgrade-check explain RULE tells more

    Gaps
      secrets (type=helm.sh/release.v1): secrets is forbidden: User "eve" cannot list resource "secrets"
        fix: grant list on secrets
        not fully checked: api-deprecated, api-removed
      kubectl upgrade-check rbac prints a ClusterRole with these permissions

    blocked: 1 blocker (2 objects in 1 namespace), 1 warning (1 object in 1 namespace), 1 note (1 object); 1 gap; 8 rules, 120 objects read (context prod, 1.24.17 → 1.25.16)
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
    now, before any hop
    SEVERITY   RULE             OBJECT                             WHY                                             EVIDENCE                                  HOP               CONFIDENCE
    note       patch-behind     node/pool-a-2                      12 patches behind                               kubelet v1.22.1 on 2024-01-02             now               certain

    to Kubernetes 1.9
    SEVERITY   RULE             OBJECT                             WHY                                             EVIDENCE                                  HOP               CONFIDENCE
    warning    api-deprecated   poddisruptionbudget/shop/db        deprecated since 1.21                           last-applied by kubectl on 2024-01-02     kubernetes=1.9    certain

    to Kubernetes 1.10
    SEVERITY   RULE             OBJECT                             WHY                                             EVIDENCE                                  HOP               CONFIDENCE
    blocker    api-removed      poddisruptionbudget/shop/cart +1   policy/v1beta1 is gone in 1.25; use policy/v1   helm release shop/cart v4 on 2024-01-02   kubernetes=1.10   certain
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
    note      patch-behind     node/pool-a-2                      12 patches behind                               kubelet v1.22.1 on 2024-01-02             now               certain
    warning   api-deprecated   poddisruptionbudget/shop/db        deprecated since 1.21                           last-applied by kubectl on 2024-01-02     kubernetes=1.9    certain
    blocker   api-removed      poddisruptionbudget/shop/cart +1   policy/v1beta1 is gone in 1.25; use policy/v1   helm release shop/cart v4 on 2024-01-02   kubernetes=1.10   certain
    ");
}

#[test]
fn nothing_found_is_one_line() {
    let ready = report(&["1.24.17", "1.25.16", "1.26.15"], Vec::new(), Vec::new());
    insta::assert_snapshot!(table(&ready), @"ready: nothing found; 8 rules, 120 objects read (context prod, 1.24.17 → 1.25.16 → 1.26.15)");
    let mut scoped = report(&[], Vec::new(), Vec::new());
    scoped.cluster.namespace = Some("shop".into());
    scoped.summary.waived = 1;
    scoped.summary.skipped = 2;
    insta::assert_snapshot!(table(&scoped), @"ready: nothing found; 1 waived; 2 rules skipped; 8 rules, 120 objects read (context prod, stays at 1.24.17, namespace shop only)");
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
      user "eve" may not read 2 resources; 2 rules not fully checked; to fix: 'kubectl upgrade-check
      rbac' prints what an administrator must apply
      chart/: a Helm chart is not rendered: pipe `helm template` into -f -
        not fully checked: api-deprecated, api-removed
      /metrics: secrets is forbidden: User "eve" cannot list resource "secrets"
        fix: grant get on /metrics
        not fully checked: api-deprecated, api-removed
      secrets (type=helm.sh/release.v1): secrets is forbidden: User "eve" cannot list resource "secrets"
        fix: grant list on poddisruptionbudgets.policy in namespace shop
        not fully checked: api-deprecated, api-removed

    incomplete: nothing found; 3 gaps; 8 rules, 120 objects read (context prod, 1.24.17 → 1.25.16)
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
        1,
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
        "blocker (new)   api-removed",
        "Known from the baseline: 1 warning; -o wide lists them",
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

/// What is the same for all objects is said once, and many objects are counted by namespace and owner.
#[test]
fn many_objects_are_counted_by_namespace_and_owner() {
    let objects = (0..25).map(|at| ObjectDoc {
        namespace: Some(format!("team-{}", at % 3)),
        owner: Some(["cart", "web"][at % 2].to_owned()),
        ..object(
            "PodDisruptionBudget",
            &format!("b{at:02}"),
            "kubectl wrote it",
        )
    });
    let blocker = finding(
        SeverityDoc::Blocker,
        "api-removed",
        Some("1.25"),
        objects.collect(),
    );
    let report = report(&["1.24.17", "1.25.16"], vec![blocker], Vec::new());
    let shown = table(&report);
    for says in [
        "Objects by namespace\n  team-0 9 · team-1 8 · team-2 8\n",
        "Objects by owner\n  cart 13 · web 12\n",
        "    each: kubectl wrote it on 2024-01-02\n    poddisruptionbudget/team-0/b00\n",
        "    by namespace: team-0 9 · team-1 8 · team-2 8\n    by owner: cart 13 · web 12\n",
        "blocked: 1 blocker (25 objects in 3 namespaces); 8 rules, 120 objects read (context prod",
    ] {
        assert!(shown.contains(says), "{says}: {shown}");
    }
    insta::assert_snapshot!(text(OutputFormat::Summary, &report), @r"
    SEVERITY   RULE          OBJECTS   NAMESPACES             TITLE
    blocker    api-removed   25        team-0,team-1,team-2   An API version in use is not served by the target

    Objects by namespace
      team-0 9 · team-1 8 · team-2 8
    Objects by owner
      cart 13 · web 12

    blocked: 1 blocker (25 objects in 3 namespaces); 8 rules, 120 objects read (context prod, 1.24.17 → 1.25.16)
    ");
}

/// A user who was refused several lists reads first who is refused, how much, and what to do.
#[test]
fn refusals_begin_with_what_to_do() {
    let gaps = ["secrets", "nodes", "pods"].map(|plural| {
        let mut gap = gap();
        gap.what = plural.into();
        gap.rbac = Some((&PolicyRule::allow_list("", plural, None)).into());
        gap
    });
    let shown = table(&report(&[], Vec::new(), gaps.to_vec()));
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    let says = "Gaps user \"eve\" may not read 3 resources; 2 rules not fully checked; to fix: 'kubectl upgrade-check rbac' prints what an administrator must apply";
    assert!(words.starts_with(says), "{shown}");
    // One refusal says it itself.
    let shown = table(&report(&[], Vec::new(), vec![gap()]));
    assert!(!shown.contains("may not read"), "{shown}");
}

/// On a narrow terminal, what the header would name is named in the row.
#[test]
fn narrow_rows_name_what_they_show() {
    let look = RenderOptions {
        width: Some(80),
        ..RenderOptions::default()
    };
    let shown = render_report(OutputFormat::Wide, &three(), &look).expect("a table");
    assert!(
        shown.contains(
            "          hop kubernetes=1.25 · confidence certain · owner helm shop/cart\n"
        ),
        "{shown}"
    );
    assert!(
        shown.contains("holds now · confidence certain\n"),
        "{shown}"
    );
}

#[test]
fn every_format_for_programs_names_every_object() {
    insta::assert_snapshot!(text(OutputFormat::Csv, &three()), @r"
    severity,rule,hop,confidence,cluster,apiVersion,kind,namespace,name,owner,message,evidence,waiver,baseline
    blocker,api-removed,kubernetes=1.25,certain,uid-1,policy/v1beta1,PodDisruptionBudget,shop,cart,helm shop/cart,policy/v1beta1 is gone in 1.25; use policy/v1,helm release shop/cart v4,,
    blocker,api-removed,kubernetes=1.25,certain,uid-1,policy/v1beta1,PodDisruptionBudget,shop,db,helm shop/cart,policy/v1beta1 is gone in 1.25; use policy/v1,last-applied by kubectl,,
    warning,api-deprecated,kubernetes=1.25,certain,uid-1,policy/v1beta1,PodDisruptionBudget,shop,db,helm shop/cart,deprecated since 1.21,last-applied by kubectl,,
    note,patch-behind,,certain,uid-1,v1,Node,,pool-a-2,,12 patches behind,kubelet v1.22.1,,
    ");
    insta::assert_snapshot!(text(OutputFormat::Waivers, &three()), @r#"
    # Fill in owner, reason and the last day (YYYY-MM-DD), and delete what you do not accept.
    apiVersion: kubectl-upgrade/v1
    kind: Waivers
    waivers:
    - rule: "api-deprecated"
      objects:
      - "poddisruptionbudget.policy/db -n shop"
      owner: ""
      reason: ""
      expires: ""
    - rule: "api-removed"
      objects:
      - "poddisruptionbudget.policy/cart -n shop"
      - "poddisruptionbudget.policy/db -n shop"
      owner: ""
      reason: ""
      expires: ""
    - rule: "patch-behind"
      objects:
      - "node/pool-a-2"
      owner: ""
      reason: ""
      expires: ""
    "#);
}
