//! kubectl's connection flags, flattened into every command.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};
use secrecy::SecretString;

use crate::kubeconfig::ConnectOptions;
pub use crate::kubeconfig::Timeout;

const HEADING: &str = "Connection (as in kubectl)";

/// kubectl's flags for selecting a cluster and authenticating to it.
#[derive(Args, Debug, Clone, Default)]
pub struct ConnectionArgs {
    /// Path to the kubeconfig file to use [default: $KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = HEADING)]
    pub kubeconfig: Option<PathBuf>,

    /// The name of the kubeconfig context to use
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    pub context: Option<String>,

    /// The name of the kubeconfig cluster to use
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    pub cluster: Option<String>,

    /// The name of the kubeconfig user to use
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    pub user: Option<String>,

    /// Read this namespace only [default: all namespaces]
    #[arg(short = 'n', long, value_name = "NAME", help_heading = HEADING)]
    pub namespace: Option<String>,

    /// Read all namespaces, even if -n is given
    #[arg(
        short = 'A',
        long,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = false,
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "BOOL",
        help_heading = HEADING
    )]
    pub all_namespaces: bool,

    /// The address and port of the Kubernetes API server
    #[arg(short = 's', long, value_name = "URL", value_hint = ValueHint::Url, help_heading = HEADING)]
    pub server: Option<String>,

    /// Bearer token for authentication to the API server
    #[arg(long, value_name = "TOKEN", value_parser = parse_secret, help_heading = HEADING)]
    pub token: Option<SecretString>,

    /// Path to a cert file for the certificate authority
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = HEADING)]
    pub certificate_authority: Option<PathBuf>,

    /// Path to a client certificate file for TLS
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = HEADING)]
    pub client_certificate: Option<PathBuf>,

    /// Path to a client key file for TLS
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = HEADING)]
    pub client_key: Option<PathBuf>,

    /// Do not check the server's certificate for validity. This makes HTTPS connections insecure
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = false,
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "BOOL",
        help_heading = HEADING
    )]
    pub insecure_skip_tls_verify: bool,

    /// Server name to use for server certificate validation [default: the hostname used to contact the server]
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    pub tls_server_name: Option<String>,

    /// Proxy to use (http, https or socks5) [default: that of the kubeconfig, or $HTTPS_PROXY]
    // Secret, because it may hold a password.
    #[arg(long, value_name = "URL", value_parser = parse_secret, value_hint = ValueHint::Url, help_heading = HEADING)]
    pub proxy_url: Option<SecretString>,

    /// Opt out of response compression for all requests to the server
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = false,
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "BOOL",
        help_heading = HEADING
    )]
    pub disable_compression: bool,

    /// Username to impersonate: a regular user or a service account
    #[arg(long = "as", value_name = "USER", help_heading = HEADING)]
    pub impersonate: Option<String>,

    /// Group to impersonate, repeatable; requires --as
    #[arg(long = "as-group", value_name = "GROUP", help_heading = HEADING)]
    pub impersonate_groups: Vec<String>,

    /// UID to impersonate; requires --as
    #[arg(long = "as-uid", value_name = "UID", help_heading = HEADING)]
    pub impersonate_uid: Option<String>,

    /// The length of time to wait before giving up on a single request, such as 1s, 2m or 1m30s; zero means no timeout [default: 30s without a byte]
    #[arg(long, value_name = "TIME", value_parser = parse_request_timeout, help_heading = HEADING)]
    pub request_timeout: Option<Timeout>,
}

impl ConnectionArgs {
    /// The options for resolving the connection. `program` goes into the `User-Agent`.
    #[must_use]
    pub fn connect_options(&self, program: &str) -> ConnectOptions {
        ConnectOptions {
            program: program.to_owned(),
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            cluster: self.cluster.clone(),
            user: self.user.clone(),
            namespace: self.namespace.clone().filter(|_| !self.all_namespaces),
            server: self.server.clone(),
            token: self.token.clone(),
            certificate_authority: self.certificate_authority.clone(),
            client_certificate: self.client_certificate.clone(),
            client_key: self.client_key.clone(),
            insecure_skip_tls_verify: self.insecure_skip_tls_verify,
            tls_server_name: self.tls_server_name.clone(),
            proxy_url: self.proxy_url.clone(),
            disable_compression: self.disable_compression,
            impersonate: self.impersonate.clone(),
            impersonate_groups: self.impersonate_groups.clone(),
            impersonate_uid: self.impersonate_uid.clone(),
        }
    }

    /// `--request-timeout`, otherwise 30 s without a byte.
    #[must_use]
    pub fn timeout(&self) -> Timeout {
        self.request_timeout.unwrap_or_default()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a value parser")]
fn parse_secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text))
}

/// kubectl's syntax: a whole number of seconds, or a Go duration. Zero means no timeout.
fn parse_request_timeout(text: &str) -> Result<Timeout, String> {
    let time = match text.parse::<u32>() {
        Ok(seconds) if !text.starts_with('+') => Some(Duration::from_secs(seconds.into())),
        _ => parse_go_duration(text),
    };
    match time {
        Some(Duration::ZERO) => Ok(Timeout::Never),
        Some(time) => Ok(Timeout::Total(time)),
        None => Err(
            "must be a whole number of seconds, or numbers with a unit (such as 1s, 2m, 3h or 1m30s); 0 means no timeout"
                .to_owned(),
        ),
    }
}

/// `1h2m3.5s`; `None` for anything else, a negative time included.
fn parse_go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let unit_at = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, tail) = rest.split_at(unit_at);
        let next = tail
            .find(|letter: char| letter.is_ascii_digit() || letter == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(next);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        let number: f64 = number.parse().ok()?;
        let part = Duration::try_from_secs_f64(number * seconds).ok()?;
        total = total.checked_add(part)?;
        rest = tail;
    }
    (!text.is_empty() && total.as_secs() <= u64::from(u32::MAX)).then_some(total)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;
    use secrecy::ExposeSecret;

    use super::{ConnectionArgs, Timeout};

    #[derive(Parser, Debug)]
    struct Line {
        #[command(flatten)]
        connection: ConnectionArgs,
    }

    fn parse(words: &[&str]) -> Result<ConnectionArgs, clap::Error> {
        let words = std::iter::once("program").chain(words.iter().copied());
        Line::try_parse_from(words).map(|line| line.connection)
    }

    fn patience(text: &str) -> Option<Timeout> {
        parse(&["--request-timeout", text])
            .ok()
            .map(|flags| flags.timeout())
    }

    #[test]
    fn reads_times_as_kubectl_does() {
        let total = |millis| Some(Timeout::Total(Duration::from_millis(millis)));
        for (text, expected) in [
            ("5", total(5_000)),
            ("1s", total(1_000)),
            ("2m", total(120_000)),
            ("3h", total(10_800_000)),
            ("1m30s", total(90_000)),
            ("1.5s", total(1_500)),
            ("250ms", total(250)),
            ("0", Some(Timeout::Never)),
            ("0s", Some(Timeout::Never)),
            ("1d", None),
            ("abc", None),
            ("1.5", None),
            ("1 s", None),
            ("s", None),
            ("", None),
            ("99999999999999999999h", None),
        ] {
            assert_eq!(patience(text), expected, "{text:?}");
        }
        assert!(parse(&["--request-timeout=-1"]).is_err());
        assert!(parse(&["--request-timeout=-1s"]).is_err());
    }

    #[test]
    fn is_patient_as_long_as_bytes_come() {
        let flags = parse(&[]).expect("no flags at all");
        assert_eq!(flags.timeout(), Timeout::Idle(Duration::from_secs(30)));
    }

    #[test]
    fn all_namespaces_wins() {
        let wanted = |words: &[&str]| parse(words).expect("flags").connect_options("p").namespace;
        assert_eq!(wanted(&["-n", "shop"]).as_deref(), Some("shop"));
        assert_eq!(wanted(&["-A", "-n", "shop"]), None);
        assert_eq!(wanted(&["-n", "shop", "-A"]), None);
        assert_eq!(
            wanted(&["-n", "shop", "--all-namespaces=false"]).as_deref(),
            Some("shop")
        );
    }

    #[test]
    fn shows_no_secret() {
        let flags = parse(&[
            "--token",
            "s3cret",
            "--proxy-url",
            "http://me:s3cret@proxy:1",
        ])
        .expect("flags");
        assert!(!format!("{flags:?}").contains("s3cret"));
        let wanted = flags.connect_options("p");
        assert!(!format!("{wanted:?}").contains("s3cret"));
        let token = wanted.token.expect("a token");
        assert_eq!(token.expose_secret(), "s3cret");
    }

    #[test]
    fn knows_every_flag_of_the_interface() {
        let wanted = parse(&[
            "--kubeconfig=k",
            "--context=c",
            "--cluster=l",
            "--user=u",
            "-n",
            "n",
            "-s",
            "s",
            "--token=t",
            "--certificate-authority=a",
            "--client-certificate=b",
            "--client-key=d",
            "--insecure-skip-tls-verify",
            "--tls-server-name=e",
            "--proxy-url=p",
            "--disable-compression",
            "--as=f",
            "--as-group=g",
            "--as-group=h",
            "--as-uid=i",
            "--request-timeout=1",
        ])
        .expect("flags")
        .connect_options("program");
        assert_eq!(wanted.impersonate_groups, ["g", "h"]);
        assert!(wanted.insecure_skip_tls_verify && wanted.disable_compression);
        assert_eq!(wanted.server.as_deref(), Some("s"));
        assert_eq!(wanted.impersonate.as_deref(), Some("f"));
    }
}
