//! Values of flags, in kubectl's syntax.

use std::time::Duration;

use jiff::fmt::friendly::SpanParser;
use secrecy::SecretString;

/// How long a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeout {
    /// The time without a byte; the request may continue as long as bytes arrive.
    Idle(Duration),
    /// The time in total, retries included.
    Total(Duration),
    /// No timeout.
    Never,
}

impl Timeout {
    /// The time, whatever it limits.
    pub(crate) fn duration(self) -> Option<Duration> {
        match self {
            Self::Idle(time) | Self::Total(time) => Some(time),
            Self::Never => None,
        }
    }
}

impl Default for Timeout {
    fn default() -> Self {
        Self::Idle(Duration::from_secs(30))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a value parser")]
pub(super) fn parse_secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text))
}

/// kubectl's syntax: a whole number of seconds, or a Go duration. Zero means no timeout.
pub(super) fn parse_request_timeout(text: &str) -> Result<Timeout, String> {
    match parse_time(text) {
        Some(Duration::ZERO) => Ok(Timeout::Never),
        Some(time) => Ok(Timeout::Total(time)),
        None => Err(format!("{EXPECTED_DURATION}; 0 means no timeout")),
    }
}

const EXPECTED_DURATION: &str =
    "must be a whole number of seconds, or numbers with a unit (such as 1s, 2m, 3h or 1m30s)";

/// kubectl's syntax of a duration, which must not be zero.
///
/// # Errors
/// The syntax that is expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let time = parse_time(text).filter(|time| !time.is_zero());
    time.ok_or_else(|| EXPECTED_DURATION.to_owned())
}

fn parse_time(text: &str) -> Option<Duration> {
    match text.parse::<u32>() {
        Ok(seconds) if !text.starts_with('+') => Some(Duration::from_secs(seconds.into())),
        _ => parse_go_duration(text),
    }
}

/// `1h2m3.5s`; `None` for anything else, a negative time included.
fn parse_go_duration(text: &str) -> Option<Duration> {
    let time = SpanParser::new().parse_unsigned_duration(text).ok()?;
    (time.as_secs() <= u64::from(u32::MAX) && !text.contains(char::is_whitespace)).then_some(time)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;
    use secrecy::ExposeSecret;

    use crate::kubeconfig::{ConnectOptions, Timeout};

    #[derive(Parser, Debug)]
    struct Line {
        #[command(flatten)]
        connection: ConnectOptions,
    }

    fn parse(words: &[&str]) -> Result<ConnectOptions, clap::Error> {
        let words = std::iter::once("program").chain(words.iter().copied());
        Line::try_parse_from(words).map(|line| line.connection)
    }

    fn timeout(text: &str) -> Option<Timeout> {
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
            assert_eq!(timeout(text), expected, "{text:?}");
        }
        assert!(parse(&["--request-timeout=-1"]).is_err());
        assert!(parse(&["--request-timeout=-1s"]).is_err());
    }

    #[test]
    fn without_the_flag_only_silence_times_out() {
        let flags = parse(&[]).expect("no flags at all");
        assert_eq!(flags.timeout(), Timeout::Idle(Duration::from_secs(30)));
    }

    #[test]
    fn all_namespaces_wins() {
        let wanted = |words: &[&str]| parse(words).expect("flags").normalized().namespace;
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
        let wanted = flags;
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
        .expect("flags");
        assert_eq!(wanted.impersonate_groups, ["g", "h"]);
        assert!(wanted.insecure_skip_tls_verify && wanted.disable_compression);
        assert_eq!(wanted.server.as_deref(), Some("s"));
        assert_eq!(wanted.impersonate.as_deref(), Some("f"));
    }
}
