//! URLs of services within the cluster.

/// The namespace, name and port of the service that an `https` URL names by its name in the cluster's DNS, such as
/// `https://guard.shop.svc:8443/validate`; `None` for any other URL.
#[must_use]
pub fn in_cluster_service(url: &str) -> Option<(&str, &str, u16)> {
    let rest = url.strip_prefix("https://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, 443),
    };
    let mut labels = host.trim_end_matches('.').split('.');
    let (name, namespace, kind) = (labels.next()?, labels.next()?, labels.next()?);
    let is_named = !name.is_empty() && !namespace.is_empty();
    (kind == "svc" && is_named).then_some((namespace, name, port))
}

#[cfg(test)]
mod tests {
    use super::in_cluster_service;

    #[test]
    fn services_are_named_by_the_dns_of_the_cluster() {
        for (url, service) in [
            ("https://guard.shop.svc", Some(("shop", "guard", 443))),
            (
                "https://guard.shop.svc:8443/v?a=b",
                Some(("shop", "guard", 8443)),
            ),
            (
                "https://guard.shop.svc.cluster.local/",
                Some(("shop", "guard", 443)),
            ),
            (
                "https://guard.shop.svc.shop.example./",
                Some(("shop", "guard", 443)),
            ),
            ("https://guard.shop.example/svc", None),
            ("https://127.0.0.1:23443/mutate", None),
            ("https://guard.svc", None),
            ("https://[::1]:8443/", None),
            ("a-pseudonym", None),
        ] {
            assert_eq!(in_cluster_service(url), service, "{url}");
        }
    }
}
