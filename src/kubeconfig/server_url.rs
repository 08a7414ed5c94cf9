//! URLs of servers and proxies, and `NO_PROXY`.

use std::net::IpAddr;

use http::Uri;
use secrecy::{ExposeSecret, SecretString};

use super::error::ConnectError;
use super::options::Env;

/// The address of an API server as kubectl reads it: `host:port` without a scheme means `http://`, whatever else the
/// entry says. (client-go asks whether the connection is TLS before it has read certificates, so they never count.)
///
/// A path stays, a query goes. `by` names who gives the address.
pub(super) fn parse_server_url(text: &str, by: &str) -> Result<Uri, ConnectError> {
    let bad = |why: &str| ConnectError::InvalidAddress {
        by: by.to_owned(),
        value: redact_url(text),
        why: why.to_owned(),
    };
    let shape = "it must be a URL such as https://host:6443, or host:port";
    let text = text.trim();
    let (full, bare) = match text.split_once("://") {
        Some((scheme, _)) if matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") => {
            (text.to_owned(), false)
        }
        Some((scheme, _)) if !scheme.contains(['/', ':', '.']) => {
            return Err(bad("the scheme must be https or http"));
        }
        _ => (format!("http://{text}"), true),
    };
    let full = full.split(['?', '#']).next().unwrap_or_default();
    let uri: Uri = full.parse().map_err(|_| bad(shape))?;
    if bare && !matches!(uri.path(), "" | "/") {
        return Err(bad(shape));
    }
    match uri.authority() {
        Some(authority) if authority.as_str().contains('@') => Err(bad(
            "it must not hold a user name or password; a user entry does",
        )),
        Some(authority) if has_valid_port(authority) => Ok(uri),
        _ => Err(bad(shape)),
    }
}

/// Whether there is a host and the part after it, if any, is a port: the `http` crate does not look.
fn has_valid_port(authority: &http::uri::Authority) -> bool {
    let rest = authority.as_str().strip_prefix(authority.host());
    !authority.host().is_empty()
        && (authority.port_u16().is_some_and(|port| port > 0) || rest == Some(""))
}

/// The proxy on the way to `server`: that of `--proxy-url` or the kubeconfig, which ignores `NO_PROXY`, else that of the
/// environment, which obeys it.
///
/// kube 5.0 asks the environment by itself and compares `NO_PROXY` with the address of the proxy; hence all of it here.
pub(super) fn resolve_proxy(
    server: &Uri,
    flag: Option<&SecretString>,
    kubeconfig: Option<&str>,
    env: &Env<'_>,
) -> Result<Option<Uri>, ConnectError> {
    let explicit = flag
        .map(|url| ("--proxy-url", url.expose_secret()))
        .or_else(|| kubeconfig.map(|url| ("proxy-url of the kubeconfig", url)))
        .filter(|(_, url)| !url.is_empty());
    if let Some((by, url)) = explicit {
        return parse_proxy_url(url, by).map(Some);
    }
    let names = match server.scheme_str() {
        Some("https") => ["HTTPS_PROXY", "https_proxy"],
        // In a CGI program HTTP_PROXY is whatever a visitor sends.
        _ if env.value("REQUEST_METHOD").is_some() => return Ok(None),
        _ => ["HTTP_PROXY", "http_proxy"],
    };
    let found = names
        .into_iter()
        .find_map(|name| Some((name, env.text(name)?)));
    let Some((name, url)) = found else {
        return Ok(None);
    };
    let exempt = ["NO_PROXY", "no_proxy"]
        .into_iter()
        .find_map(|name| env.text(name))
        .unwrap_or_default();
    if bypasses_proxy(server, &exempt) {
        return Ok(None);
    }
    // Only the environment may leave the scheme out.
    let url = if url.contains("://") {
        url
    } else {
        format!("http://{url}")
    };
    parse_proxy_url(&url, name).map(Some)
}

fn parse_proxy_url(url: &str, by: &str) -> Result<Uri, ConnectError> {
    let bad = |why: &str| ConnectError::InvalidAddress {
        by: by.to_owned(),
        value: redact_url(url),
        why: why.to_owned(),
    };
    let uri: Uri = url
        .trim()
        .parse()
        .map_err(|_| bad("it must be a URL such as http://proxy:3128"))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https" | "socks5"), Some(host)) if !host.is_empty() => Ok(uri),
        _ => Err(bad("the scheme must be http, https or socks5")),
    }
}

/// Hides everything before the last `@`, wherever that is: passwords hold slashes and question marks too. A query goes,
/// for it may be a ticket.
fn redact_url(url: &str) -> String {
    let (head, rest) = url
        .split_once("://")
        .map_or(("", url), |(scheme, rest)| (&url[..scheme.len() + 3], rest));
    let (hidden, rest) = match rest.rfind('@') {
        Some(at) => ("…", &rest[at..]),
        None => ("", rest),
    };
    let shown = rest.split(['?', '#']).next().unwrap_or_default();
    let query = if shown.len() < rest.len() { "…" } else { "" };
    format!("{head}{hidden}{shown}{query}")
}

/// Whether `NO_PROXY` exempts a server, by the rules of Go and thus of kubectl: hosts with their subdomains, `.suffix`
/// and `*.suffix` without the domain itself, addresses, CIDR ranges, each with an optional port; `*` is everything;
/// what cannot be read is skipped. Loopback is always exempt.
fn bypasses_proxy(server: &Uri, list: &str) -> bool {
    let host = server
        .host()
        .unwrap_or_default()
        .trim_matches(['[', ']'])
        .to_ascii_lowercase();
    let address: Option<IpAddr> = host
        .parse()
        .ok()
        .map(|address: IpAddr| address.to_canonical());
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    let standard = if server.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    let port = server.port_u16().unwrap_or(standard);
    list.split(',')
        .map(|entry| entry.trim().to_ascii_lowercase())
        .any(|entry| matches_no_proxy_entry(&entry, &host, address, port))
}

fn matches_no_proxy_entry(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if entry.is_empty() || entry == "*" {
        return !entry.is_empty();
    }
    if let Some((network, bits)) = parse_cidr(entry) {
        return address.is_some_and(|address| is_in_network(address, network, bits));
    }
    let (name, its_port) = split_host_port(entry);
    if its_port.is_some_and(|its_port| its_port.parse() != Ok(port)) {
        return false;
    }
    if let Ok(exempt) = name.parse::<IpAddr>() {
        return address == Some(exempt.to_canonical());
    }
    let name = name.strip_prefix('*').unwrap_or(name);
    if address.is_some() || name.is_empty() {
        return false;
    }
    match name.strip_prefix('.') {
        Some(_) => host.ends_with(name),
        None => {
            host == name
                || host
                    .strip_suffix(name)
                    .is_some_and(|rest| rest.ends_with('.'))
        }
    }
}

/// `name:port` and `[address]:port` apart; an IPv6 address without brackets has no port.
fn split_host_port(entry: &str) -> (&str, Option<&str>) {
    if let Some((address, rest)) = entry
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        return (address, rest.strip_prefix(':'));
    }
    match entry.split_once(':') {
        Some((name, port)) if !port.contains(':') => (name, Some(port)),
        _ => (entry, None),
    }
}

fn parse_cidr(entry: &str) -> Option<(IpAddr, u32)> {
    let (network, bits) = entry.split_once('/')?;
    let network: IpAddr = network.parse().ok()?;
    let bits: u32 = bits.parse().ok()?;
    (bits <= if network.is_ipv4() { 32 } else { 128 }).then_some((network, bits))
}

fn is_in_network(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            (address.to_bits() ^ network.to_bits()) & mask == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            (address.to_bits() ^ network.to_bits()) & mask == 0
        }
        _ => false,
    }
}
