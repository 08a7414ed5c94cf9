//! The platforms' data files checked against themselves and against each other.

use std::collections::BTreeSet;

use super::edge::MatrixCell;
use super::{EdgeConfidence, Platform, PlatformName};
use crate::catalog::{Catalog, Release, VersionSpec};

fn catalog() -> &'static Catalog {
    Catalog::embedded().expect("the catalog")
}

fn release(text: &str) -> Release {
    text.parse().expect("a release")
}

fn edge(name: PlatformName, from: &str, to: &str) -> Option<EdgeConfidence> {
    let catalog = catalog();
    let platform = catalog.platform(name).expect("a platform");
    let edge = platform.edge(&release(from), &release(to))?;
    Some(edge.confidence)
}

#[test]
fn platforms_are_there_outermost_first_and_named_as_they_are_written() {
    let catalog = catalog();
    let names: Vec<&str> = catalog
        .platforms
        .iter()
        .map(|platform| platform.name.as_str())
        .collect();
    assert_eq!(names, ["dkp", "kyma", "kubernetes"]);
    for platform in &catalog.platforms {
        assert_eq!(platform.title, platform.name.title());
        assert!(!platform.downgrade_advice.is_empty());
        assert!(platform.date <= catalog.date);
    }
    for name in PlatformName::ALL {
        assert_eq!(name.as_str().parse(), Ok(name));
    }
}

#[test]
fn releases_are_there_once_with_a_source_and_a_range() {
    for platform in &catalog().platforms {
        let mut seen = BTreeSet::new();
        for row in platform.releases() {
            let name = format!("{} {}", platform.name, row.release);
            assert!(
                seen.insert(row.release.raw.clone()),
                "{name} is there twice"
            );
            assert!(!row.source.is_empty(), "{name} has no source");
            if let Some(released) = row.released {
                assert!(
                    released <= row.verified_on,
                    "{name} was read before it came out"
                );
            }
            if let Some(span) = row.kubernetes_range {
                let (oldest, newest) = (span.oldest.expect("an end"), span.newest.expect("an end"));
                assert!(oldest <= newest, "{name} runs on no Kubernetes");
                assert!(
                    row.range_confidence.is_some(),
                    "{name}: how is its range known?"
                );
            }
            if let (Some(span), Some(ships)) = (row.kubernetes_range, &row.bundled_kubernetes) {
                assert!(
                    span.contains(ships.minor()),
                    "{name} brings along what it does not run on"
                );
            }
        }
    }
}

#[test]
fn everything_of_which_an_edge_is_known_is_a_release() {
    for platform in &catalog().platforms {
        let known = |wanted: &VersionSpec| {
            let mut releases = platform.releases().iter();
            releases.any(|row| wanted.matches(&row.release))
        };
        for pair in &platform.exceptions {
            assert!(known(&pair.from), "{} {}", platform.name, pair.from);
            assert!(known(&pair.to), "{} {}", platform.name, pair.to);
            assert!(!pair.source.is_empty());
        }
        for matrix in &platform.matrices {
            let ends = matrix.from.iter().chain(matrix.to.keys());
            for end in ends {
                assert!(
                    platform.find_release(end).is_some(),
                    "{} {end}",
                    platform.name
                );
            }
            for (to, cells) in &matrix.to {
                assert_eq!(cells.len(), matrix.from.len(), "the row of {to}");
            }
            assert!(!matrix.source.is_empty());
        }
        for rule in &platform.edge_rules {
            assert!(!rule.source.is_empty());
        }
        for start in &platform.kubernetes_preconditions {
            assert!(known(&VersionSpec::Minor(start.from)) && known(&VersionSpec::Minor(start.to)));
            assert!(!start.source.is_empty());
        }
    }
}

#[test]
fn matrices_agree_where_both_speak_and_mark_what_is_no_upgrade() {
    for platform in &catalog().platforms {
        for matrix in &platform.matrices {
            for to in matrix.to.keys() {
                for from in &matrix.from {
                    let cell = matrix.cell(from, to);
                    assert_eq!(
                        cell == Some(MatrixCell::NoUpgrade),
                        to <= from,
                        "{from} to {to} of {}",
                        matrix.source
                    );
                    for other in &platform.matrices {
                        let other = other.cell(from, to);
                        assert!(other.is_none() || other == cell, "{from} to {to}");
                    }
                }
            }
        }
    }
}

/// Where a hop can begin on a Kubernetes that the release before it runs on, and that something leads to.
#[test]
fn every_hop_can_begin_somewhere() {
    for platform in &catalog().platforms {
        for (from, to) in edges(platform) {
            let (Some(low), Some(high)) = (from.kubernetes_range, to.kubernetes_range) else {
                continue;
            };
            let edge = platform.edge(&from.release, &to.release).expect("an edge");
            let newest = low.newest.expect("an end");
            let oldest = low.oldest.expect("an end");
            let begins = (oldest.minor..=newest.minor).any(|minor| {
                let minor = crate::catalog::Minor { minor, ..oldest };
                edge.required_kubernetes
                    .map_or(high.contains(minor), |starts| starts.contains(minor))
            });
            assert!(
                begins,
                "{} {} to {}",
                platform.name, from.release, to.release
            );
        }
    }
}

fn edges(
    platform: &Platform,
) -> impl Iterator<Item = (&super::PlatformRelease, &super::PlatformRelease)> {
    let releases = platform.releases();
    releases.iter().flat_map(move |from| {
        let edge =
            |to: &&super::PlatformRelease| platform.edge(&from.release, &to.release).is_some();
        releases.iter().filter(edge).map(move |to| (from, to))
    })
}

#[test]
fn every_release_is_reached_and_left_but_for_known_ends() {
    // What later candidates took the place of, and what came out after all of the next minor.
    let passed_by = ["1.16.0-rc1"];
    let dead_ends = ["2.1.5", "2.4.2", "2.8.3", "2.14.3"];
    for platform in &catalog().platforms {
        if platform.name == PlatformName::Kubernetes {
            continue;
        }
        let known: Vec<_> = edges(platform).collect();
        let (first, last) = (
            &platform.releases()[0],
            platform.newest_release().expect("a release"),
        );
        for row in platform.releases() {
            let name = format!("{} {}", platform.name, row.release);
            let raw = row.release.raw.as_str();
            let reached = known.iter().any(|(_, to)| to.release == row.release);
            let may_be_first = row.release.minor() == first.release.minor();
            assert!(
                reached || may_be_first || passed_by.contains(&raw),
                "nothing leads to {name}"
            );
            let left = known.iter().any(|(from, _)| from.release == row.release);
            let may_be_last = row.release == last.release;
            let dead_end = platform.name == PlatformName::Dkp && dead_ends.contains(&raw);
            assert_eq!(left, !may_be_last && !dead_end, "what leads on from {name}");
        }
    }
}

#[test]
fn pairs_come_before_matrices_and_matrices_before_rules() {
    use PlatformName::{Dkp, Kyma};
    assert_eq!(edge(Dkp, "1.8.4", "2.1.4"), Some(EdgeConfidence::Published));
    assert_eq!(edge(Dkp, "1.8.2", "2.1.1"), None);
    assert_eq!(edge(Dkp, "1.8.3", "2.1.1"), Some(EdgeConfidence::FromRule));
    assert_eq!(edge(Dkp, "1.8.3", "2.2.1"), None);
    assert_eq!(edge(Dkp, "2.2.2", "2.3.0"), Some(EdgeConfidence::Published));
    assert_eq!(edge(Dkp, "2.2.2", "2.3.1"), Some(EdgeConfidence::Inferred));
    assert_eq!(edge(Kyma, "1.15.1", "1.16.0-rc2"), None);
    assert_eq!(
        edge(Kyma, "1.15.1", "1.16.0-rc4"),
        Some(EdgeConfidence::Published)
    );
    assert_eq!(edge(Kyma, "1.15.1", "1.17.0"), None);
    assert_eq!(edge(Kyma, "1.16.0-rc2", "1.17.0"), None);
    assert_eq!(
        edge(Kyma, "1.24.3", "2.0.4"),
        Some(EdgeConfidence::Published)
    );
    assert_eq!(edge(Kyma, "2.0.4", "1.24.3"), None);
    assert_eq!(edge(Kyma, "1.10.0", "1.10.0"), None);
}

/// No patch inside 2.1, none to a release that came out before: what a guess by numbers gets wrong.
#[test]
fn dkp_goes_to_no_release_that_is_older_by_its_date() {
    use PlatformName::Dkp;
    for (from, to, supported) in [
        ("2.1.0", "2.1.3", false),
        ("2.2.3", "2.3.0", false),
        ("2.2.3", "2.3.1", false),
        ("2.2.3", "2.3.2", true),
        ("2.1.3", "2.2.2", false),
        ("2.1.3", "2.2.3", true),
        ("2.1.5", "2.2.3", false),
        ("2.8.3", "2.12.0", false),
        ("2.8.2", "2.12.1", false),
        ("2.8.2", "2.12.2", true),
        ("2.14.3", "2.15.2", false),
        ("2.8.0", "2.12.0", true),
        ("2.7.3", "2.12.0", false),
    ] {
        assert_eq!(edge(Dkp, from, to).is_some(), supported, "{from} to {to}");
    }
}

#[test]
fn hops_have_pages_for_people_and_patches_no_guide() {
    let catalog = catalog();
    let links = |name, from: &str, to: &str| {
        let platform = catalog.platform(name).expect("a platform");
        platform.links(&release(from), &release(to))
    };
    let kyma = "https://github.com/kyma-project/kyma";
    assert_eq!(
        links(PlatformName::Kyma, "1.13.0", "1.14.0"),
        [
            format!("{kyma}/releases/tag/1.14.0"),
            format!("{kyma}/blob/release-1.14/docs/kyma/04-10-upgrade.md"),
            format!("{kyma}/blob/release-1.14/docs/migration-guides/1.13-1.14.md"),
        ]
    );
    assert_eq!(
        links(PlatformName::Kyma, "1.17.0", "1.17.1"),
        [format!("{kyma}/releases/tag/1.17.1")]
    );
    for platform in &catalog.platforms {
        for (from, to) in edges(platform).take(500) {
            let links = platform.links(&from.release, &to.release);
            assert!(!links.is_empty(), "{} {}", platform.name, to.release);
            assert!(links.iter().all(|link| !link.contains(['{', '}'])));
        }
    }
}

#[test]
fn applications_of_dkp_have_the_version_of_each_release() {
    let dkp = &catalog().dkp;
    let version = |app, at| dkp.platform_app_version(app, &release(at));
    assert_eq!(version("traefik", "2.1.5"), Some("10.3.0"));
    assert_eq!(version("traefik", "2.2.2"), Some("10.9.1"));
    assert_eq!(version("metallb", "2.3.2"), Some("0.12.3"));
    // Dropped, not there yet, and of nobody.
    assert_eq!(version("metallb", "2.4.0"), None);
    assert_eq!(version("chartmuseum", "2.1.1"), None);
    assert_eq!(version("till", "2.2.2"), None);
    let minor = |text: &str| text.parse().expect("a minor");
    let target = |app, at, kubernetes| dkp.catalog_app_target(app, minor(at), minor(kubernetes));
    assert_eq!(target("kafka-operator", "2.2", "1.22"), Some("0.20.2"));
    assert_eq!(target("zookeeper-operator", "2.2", "1.22"), Some("0.2.13"));
    assert_eq!(target("kafka-operator", "2.2", "1.23"), None);
    assert_eq!(target("spark-operator", "2.7", "1.27"), None);
}

#[test]
fn commands_of_dkp_are_those_of_their_release_or_of_an_earlier_one() {
    let dkp = &catalog().dkp;
    let known = |line: &str, at: &str| {
        let known = dkp.cli.find(line, at.parse().expect("a minor"));
        known.map(|known| (known.row.command.clone(), known.is_published))
    };
    let command = |text: &str, is_published| Some((text.to_owned(), is_published));
    assert_eq!(
        known("update nodepool aws md-0 --ami=x", "2.2"),
        command("update nodepool aws", true)
    );
    assert_eq!(
        known("upgrade kommander", "2.6"),
        command("upgrade kommander", false)
    );
    // Later than the release, never, and a longer word.
    assert_eq!(known("update controlplane vsphere", "2.2"), None);
    assert_eq!(known("update controlplane gcp", "2.3"), None);
    assert_eq!(known("update controlplane aks", "2.8"), None);
    assert_eq!(known("upgrade kommanders", "2.3"), None);
    assert_eq!(dkp.cli.name("2.8".parse().expect("a minor")), "dkp");
    assert_eq!(dkp.cli.name("2.12".parse().expect("a minor")), "nkp");
    let sourced = dkp.cli.commands.iter().all(|row| !row.source.is_empty());
    assert!(sourced && dkp.platform_apps.iter().all(|row| !row.source.is_empty()));
}
