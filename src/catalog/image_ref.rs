//! Container image references.

use super::Release;

/// The parts of an image reference such as `registry.example:5000/etcd:3.5.9-0@sha256:…`. The digest is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageRef<'a> {
    /// Registry and path: `registry.example:5000/etcd`.
    pub repository: &'a str,
    /// The tag, if there is one.
    pub tag: Option<&'a str>,
}

impl<'a> ImageRef<'a> {
    /// Splits a reference. The port of a registry is not a tag.
    #[must_use]
    pub fn new(reference: &'a str) -> Self {
        let named = reference
            .split_once('@')
            .map_or(reference, |(named, _)| named);
        match named.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => Self {
                repository,
                tag: Some(tag),
            },
            _ => Self {
                repository: named,
                tag: None,
            },
        }
    }

    /// Where a copy of a published image comes from: what is before the path of `official` after its registry. None if it is
    /// another image; empty if it is the published one.
    #[must_use]
    pub fn mirror_of(&self, official: &str) -> Option<&'a str> {
        if self.repository == official {
            return Some("");
        }
        let (_, path) = official.split_once('/')?;
        let mirror = self.repository.strip_suffix(path)?.strip_suffix('/')?;
        (!mirror.is_empty()).then_some(mirror)
    }

    /// The release that the tag names; `None` without a tag and for tags that are not versions.
    #[must_use]
    pub fn release(&self) -> Option<Release> {
        self.tag?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::ImageRef;

    #[test]
    fn a_mirror_keeps_the_path_of_the_image() {
        let official = "registry.example/shop/installer";
        for (reference, mirror) in [
            ("registry.example/shop/installer:1.2.3", Some("")),
            (
                "mirror.example:5000/shop/installer:1.2.3",
                Some("mirror.example:5000"),
            ),
            (
                "mirror.example/registry.example/shop/installer",
                Some("mirror.example/registry.example"),
            ),
            ("mirror.example/workshop/installer:1.2.3", None),
            ("mirror.example/installer:1.2.3", None),
            ("shop/installer:1.2.3", None),
        ] {
            let found = ImageRef::new(reference).mirror_of(official);
            assert_eq!(found, mirror, "{reference}");
        }
    }

    #[test]
    fn tags_are_told_from_ports_and_digests() {
        for (reference, repository, release) in [
            (
                "registry.k8s.io/etcd:v1.27.3",
                "registry.k8s.io/etcd",
                Some("1.27.3"),
            ),
            (
                "localhost:5000/etcd:v1.27.3",
                "localhost:5000/etcd",
                Some("1.27.3"),
            ),
            ("localhost:5000/etcd", "localhost:5000/etcd", None),
            ("etcd", "etcd", None),
            ("", "", None),
            ("a.example/etcd@sha256:0123", "a.example/etcd", None),
            (
                "a.example:443/x/etcd:v1.27.3@sha256:0123",
                "a.example:443/x/etcd",
                Some("1.27.3"),
            ),
            (
                "rancher/hardened-kubernetes:v1.27.3-rke2r1-build20230614",
                "rancher/hardened-kubernetes",
                Some("1.27.3"),
            ),
            ("a.example/etcd:latest", "a.example/etcd", None),
        ] {
            let image = ImageRef::new(reference);
            let found = image.release().map(|release| release.without_suffix().raw);
            assert_eq!(
                (image.repository, found.as_deref()),
                (repository, release),
                "{reference}"
            );
        }
    }
}
