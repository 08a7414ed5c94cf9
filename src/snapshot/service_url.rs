//! URLs of services within the cluster.

/// What follows the namespace in the name of a service. Any other domain may be that of a cluster, or of anything else.
const SERVICE_DOMAINS: [&str; 2] = ["svc", "svc.cluster.local"];

/// The namespace, name and port of the service that an `https` URL names by its name in the cluster's DNS, such as
/// `https://guard.shop.svc:8443/validate`; `None` for any other URL.
#[must_use]
pub fn in_cluster_service(url: &str) -> Option<(String, String, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, 443),
    };
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let (name, rest) = host.split_once('.')?;
    let (namespace, domain) = rest.split_once('.')?;
    let is_named = !name.is_empty() && !namespace.is_empty();
    (is_named && SERVICE_DOMAINS.contains(&domain)).then(|| (namespace.into(), name.into(), port))
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
                "HTTPS://GUARD.Shop.SVC.Cluster.local.:8443/",
                Some(("shop", "guard", 8443)),
            ),
            ("https://GUARD.SHOP.SVC/x", Some(("shop", "guard", 443))),
            ("https://guard.shop.svc./", Some(("shop", "guard", 443))),
            ("https://guard.shop.svc../", None),
            ("https://guard.shop.svc.shop.example./", None),
            ("https://guard.shop.svc.cluster.local.example.com/", None),
            ("https://guard.shop.svc.cluster/", None),
            ("https://guard.shop.service.example/", None),
            ("https://guard..svc/", None),
            ("http://guard.shop.svc/", None),
            ("https://guard.shop.example/svc", None),
            ("https://127.0.0.1:23443/mutate", None),
            ("https://guard.svc", None),
            ("https://[::1]:8443/", None),
            ("a-pseudonym", None),
        ] {
            let named = in_cluster_service(url);
            let named = named.as_ref();
            let named = named.map(|(namespace, name, port)| (&**namespace, &**name, *port));
            assert_eq!(named, service, "{url}");
        }
    }
}
