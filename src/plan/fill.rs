//! Names and commands with this cluster's own words in them.

use std::borrow::Cow;

use crate::catalog::Template;

/// What stands for the cluster where none was looked at.
pub(super) const CLUSTER: &str = "CLUSTER";
/// What stands for a node.
pub(super) const NODE: &str = "NODE";
/// What stands for a pool.
pub(super) const POOL: &str = "POOL";

/// The values of a step.
#[derive(Debug, Clone)]
pub(super) struct Values<'a> {
    /// None where no cluster was looked at: then values are variables of the shell that stand for themselves.
    pub(super) context: Option<&'a str>,
    pub(super) is_real: bool,
    pub(super) pairs: Vec<(&'static str, Cow<'a, str>)>,
    /// What cannot be known of the cluster: names, and the variables of the shell that stand for them in commands.
    pub(super) variables: Vec<(&'static str, &'static str)>,
}

impl Values<'_> {
    fn find(&self, name: &str) -> Option<&str> {
        let mut pairs = self.pairs.iter();
        pairs
            .find(|(one, _)| *one == name)
            .map(|(_, value)| &**value)
    }

    fn variable(&self, name: &str) -> Option<&'static str> {
        let mut variables = self.variables.iter();
        variables
            .find(|(one, _)| *one == name)
            .map(|(_, variable)| *variable)
    }

    /// For people.
    pub(super) fn text(&self, template: &Template) -> String {
        template.fill(|name| {
            let value = self.find(name).or_else(|| self.variable(name));
            value.map(str::to_owned)
        })
    }

    /// For a shell: every value is one word of it.
    pub(super) fn command(&self, template: &Template) -> String {
        let line = template.fill(|name| {
            if let Some(variable) = self.variable(name) {
                return Some(format!("\"${variable}\""));
            }
            let value = self.find(name)?;
            Some(
                match !self.is_real && [CLUSTER, NODE, POOL].contains(&value) {
                    true => format!("\"${value}\""),
                    false => quoted(value),
                },
            )
        });
        with_context(&line, self.context)
    }
}

/// One word of a POSIX shell. No name of Kubernetes holds a zero byte, which no shell could take.
pub(super) fn quoted(value: &str) -> String {
    let value = value.replace('\0', "");
    let quoted = shlex::try_quote(&value);
    quoted.map(Cow::into_owned).unwrap_or_default()
}

/// A line that a shell leaves alone, whatever stands in it.
pub(super) fn comment(text: &str) -> String {
    format!("# {}", text.replace(char::is_control, " "))
}

/// The same command for this cluster, whatever the current context is where it runs. Plugins of kubectl take flags behind
/// their name only.
pub(super) fn with_context(line: &str, context: Option<&str>) -> String {
    let (Some(context), Some(rest)) = (context, line.strip_prefix("kubectl ")) else {
        return line.to_owned();
    };
    let flag = format!("--context {}", quoted(context));
    match rest.starts_with("upgrade-") {
        true => format!("{line} {flag}"),
        false => format!("kubectl {flag} {rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{comment, quoted, with_context};

    #[test]
    fn values_are_one_word_of_a_shell() {
        for (value, word) in [
            ("a-1", "a-1"),
            ("a b", "'a b'"),
            ("$(reboot)", "'$(reboot)'"),
            ("it's", "\"it's\""),
            ("", "''"),
            ("a\nb", "'a\nb'"),
        ] {
            assert_eq!(quoted(value), word);
        }
    }

    #[test]
    fn a_comment_is_one_line() {
        assert_eq!(comment("a\nreboot\r\0b"), "# a reboot  b");
    }

    #[test]
    fn commands_name_their_cluster() {
        assert_eq!(
            with_context("kubectl cordon a", Some("p q")),
            "kubectl --context 'p q' cordon a"
        );
        assert_eq!(
            with_context("kubectl upgrade-check --to 1.25", Some("p")),
            "kubectl upgrade-check --to 1.25 --context p"
        );
        assert_eq!(
            with_context("sudo kubeadm upgrade node", Some("p")),
            "sudo kubeadm upgrade node"
        );
        assert_eq!(with_context("kubectl cordon a", None), "kubectl cordon a");
    }
}
