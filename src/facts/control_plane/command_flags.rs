//! Command lines of components, as their flag parser (pflag) reads them.

use std::collections::BTreeMap;

use super::shell;

const FEATURE_GATES_FLAG: &str = "feature-gates";

/// Flags whose values rules read.
const LIST_FLAGS: [&str; 6] = [
    "admission-control",
    "controllers",
    FEATURE_GATES_FLAG,
    "disable-admission-plugins",
    "enable-admission-plugins",
    "runtime-config",
];

/// Flags in order, without their dashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CommandFlags(Vec<(String, Option<String>)>);

impl CommandFlags {
    /// The flags of `program` in the command and arguments of a container; `None` if they do not show them: there are none,
    /// a script does not name the program, or a variable holds flags or the value of a list.
    pub(crate) fn from_container(program: &str, words: &[&str]) -> Option<Self> {
        let Some(commands) = shell::script_commands(words) else {
            // Words before the program belong to its launcher.
            let own = words.iter().position(|word| is_program(word, program));
            if own.is_none() && !words.iter().any(|word| word.starts_with("--")) {
                return None;
            }
            return Self::parse_visible(own.map_or(words, |at| &words[at + 1..]));
        };
        let own = commands.iter().find_map(|command| {
            let at = command.iter().position(|word| is_program(word, program))?;
            Some(&command[at + 1..])
        })?;
        let words: Vec<&str> = own.iter().map(String::as_str).collect();
        Self::parse_visible(&words)
    }

    /// The flags; `None` if a variable of the shell or of Kubernetes hides some, or what rules read of their values.
    fn parse_visible(words: &[&str]) -> Option<Self> {
        let flags = Self::parse(words);
        let is_variable = |word: &str| word.starts_with('$');
        let hides_value = flags.hides_values();
        let mut previous = "";
        let hides_flags = words.iter().any(|word| {
            // The value of a flag of its own, such as an address.
            let is_value = previous.starts_with("--") && !previous.contains('=');
            previous = word;
            is_variable(word) && !is_value
        });
        (!hides_flags && !hides_value).then_some(flags)
    }

    /// Whether a variable or placeholder is in place of a name, or of a value that rules read.
    pub(crate) fn hides_values(&self) -> bool {
        self.0.iter().any(|(flag, value)| {
            let value = value.as_deref().unwrap_or_default();
            let is_hidden = value.contains('$') || value.contains("{{");
            flag.contains('$') || LIST_FLAGS.contains(&flag.as_str()) && is_hidden
        })
    }

    fn parse(words: &[&str]) -> Self {
        let mut found = Self::default();
        let mut rest = words.iter().peekable();
        while let Some(word) = rest.next() {
            if *word == "--" {
                break;
            }
            let Some(flag) = word.strip_prefix("--") else {
                continue;
            };
            match flag.split_once('=') {
                Some((flag, value)) => found.push(flag, Some(value)),
                // A flag without a value is a switch, unless the next word is not a flag.
                None => found.push(flag, rest.next_if(|next| !next.starts_with('-')).copied()),
            }
        }
        found
    }

    /// Appends a flag; components accept `_` for `-`.
    pub(crate) fn push(&mut self, flag: &str, value: Option<&str>) {
        let flag = flag.replace('_', "-");
        self.0.push((flag, value.map(str::to_owned)));
    }

    /// Appends a feature gate.
    pub(crate) fn push_feature_gate(&mut self, gate: &str, value: &str) {
        self.push(FEATURE_GATES_FLAG, Some(&format!("{gate}={value}")));
    }

    /// The flags, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Whether the flag is set, with or without a value.
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.0.iter().any(|(name, _)| name == flag)
    }

    /// The items of a flag with a list as value; repeated flags add up.
    pub(crate) fn list_values<'a>(&'a self, flag: &'a str) -> impl Iterator<Item = &'a str> {
        let values = self.0.iter().filter(move |(name, _)| name == flag);
        values
            .filter_map(|(_, value)| value.as_deref())
            .flat_map(|value| trim_quotes(value).split(','))
            .map(trim_quotes)
            .filter(|item| !item.is_empty())
    }

    /// The feature gates, without the component that may precede one, as in `kube:A=true`; repeated flags add up, and a later
    /// one wins.
    pub(crate) fn feature_gates(&self) -> BTreeMap<&str, bool> {
        let pairs = self
            .list_values(FEATURE_GATES_FLAG)
            .filter_map(|item| item.split_once('='));
        pairs
            .filter_map(|(gate, value)| {
                let (_, gate) = gate.rsplit_once(':').unwrap_or(("", gate));
                Some((gate.trim(), parse_go_bool(value.trim())?))
            })
            .collect()
    }
}

/// Whether a command line, or a script in it, runs this program.
pub(super) fn names_program(program: &str, words: &[&str]) -> bool {
    match shell::script_commands(words) {
        Some(commands) => commands
            .iter()
            .flatten()
            .any(|word| is_program(word, program)),
        None => words.iter().any(|word| is_program(word, program)),
    }
}

/// Whether a word is the name of the program, or a path to it.
fn is_program(word: &str, program: &str) -> bool {
    word.rsplit('/').next() == Some(program)
}

/// A value without surrounding quotes.
fn trim_quotes(value: &str) -> &str {
    value.trim().trim_matches(['"', '\'']).trim()
}

/// As Go's `strconv.ParseBool`.
fn parse_go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::CommandFlags;

    fn parse(words: &[&str]) -> CommandFlags {
        CommandFlags::from_container("kube-apiserver", words).expect("arguments")
    }

    #[test]
    fn both_forms_of_a_flag_are_read() {
        for words in [
            &["kube-apiserver", "--feature-gates=A=true,B=false"][..],
            &[
                "/usr/local/bin/kube-apiserver",
                "--feature-gates",
                "A=true,B=false",
            ],
            &["--feature-gates= A=true, B=false "],
            &["--feature-gates=kube:A=true,kube:B=false"],
            &["--feature_gates='A=1,B=F'", "--v=2"],
            &["--feature-gates=\"A=True\"", "--feature-gates", "B=0"],
            &[
                "/go-runner",
                "--log-file=/x",
                "/usr/bin/kube-apiserver",
                "--feature-gates=A=T,B=f",
            ],
        ] {
            let gates = parse(words);
            let gates: Vec<_> = gates.feature_gates().into_iter().collect();
            assert_eq!(gates, [("A", true), ("B", false)], "{words:?}");
        }
    }

    #[test]
    fn flags_add_up_and_the_later_wins() {
        let arguments = parse(&["--feature-gates=A=true,B=true", "--feature-gates=A=false"]);
        let gates: Vec<_> = arguments.feature_gates().into_iter().collect();
        assert_eq!(gates, [("A", false), ("B", true)]);
        let arguments = parse(&[
            "--enable-admission-plugins=X,Y",
            "--enable-admission-plugins",
            "Z",
        ]);
        let plugins: Vec<_> = arguments.list_values("enable-admission-plugins").collect();
        assert_eq!(plugins, ["X", "Y", "Z"]);
    }

    #[test]
    fn a_switch_has_no_value() {
        let arguments = parse(&["--profiling", "--port", "0", "-v", "2", "--", "--late=1"]);
        assert!(arguments.has("profiling") && arguments.has("port"));
        assert!(!arguments.has("late") && !arguments.has("v"));
        assert_eq!(arguments.list_values("profiling").count(), 0);
        assert_eq!(arguments.list_values("port").collect::<Vec<_>>(), ["0"]);
    }

    #[test]
    fn what_starts_the_program_is_not_its_own() {
        let words = [
            "/go-runner",
            "--port=1",
            "/bin/kube-apiserver",
            "--profiling",
        ];
        assert!(!parse(&words).has("port"));
    }

    #[test]
    fn scripts_are_read() {
        for words in [
            &[
                "sh",
                "-c",
                "exec kube-apiserver --feature-gates=A=true,B=false",
            ][..],
            &[
                "/bin/sh",
                "-c",
                "kube-apiserver --feature-gates=A=true --feature-gates B=false",
            ],
            &[
                "/bin/sh",
                "-c",
                "mkfifo /tmp/pipe; (tee -a /var/log/k.log < /tmp/pipe & ) ; exec /usr/local/bin/kube-apiserver --feature-gates='A=true,B=false' > /tmp/pipe 2>&1",
            ],
            &[
                "/usr/bin/bash",
                "-ec",
                "ulimit -n 1024\nif true; then\n  LOG=x exec kube-apiserver \\\n    --v=2 >>/log --feature-gates=\"A=true,B=false\"\nfi",
            ],
            &[
                "busybox",
                "sh",
                "-e",
                "-c",
                "trap : TERM && kube-apiserver --feature-gates=A=true,B=false & wait",
            ],
            &[
                "sh",
                "-c",
                "exec kube-apiserver \"$@\"",
                "--",
                "--feature-gates=A=true,B=false",
            ],
            &[
                "sh",
                "-c",
                "kube-apiserver --advertise-address=$(IP) --feature-gates=A=true,B=false",
            ],
            &[
                "timeout",
                "9",
                "sh",
                "-c",
                "kube-apiserver --feature-gates=A=true,B=false",
            ],
        ] {
            let arguments = parse(words);
            let gates: Vec<_> = arguments.feature_gates().into_iter().collect();
            assert_eq!(gates, [("A", true), ("B", false)], "{words:?}");
        }
    }

    #[test]
    fn a_variable_in_another_value_hides_nothing() {
        let words = [
            "kube-apiserver",
            "--bind-address",
            "$(IP)",
            "--advertise-address=$(IP)",
        ];
        assert!(parse(&words).has("bind-address"));
    }

    #[test]
    fn a_command_line_that_hides_the_flags_is_unknown() {
        for words in [
            &[][..],
            &["/entrypoint.sh"],
            &["kube-apiserver", "$(EXTRA_FLAGS)"],
            &["kube-apiserver", "--v=2", "--feature-gates=$(GATES)"],
            &["--enable-admission-plugins", "$(PLUGINS)"],
            &["kube-apiserver", "--$(FLAG)=A=true"],
            &["kube-apiserver", "--${FLAG}", "A=true"],
            &["sh", "-c", "kube-apiserver --$FLAG=A=true"],
            &["kube-apiserver", "--feature-$(SUFFIX)=A=true"],
            &["sh", "-c", "kube-apiserver --feature-gates=$GATES"],
            &["sh", "/run.sh", "--feature-gates=A=true"],
            &["/bin/bash", "-c", "exec kube-apiserver $FLAGS"],
            &["sh", "-c", "/opt/start-server --feature-gates=A=true"],
            &["sh"],
        ] {
            assert_eq!(
                CommandFlags::from_container("kube-apiserver", words),
                None,
                "{words:?}"
            );
        }
    }

    #[test]
    fn another_command_of_a_script_keeps_its_flags() {
        let script = "tee --append x | kube-apiserver --profiling; sleep --port=1";
        let arguments = parse(&["sh", "-c", script]);
        assert!(arguments.has("profiling") && !arguments.has("port") && !arguments.has("append"));
    }

    #[test]
    fn nonsense_is_no_gate() {
        let arguments = parse(&["--feature-gates=A,B=,=true,C=perhaps,,D=true"]);
        let mut gates = arguments.feature_gates();
        gates.remove("");
        assert_eq!(gates.into_iter().collect::<Vec<_>>(), [("D", true)]);
        assert_eq!(parse(&["kube-apiserver"]), CommandFlags::default());
    }
}
