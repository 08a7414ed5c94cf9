//! Names and commands with this cluster's own words in them.

use std::borrow::Cow;

use super::EACH_NODE;
use crate::catalog::TextTemplate;

/// What stands for the cluster where none was looked at.
pub(super) const CLUSTER_PLACEHOLDER: &str = "CLUSTER";
/// What stands for a node.
pub(super) const NODE_PLACEHOLDER: &str = "NODE";
/// What stands for a pool.
pub(super) const POOL_PLACEHOLDER: &str = "POOL";

/// The values of a step.
#[derive(Debug, Clone)]
pub(super) struct TemplateValues<'a> {
    /// None where no cluster was looked at: then values are variables of the shell that stand for themselves.
    pub(super) kubectl_context: Option<&'a str>,
    pub(super) has_cluster: bool,
    pub(super) pairs: Vec<(&'static str, Cow<'a, str>)>,
    /// What cannot be known of the cluster: names, and the variables of the shell that stand for them in commands.
    pub(super) shell_variables: Vec<(&'static str, &'static str)>,
}

impl TemplateValues<'_> {
    fn find(&self, name: &str) -> Option<&str> {
        let mut pairs = self.pairs.iter();
        pairs
            .find(|(one, _)| *one == name)
            .map(|(_, value)| &**value)
    }

    fn shell_variable(&self, name: &str) -> Option<&'static str> {
        let mut variables = self.shell_variables.iter();
        variables
            .find(|(one, _)| *one == name)
            .map(|(_, variable)| *variable)
    }

    /// For people.
    pub(super) fn render_text(&self, template: &TextTemplate) -> String {
        template.render(|name| self.text_value(name).map(str::to_owned))
    }

    /// For people, with [`EACH_NODE`] as the name of the node.
    pub(super) fn render_shared_text(&self, template: &TextTemplate) -> String {
        template.render(|name| match name {
            "node" => Some(EACH_NODE.to_owned()),
            name => self.text_value(name).map(str::to_owned),
        })
    }

    fn text_value(&self, name: &str) -> Option<&str> {
        self.find(name).or_else(|| self.shell_variable(name))
    }

    /// For a shell: every value is one word of it.
    pub(super) fn render_command(&self, template: &TextTemplate) -> String {
        let line = template.render(|name| {
            if let Some(variable) = self.shell_variable(name) {
                return Some(format!("\"${variable}\""));
            }
            let value = self.find(name)?;
            Some(
                match !self.has_cluster
                    && [CLUSTER_PLACEHOLDER, NODE_PLACEHOLDER, POOL_PLACEHOLDER].contains(&value)
                {
                    true => format!("\"${value}\""),
                    false => shell_quoted(value),
                },
            )
        });
        with_kubectl_context(&line, self.kubectl_context)
    }
}

/// One word of a POSIX shell. No name of Kubernetes holds a zero byte, which no shell could take.
pub(super) fn shell_quoted(value: &str) -> String {
    let value = value.replace('\0', "");
    let quoted = shlex::try_quote(&value);
    quoted.map(Cow::into_owned).unwrap_or_default()
}

/// A line that a shell leaves alone, whatever stands in it.
pub(super) fn shell_comment(text: &str) -> String {
    format!("# {}", text.replace(char::is_control, " "))
}

/// The same command for this cluster, whatever the current context is where it runs. Plugins of kubectl take flags behind
/// their name only.
pub(super) fn with_kubectl_context(line: &str, context: Option<&str>) -> String {
    let (Some(context), Some(rest)) = (context, line.strip_prefix("kubectl ")) else {
        return line.to_owned();
    };
    let flag = format!("--context {}", shell_quoted(context));
    match rest.starts_with("upgrade-") {
        true => format!("{line} {flag}"),
        false => format!("kubectl {flag} {rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{shell_comment, shell_quoted, with_kubectl_context};

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
            assert_eq!(shell_quoted(value), word);
        }
    }

    #[test]
    fn a_comment_is_one_line() {
        assert_eq!(shell_comment("a\nreboot\r\0b"), "# a reboot  b");
    }

    #[test]
    fn commands_name_their_cluster() {
        assert_eq!(
            with_kubectl_context("kubectl cordon a", Some("p q")),
            "kubectl --context 'p q' cordon a"
        );
        assert_eq!(
            with_kubectl_context("kubectl upgrade-check --to 1.25", Some("p")),
            "kubectl upgrade-check --to 1.25 --context p"
        );
        assert_eq!(
            with_kubectl_context("sudo kubeadm upgrade node", Some("p")),
            "sudo kubeadm upgrade node"
        );
        assert_eq!(
            with_kubectl_context("kubectl cordon a", None),
            "kubectl cordon a"
        );
    }
}
