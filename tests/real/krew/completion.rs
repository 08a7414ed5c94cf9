//! Completion as kubectl and its users ask for it, with values from a real API server.

use std::os::unix::fs::symlink;

use kubectl_upgrade::text::names::{completion_file, plugin_file};
use libtest_mimic::Failed;

use super::user::{User, find};
use crate::harness::Cluster;

/// What bash-completion defines of what kubectl's script calls, for machines without it.
const WITHOUT_BASH_COMPLETION: &str = "
_get_comp_words_by_ref() {
    words=(\"${COMP_WORDS[@]}\") cword=$COMP_CWORD
    cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
}
__ltrim_colon_completions() { :; }
_filedir() { :; }
";

/// With the link that the caveats name, kubectl completes every kind of value.
pub(super) fn assert_completes(
    user: &User,
    cluster: &Cluster,
    names: [&str; 3],
) -> Result<(), Failed> {
    for name in names {
        let plugin = user.home.path().join(".krew/bin").join(plugin_file(name));
        // Among its own links krew would take it for a plugin of an older krew.
        symlink(plugin, user.path.join(completion_file(name)))?;
    }
    let [check, plan, watch] = names;
    let config = user.kubectl(&["config", "current-context"]).ok().stdout;
    let context = config.trim();
    cluster.kubectl(&["create", "namespace", "shop-front"]).ok();
    let expected: [(&str, &[&str], &str, &str); 10] = [
        (check, &["--output", "ma"], "markdown\tFor tickets\n", ":4"),
        (check, &["--output=ma"], "markdown\tFor tickets\n", ":4"),
        (check, &["-n", "shop-"], "shop-front\n", ":4"),
        (plan, &["--namespace=shop-"], "shop-front\n", ":4"),
        (check, &["--to", "1.2"], "1.25\tKubernetes 1.25.", ":4"),
        (watch, &["--to", "1.24"], ":4\n", ":4"),
        (plan, &["--to", "kyma=1.23"], "kyma=1.23.0\n", ":4"),
        (
            check,
            &["--only", "pdb-zero,pdb-impo"],
            "pdb-zero,pdb-impossible\t",
            ":4",
        ),
        (check, &["explain", "api-remo"], "api-removed\t", ":4"),
        (check, &["rbac", "--context", ""], context, ":4"),
    ];
    for (name, words, first, directive) in expected {
        let run = user
            .kubectl(&[&["__complete", name][..], words].concat())
            .ok();
        let command = &run.command;
        assert!(run.stdout.starts_with(first), "{command}: {}", run.stdout);
        let last = run.stdout.lines().last().unwrap_or_default();
        assert_eq!(last, directive, "{command}: {}", run.stdout);
        assert!(run.seconds < 3.0, "{command}: {} s", run.seconds);
    }
    assert_completes_in_bash(user, check)
}

/// In a bash that has loaded kubectl's own completion, and in one that has loaded ours.
fn assert_completes_in_bash(user: &User, check: &str) -> Result<(), Failed> {
    let Ok(bash) = find("bash") else {
        return Ok(());
    };
    symlink(bash, user.path.join("bash"))?;
    let script = user.kubectl(&["completion", "bash"]).ok().stdout;
    let of_bash = [
        "/usr/share/bash-completion/bash_completion",
        "/etc/bash_completion",
    ];
    let installed = of_bash
        .iter()
        .find_map(|file| std::fs::read_to_string(file).ok());
    let before = installed.as_deref().unwrap_or(WITHOUT_BASH_COMPLETION);
    let line = |words: &str, function: &str| {
        format!(
            "COMP_LINE={words:?} COMP_WORDS=({words}) COMP_TYPE=9 COMP_KEY=9\n\
             COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)) COMP_POINT=${{#COMP_LINE}}\n\
             {function} kubectl \"${{COMP_WORDS[COMP_CWORD]}}\" 2>/dev/null\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
        )
    };
    let typed = format!("kubectl {check} -n shop-");
    let bash = |text: String| user.bash(&text).ok().stdout;
    let replies = bash(format!(
        "{before}\n{script}\n{}",
        line(&typed, "__start_kubectl")
    ));
    assert_eq!(replies.trim(), "shop-front");
    let typed = format!("kubectl {check} --output ma");
    let replies = bash(format!(
        "{before}\n{script}\n{}",
        line(&typed, "__start_kubectl")
    ));
    assert!(replies.starts_with("markdown"), "{replies}");

    let own = user.kubectl(&[check, "completion", "bash"]).ok().stdout;
    let program = plugin_file(check);
    let function = format!("_clap_complete_{}", program.replace('-', "_"));
    let typed = format!("{program} -n shop-");
    let replies = bash(format!("{own}\n{}", line(&typed, &function)));
    assert_eq!(replies.trim(), "shop-front");
    Ok(())
}
