//! The names of the plugins. Everything that prints a command, names a file or identifies a program derives from them.
//!
//! To rename a plugin, change its line below and regenerate what mentions it outside of the code (`docs/release.md`).

macro_rules! check_name {
    () => {
        "upgrade-check"
    };
}
macro_rules! plan_name {
    () => {
        "upgrade-plan"
    };
}
macro_rules! watch_name {
    () => {
        "upgrade-watch"
    };
}
pub(crate) use {plan_name, watch_name};

/// The plugin that checks, as typed after `kubectl`.
pub const CHECK: &str = check_name!();
/// The plugin that plans.
pub const PLAN: &str = plan_name!();
/// The plugin that watches.
pub const WATCH: &str = watch_name!();

/// All plugins.
pub const ALL: [&str; 3] = [CHECK, PLAN, WATCH];

/// The program that checks: its file before it is installed, its `User-Agent`, and the tool that documents name.
pub const CHECK_PROGRAM: &str = concat!("kubectl-", check_name!());
/// The program that plans.
pub const PLAN_PROGRAM: &str = concat!("kubectl-", plan_name!());
/// The program that watches.
pub const WATCH_PROGRAM: &str = concat!("kubectl-", watch_name!());

/// The program that is all of them: the name by which it is called, or its first argument, selects one.
pub const SUITE_PROGRAM: &str = "kubectl-upgrade";

/// The file on PATH in which kubectl finds a plugin: dashes of its name become underscores.
#[must_use]
pub fn plugin_file(name: &str) -> String {
    format!("kubectl-{}", name.replace('-', "_"))
}

/// The file on PATH that kubectl asks for completion of a plugin's arguments.
#[must_use]
pub fn completion_file(name: &str) -> String {
    format!("kubectl_complete-{}", name.replace('-', "_"))
}

/// Replaces `{check}`, `{plan}` and `{watch}`, the placeholders of texts that are not formatted otherwise.
#[must_use]
pub fn expand(text: &str) -> String {
    text.replace("{check}", CHECK)
        .replace("{plan}", PLAN)
        .replace("{watch}", WATCH)
}

#[cfg(test)]
mod tests {
    use super::{ALL, CHECK, completion_file, expand, plugin_file};

    #[test]
    fn files_and_placeholders_follow_the_names() {
        assert_eq!(plugin_file("a-b-c"), "kubectl-a_b_c");
        assert_eq!(completion_file("a-b-c"), "kubectl_complete-a_b_c");
        assert_eq!(
            expand("{check} {plan} {watch} {to}"),
            format!("{} {{to}}", ALL.join(" "))
        );
        assert_eq!(expand("kubectl {check}"), format!("kubectl {CHECK}"));
    }
}
