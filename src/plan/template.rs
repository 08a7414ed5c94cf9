//! Names and commands filled in for this cluster.

use std::borrow::Cow;

use super::step::EACH_NODE;
use crate::catalog::TextTemplate;
use crate::text::names;

/// Stands for the cluster if there is none.
pub(super) const CLUSTER_PLACEHOLDER: &str = "CLUSTER";
/// Stands for a node.
pub(super) const NODE_PLACEHOLDER: &str = "NODE";
/// Stands for a pool.
pub(super) const POOL_PLACEHOLDER: &str = "POOL";

/// The values of the placeholders of a step.
#[derive(Debug, Clone)]
pub(super) struct TemplateValues<'a> {
    /// The kubeconfig context that kubectl commands name.
    pub(super) kubectl_context: Option<&'a str>,
    /// Without a cluster, placeholders are shell variables in commands.
    pub(super) has_cluster: bool,
    pub(super) pairs: Vec<(&'static str, Cow<'a, str>)>,
    /// Parts of commands that the catalog has, which are not quoted.
    pub(super) fragments: Vec<(&'static str, String)>,
    /// Names whose values are unknown, and the shell variables that stand for them in commands.
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

    /// For a shell: every value is one word.
    pub(super) fn render_command(&self, template: &TextTemplate) -> String {
        let line = template.render(|name| {
            let mut fragments = self.fragments.iter();
            if let Some((_, fragment)) = fragments.find(|(one, _)| *one == name) {
                return Some(fragment.clone());
            }
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

/// One word of a POSIX shell. A zero byte, which no name of Kubernetes contains, is dropped: no shell accepts it.
pub(super) fn shell_quoted(value: &str) -> String {
    let value = value.replace('\0', "");
    let quoted = shlex::try_quote(&value);
    quoted.map(Cow::into_owned).unwrap_or_default()
}

/// Before commands that run against the Cluster API management cluster of the one that is planned for.
pub(super) const ON_MANAGEMENT: &str = "# on the management cluster:";

/// A shell comment of one line, whatever the text contains.
pub(super) fn shell_comment(text: &str) -> String {
    format!("# {}", text.replace(char::is_control, " "))
}

/// The command with `--context`, so that it does not depend on the current context. Plugins accept flags only after their name.
pub(super) fn with_kubectl_context(line: &str, context: Option<&str>) -> String {
    // Commented commands are there to be copied too.
    let (comment, command) = match line.strip_prefix("# ") {
        Some(command) => ("# ", command),
        None => ("", line),
    };
    let (Some(context), Some(rest)) = (context, command.strip_prefix("kubectl ")) else {
        return line.to_owned();
    };
    let flag = format!("--context {}", shell_quoted(context));
    let plugin = rest.split(' ').next().unwrap_or_default();
    match names::ALL.contains(&plugin) {
        true => format!("{line} {flag}"),
        false => format!("{comment}kubectl {flag} {rest}"),
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
