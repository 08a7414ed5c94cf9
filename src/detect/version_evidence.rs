//! Evidence for a release, strongest first, and what it comes to.

use crate::catalog::{Catalog, Minor, PlatformName, Release};
use crate::snapshot::MissingData;

/// What one piece of evidence says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum VersionClaim {
    /// This release.
    Release(Release),
    /// One of these releases, oldest first.
    OneOf(Vec<Release>),
    /// A release of this minor, or with `true` of a later one: never enough to decide, enough to contradict.
    Minor(Minor, bool),
    /// Something that is no release, with the reason.
    Unknown(String),
    /// That it is here, and no more.
    PresenceOnly,
}

/// A piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VersionEvidence {
    /// What was seen and where.
    pub(super) description: String,
    /// What it says.
    pub(super) claim: VersionClaim,
}

impl VersionEvidence {
    pub(super) fn new(seen: impl Into<String>, says: VersionClaim) -> Self {
        Self {
            description: seen.into(),
            claim: says,
        }
    }

    /// A version as it is written somewhere: a release if it is one that was published.
    pub(super) fn from_version(
        catalog: &Catalog,
        seen: impl Into<String>,
        platform: PlatformName,
        text: &str,
    ) -> Self {
        let says = match text.parse::<Release>() {
            Ok(release) if catalog.is_published_release(platform, &release) => {
                VersionClaim::Release(release)
            }
            Ok(_) | Err(_) => {
                let date = catalog
                    .platform(platform)
                    .map_or(catalog.date, |it| it.date);
                VersionClaim::Unknown(format!(
                    "{text:?} is no release that was published, as far as the catalog of {date} knows"
                ))
            }
        };
        Self::new(seen, says)
    }
}

/// What the evidence comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ResolvedVersion {
    pub(super) version: Option<Release>,
    /// Each piece of evidence as a text, and whether it contradicts the release.
    pub(super) evidence: Vec<String>,
    /// Pieces that contradict the release.
    pub(super) conflicts: Vec<String>,
    /// Why there is no release.
    pub(super) unresolved_reason: Option<String>,
}

/// The strongest piece that speaks of a release decides, also that it cannot be told; one that leaves several is narrowed
/// by weaker ones. All that disagree are named.
pub(super) fn resolve_version(rungs: &[VersionEvidence]) -> ResolvedVersion {
    let mut settled = ResolvedVersion::default();
    let mut narrowed: Option<Vec<Release>> = None;
    for rung in rungs {
        match (&rung.claim, &narrowed) {
            _ if settled.version.is_some() || settled.unresolved_reason.is_some() => {}
            (VersionClaim::Release(release), None) => settled.version = Some(release.clone()),
            (VersionClaim::Release(release), Some(several)) if several.contains(release) => {
                settled.version = Some(release.clone());
            }
            (VersionClaim::OneOf(several), None) if several.len() == 1 => {
                settled.version = several.first().cloned();
            }
            (VersionClaim::OneOf(several), None) => narrowed = Some(several.clone()),
            (VersionClaim::Unknown(why), None) => {
                settled.unresolved_reason = Some(format!("{}: {why}", rung.description))
            }
            _ => {}
        }
    }
    if settled.version.is_none() && settled.unresolved_reason.is_none() {
        settled.unresolved_reason = Some(match &narrowed {
            Some(several) => {
                let several: Vec<String> = several.iter().map(ToString::to_string).collect();
                format!("it may be {}", several.join(" or "))
            }
            None => "nothing that was found names it".to_owned(),
        });
    }
    for rung in rungs {
        if contradicts(&rung.claim, settled.version.as_ref(), narrowed.as_deref()) {
            settled.conflicts.push(rung.description.clone());
            settled
                .evidence
                .push(format!("conflicting: {}", rung.description));
        } else {
            settled.evidence.push(rung.description.clone());
        }
    }
    settled
}

fn contradicts(
    says: &VersionClaim,
    version: Option<&Release>,
    narrowed: Option<&[Release]>,
) -> bool {
    match (says, version, narrowed) {
        (VersionClaim::Release(release), Some(version), _) => release.semver != version.semver,
        (VersionClaim::Release(release), None, Some(several)) => !several.contains(release),
        (VersionClaim::OneOf(several), Some(version), _) => !several
            .iter()
            .any(|release| release.semver == version.semver),
        (VersionClaim::Minor(minor, later), Some(version), _) => {
            let own = version.minor();
            own < *minor || (own > *minor && !later)
        }
        // What strong evidence settles, weaker evidence of an unpublished build contradicts.
        (VersionClaim::Unknown(_), Some(_), _) => true,
        _ => false,
    }
}

impl ResolvedVersion {
    /// The gap, where there is no release.
    pub(super) fn gap(&self, name: &str) -> Option<MissingData> {
        let why = self.unresolved_reason.as_ref()?;
        Some(MissingData {
            what: format!("the release of {name}"),
            why: why.clone(),
            rbac: None,
        })
    }

    /// What contradicts, in one remark.
    pub(super) fn conflict_remark(&self, name: &str) -> Option<String> {
        if self.conflicts.is_empty() {
            return None;
        }
        let taken = match &self.version {
            Some(version) => format!("taken for {version}"),
            None => "unknown".to_owned(),
        };
        Some(format!(
            "the evidence on the release of {name} is conflicting; it is {taken}, against {}",
            self.conflicts.join("; ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{VersionClaim, VersionEvidence, resolve_version};
    use crate::catalog::{Catalog, PlatformName, Release};

    fn release(text: &str) -> Release {
        text.parse().expect("a release")
    }

    fn says(says: VersionClaim) -> VersionEvidence {
        VersionEvidence::new(format!("{says:?}"), says)
    }

    fn one_of(texts: &[&str]) -> VersionEvidence {
        says(VersionClaim::OneOf(
            texts.iter().map(|text| release(text)).collect(),
        ))
    }

    fn is(text: &str) -> VersionEvidence {
        let catalog = Catalog::embedded().expect("the catalog");
        VersionEvidence::from_version(catalog, text, PlatformName::Dkp, text)
    }

    #[test]
    fn the_strongest_decides_and_the_rest_must_agree() {
        let two_three = VersionClaim::Minor("2.3".parse().expect("a minor"), false);
        let later = VersionClaim::Minor("2.2".parse().expect("a minor"), true);
        for (rungs, version, conflicts) in [
            (vec![], None, 0),
            (vec![is("2.3.0")], Some("2.3.0"), 0),
            (vec![is("v2.3.0"), is("2.3.0")], Some("2.3.0"), 0),
            (vec![is("2.3.0"), is("2.2.3")], Some("2.3.0"), 1),
            (vec![is("2.3.0"), is("main-0123abcd")], Some("2.3.0"), 1),
            (vec![is("main-0123abcd"), is("2.3.0")], None, 0),
            (vec![one_of(&["2.2.1"])], Some("2.2.1"), 0),
            (vec![one_of(&["2.3.1", "2.3.2"])], None, 0),
            (
                vec![one_of(&["2.3.1", "2.3.2"]), is("2.3.2")],
                Some("2.3.2"),
                0,
            ),
            (vec![one_of(&["2.3.1", "2.3.2"]), is("2.4.0")], None, 1),
            (
                vec![is("2.3.0"), one_of(&["2.3.1", "2.3.2"])],
                Some("2.3.0"),
                1,
            ),
            (vec![says(two_three.clone())], None, 0),
            (vec![is("2.3.0"), says(two_three.clone())], Some("2.3.0"), 0),
            (vec![is("2.4.0"), says(two_three)], Some("2.4.0"), 1),
            (vec![is("2.4.0"), says(later.clone())], Some("2.4.0"), 0),
            (vec![is("2.1.0"), says(later)], Some("2.1.0"), 1),
            (vec![says(VersionClaim::PresenceOnly)], None, 0),
        ] {
            let settled = resolve_version(&rungs);
            let found = settled.version.as_ref().map(ToString::to_string);
            assert_eq!(found.as_deref(), version, "{rungs:#?}");
            assert_eq!(settled.conflicts.len(), conflicts, "{settled:#?}");
            assert_eq!(settled.gap("x").is_none(), version.is_some());
            assert_eq!(settled.conflict_remark("x").is_some(), conflicts > 0);
            assert_eq!(settled.evidence.len(), rungs.len(), "all is told");
        }
    }
}
