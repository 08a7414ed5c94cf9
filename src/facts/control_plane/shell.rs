//! The commands of a shell script in the command line of a container, as far as its words are literal.

const SHELLS: [&str; 6] = ["sh", "ash", "bash", "dash", "ksh", "zsh"];

/// The simple commands of the script that a shell is started with, each as its words; `None` if no shell is started. Without
/// a script in the command line there are no commands.
pub(super) fn script_commands(words: &[&str]) -> Option<Vec<Vec<String>>> {
    let is_shell = |word: &&str| SHELLS.contains(&word.rsplit('/').next().unwrap_or_default());
    let shell = words.iter().position(is_shell)?;
    let mut rest = words[shell + 1..].iter();
    // `-c`, alone or among other letters: `-ec`.
    let is_script = |word: &&&str| {
        word.strip_prefix('-')
            .is_some_and(|letters| !letters.starts_with('-') && letters.contains('c'))
    };
    if rest.find(is_script).is_none() {
        return Some(Vec::new());
    }
    let script = rest.next().copied().unwrap_or_default();
    // The word after the script is its `$0`.
    let parameters: Vec<&str> = rest.skip(1).copied().collect();
    Some(split_commands(script, &parameters))
}

/// The state of [`split_commands`].
#[derive(Default)]
struct Splitter {
    commands: Vec<Vec<String>>,
    command: Vec<String>,
    word: String,
    /// Whether a word has begun, be it an empty one in quotes.
    in_word: bool,
    /// Whether the next word is the file of a redirection.
    is_redirection: bool,
}

impl Splitter {
    fn push(&mut self, letter: char) {
        self.word.push(letter);
        self.in_word = true;
    }

    fn end_word(&mut self, parameters: &[&str]) {
        if !std::mem::take(&mut self.in_word) {
            return;
        }
        let word = std::mem::take(&mut self.word);
        if std::mem::take(&mut self.is_redirection) {
            return;
        }
        match word.as_str() {
            "$@" | "$*" | "${@}" | "${*}" => {
                let parameters = parameters.iter().map(ToString::to_string);
                self.command.extend(parameters);
            }
            _ => self.command.push(word),
        }
    }

    fn end_command(&mut self, parameters: &[&str]) {
        self.end_word(parameters);
        self.is_redirection = false;
        self.commands.push(std::mem::take(&mut self.command));
    }
}

fn split_commands(script: &str, parameters: &[&str]) -> Vec<Vec<String>> {
    let mut state = Splitter::default();
    let mut letters = script.chars().peekable();
    let mut quote = None;
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None | Some('"'), '\\') => match letters.next() {
                Some('\n') | None => {}
                Some(escaped) => state.push(escaped),
            },
            (Some(_), _) => state.push(letter),
            (None, '"' | '\'') => {
                quote = Some(letter);
                state.in_word = true;
            }
            (None, '#') if !state.in_word => {
                while letters.next_if(|next| *next != '\n').is_some() {}
            }
            (None, '<' | '>') => {
                // The number before it names a file descriptor.
                if state.word.bytes().all(|byte| byte.is_ascii_digit()) {
                    state.word.clear();
                    state.in_word = false;
                }
                state.end_word(parameters);
                while letters
                    .next_if(|next| matches!(next, '<' | '>' | '&'))
                    .is_some()
                {}
                state.is_redirection = true;
            }
            // A variable of Kubernetes or a substitution within a word: `$(IP)`, `$(cat x)`, `${IP}`.
            (None, '$') if matches!(letters.peek(), Some('(' | '{')) => {
                state.push(letter);
                for inner in letters.by_ref() {
                    state.push(inner);
                    if matches!(inner, ')' | '}') {
                        break;
                    }
                }
            }
            (None, ';' | '&' | '|' | '(' | ')' | '\n') => state.end_command(parameters),
            (None, _) if letter.is_whitespace() => state.end_word(parameters),
            (None, _) => state.push(letter),
        }
    }
    state.end_command(parameters);
    state.commands.retain(|command| !command.is_empty());
    state.commands
}
