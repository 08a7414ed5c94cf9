//! Patterns, and what is no list of waivers.

use proptest::prelude::*;

use super::{ObjectPattern, Waivers};
use crate::rules::AffectedObject;
use crate::text::glob_matches;

fn object(kind: &str, namespace: Option<&str>, name: &str) -> AffectedObject {
    AffectedObject {
        cluster: None,
        namespace: namespace.map(str::to_owned),
        api_version: "policy/v1beta1".to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        owner: None,
        evidence: Vec::new(),
    }
}

#[test]
fn stars_stand_for_anything() {
    for (pattern, text) in [
        ("*", ""),
        ("*", "cart"),
        ("ca*", "cart"),
        ("*rt", "cart"),
        ("c*r*", "cart"),
        ("**", "x"),
        ("*a*a*", "banana"),
        ("cart", "cart"),
    ] {
        assert!(glob_matches(pattern, text), "{pattern} {text}");
    }
    for (pattern, text) in [
        ("", "cart"),
        ("ca*at", "cat"),
        ("*x*", "cart"),
        ("cart*", "car"),
        ("*aa*aa", "aaa"),
    ] {
        assert!(!glob_matches(pattern, text), "{pattern} {text}");
    }
}

/// The same, slowly: a star takes nothing, or one more character.
fn naive(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), tail) => {
            naive(rest, text) || tail.is_some_and(|(_, tail)| naive(pattern, tail))
        }
        (Some((wanted, rest)), Some((letter, tail))) => wanted == letter && naive(rest, tail),
        _ => false,
    }
}

proptest! {
    #![proptest_config(crate::mutate::cases(256))]

    #[test]
    fn stars_match_what_they_should(pattern in "[ab*]{0,7}", text in "[ab]{0,9}") {
        prop_assert_eq!(glob_matches(&pattern, &text), naive(pattern.as_bytes(), text.as_bytes()));
    }
}

#[test]
fn objects_are_named_as_the_table_names_them() {
    let cart = object("PodDisruptionBudget", Some("shop"), "cart");
    let node = object("Node", None, "pool-a-1");
    let arn = object("Cluster", None, "arn:aws:eks:eu:1:cluster/shop");
    let unknown = object("Ingress", None, "");
    let fits = |text: &str, object: &AffectedObject| {
        let text = text.to_owned();
        ObjectPattern { text }.matches(object)
    };
    for text in [
        "poddisruptionbudget/shop/cart",
        "PodDisruptionBudget/*/cart",
        "*/*/*",
    ] {
        assert!(fits(text, &cart), "{text}");
    }
    for text in [
        "poddisruptionbudget/cart",
        "poddisruptionbudget/*",
        "poddisruptionbudget//cart",
        "poddisruptionbudget",
        "poddisruptionbudget/shop/Cart",
    ] {
        assert!(!fits(text, &cart), "{text}");
    }
    for text in ["node/pool-a-1", "node//pool-a-1", "NODE/pool-*", "node/*/*"] {
        assert!(fits(text, &node), "{text}");
    }
    for text in [
        "cluster/arn:aws:eks:eu:1:cluster/shop",
        "cluster//arn:*",
        "cluster/*",
    ] {
        assert!(fits(text, &arn), "{text}");
    }
    assert!(fits("ingress", &unknown), "no object is known by name");
    assert!(!fits("node/shop/pool-a-1", &node));
}

const FILE: &str = "apiVersion: kubectl-upgrade/v1\nkind: Waivers\nwaivers:\n- rule: api-removed\n  objects: [poddisruptionbudget/shop/*]\n  owner: shop-team\n  reason: the chart moves next week\n  expires: 2026-12-31\n";

fn parse(text: &str) -> Result<Waivers, String> {
    let unknown = |id: &str| (id != "api-removed").then(|| format!("no rule {id}"));
    Waivers::parse(text, &unknown).map_err(|error| error.to_string())
}

#[test]
fn a_waiver_counts_on_its_last_day_and_not_after_it() {
    let waivers = parse(FILE).expect("waivers");
    let cart = object("PodDisruptionBudget", Some("shop"), "cart");
    let day = |text: &str| text.parse().expect("a day");
    let waiver = waivers.find("api-removed", &cart, day("2026-12-31"));
    assert_eq!(waiver.expect("a waiver").owner, "shop-team");
    assert_eq!(waivers.expired_remarks(day("2026-12-31")).count(), 0);
    assert_eq!(waivers.find("api-removed", &cart, day("2027-01-01")), None);
    assert_eq!(
        waivers.find("api-deprecated", &cart, day("2026-12-31")),
        None
    );
    let expired: Vec<String> = waivers.expired_remarks(day("2027-01-01")).collect();
    assert_eq!(
        expired,
        [
            "the waiver of api-removed for poddisruptionbudget/shop/* by shop-team expired on 2026-12-31 and no longer counts"
        ]
    );
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_place() {
    for (from, to, says) in [
        (
            "rule: api-removed",
            "rule: api-remove",
            "line 4, column 9: no rule api-remove",
        ),
        (
            "2026-12-31",
            "2026-02-30",
            "line 8, column 12: \"2026-02-30\" is no day",
        ),
        (
            "2026-12-31",
            "soon",
            "line 8, column 12: \"soon\" is no day",
        ),
        ("shop-team", "''", "line 6, column 10: owner says nothing"),
        (
            "[poddisruptionbudget/shop/*]",
            "[]",
            "line 5, column 12: a waiver needs objects",
        ),
        (
            "poddisruptionbudget/shop/*",
            "/shop/*",
            "is not kind/namespace/name",
        ),
        (
            "kind: Waivers",
            "kind: Waiver",
            "expected kind Waivers of kubectl-upgrade/v1, found kind Waiver of kubectl-upgrade/v1",
        ),
        ("/v1\n", "/v2\n", "found kind Waivers of kubectl-upgrade/v2"),
        ("  owner", "  until: x\n  owner", "until"),
        ("  owner: shop-team\n", "", "owner"),
    ] {
        assert!(FILE.contains(from), "{from}");
        let error = parse(&FILE.replacen(from, to, 1)).expect_err(to);
        assert!(error.contains(says), "{to}: {error}");
    }
    let error = parse(&FILE.replacen("  owner", "  until: x\n  owner", 1)).expect_err("a field");
    assert!(error.contains("line 6"), "{error}");
}

proptest! {
    #![proptest_config(crate::mutate::cases(256))]

    #[test]
    fn no_damage_panics(text in crate::mutate::damaged_text(&[FILE])) {
        let _ = parse(&text);
    }
}

#[test]
fn errors_do_not_show_the_file() {
    // Somebody names the wrong file: a kubeconfig.
    for text in [
        "users:\n- name: a\n  user: {token: hunter2\n",
        "apiVersion: v1\nkind: Config\nusers:\n- {name: a, user: {token: hunter2}}\n",
        "hunter2: {{\n",
    ] {
        let error = parse(text).expect_err("no waivers");
        assert!(!error.contains("token: hunter2"), "{error}");
    }
}
