//! What one source file imports, re-exports and names, read from its tokens: comments and strings are no imports, and a
//! path inside a macro is one.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// The segments of a path below the crate: `check::judge` is `["check", "judge"]`.
pub(super) type Path = Vec<String>;

/// What stands in a file outside of its tests.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// Every path from the crate's root that is named, but for re-exports of what is below.
    pub(super) uses: BTreeSet<Path>,
    /// What each name that is imported here stands for: others may import it from here.
    pub(super) aliases: BTreeMap<String, Path>,
    /// Structs, enums, traits and aliases of types.
    pub(super) types: Vec<String>,
    /// Modules that are declared here for tests alone.
    pub(super) test_modules: BTreeSet<Path>,
    /// All modules that are declared here.
    children: BTreeSet<String>,
}

impl Source {
    /// Reads the text of a module.
    pub(super) fn parse(module: &[String], text: &str) -> Self {
        let tokens: TokenStream = text.parse().expect("a source that compiles");
        let tokens = Vec::from_iter(tokens);
        let mut source = Self::default();
        // Before anything else, because a path may begin with a module that is declared further down.
        let declared = tokens.windows(2).filter(|pair| is(&pair[0], "mod"));
        source.children = declared.map(|pair| pair[1].to_string()).collect();
        source.items(&tokens, module);
        source
    }

    /// The items of a module.
    fn items(&mut self, tokens: &[TokenTree], module: &[String]) {
        let mut at = 0;
        while at < tokens.len() {
            let end = item_end(tokens, at);
            self.item(&tokens[at..end], module);
            at = end;
        }
    }

    fn item(&mut self, item: &[TokenTree], module: &[String]) {
        let words = ["mod", "use", "struct", "enum", "trait", "type", "union"];
        let found = (0..item.len()).find_map(|at| {
            let word = words.into_iter().find(|word| is(&item[at], word))?;
            let TokenTree::Ident(name) = item.get(at + 1)? else {
                return (word == "use").then_some((at, word, String::new()));
            };
            Some((at, word, name.to_string()))
        });
        if is_test(item) {
            if let Some((_, "mod", name)) = found {
                self.test_modules.insert(join(module, &[name]));
            }
            return;
        }
        match found {
            Some((at, "use", _)) => {
                self.import(&item[at + 1..], module, item[..at].iter().any(is_pub));
            }
            Some((_, "mod", name)) => {
                if let Some(TokenTree::Group(body)) = item.last() {
                    let body = Vec::from_iter(body.stream());
                    self.items(&body, &join(module, &[name]));
                }
            }
            Some((_, _, name)) => {
                self.types.push(name);
                self.expressions(item, module);
            }
            None => self.expressions(item, module),
        }
    }

    /// An item `use`, from what follows the word.
    fn import(&mut self, tree: &[TokenTree], module: &[String], public: bool) {
        for (path, name) in leaves(tree, &[]) {
            let from_below = self.children.contains(&path[0]) || path[0] == "self";
            if let Some(path) = self.absolute(&path, module) {
                self.aliases.insert(name, path.clone());
                if !(public && from_below) {
                    self.uses.insert(path);
                }
            }
        }
    }

    /// Paths in anything else than items of a module.
    fn expressions(&mut self, tokens: &[TokenTree], module: &[String]) {
        let mut at = 0;
        while at < tokens.len() {
            if is_test(&tokens[at..]) {
                at = item_end(tokens, at);
                continue;
            }
            match &tokens[at] {
                TokenTree::Group(group) => {
                    self.expressions(&Vec::from_iter(group.stream()), module);
                }
                TokenTree::Ident(word) if *word == "use" => {
                    let end = item_end(tokens, at);
                    for (path, _) in leaves(&tokens[at + 1..end], &[]) {
                        self.uses.extend(self.absolute(&path, module));
                    }
                    at = end;
                    continue;
                }
                TokenTree::Ident(word) => {
                    let mut path = vec![word.to_string()];
                    while let [a, b, TokenTree::Ident(next), ..] = &tokens[at + 1..]
                        && is_path_separator(a, b)
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    if path.len() > 1 {
                        self.uses.extend(self.absolute(&path, module));
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// The same path from the root of the crate; nothing for what is of another crate.
    fn absolute(&self, path: &[String], module: &[String]) -> Option<Path> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some(join(module, rest)),
            "super" => {
                let ups = path.iter().take_while(|word| *word == "super").count();
                let above = module.len().checked_sub(ups)?;
                Some(join(&module[..above], &path[ups..]))
            }
            _ if self.children.contains(first) => Some(join(module, path)),
            _ => None,
        }
    }
}

fn join(a: &[String], b: &[String]) -> Path {
    [a, b].concat()
}

fn is(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if *ident == word)
}

fn is_pub(token: &TokenTree) -> bool {
    is(token, "pub")
}

fn is_char(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}

fn is_path_separator(a: &TokenTree, b: &TokenTree) -> bool {
    let joint = matches!(a, TokenTree::Punct(punct) if punct.spacing() == Spacing::Joint);
    joint && is_char(a, ':') && is_char(b, ':')
}

/// Whether one of the attributes that these tokens begin with is `#[cfg(test)]`.
fn is_test(mut tokens: &[TokenTree]) -> bool {
    while let [hash, TokenTree::Group(attribute), rest @ ..] = tokens
        && is_char(hash, '#')
    {
        if attribute.stream().to_string().replace(' ', "") == "cfg(test)" {
            return true;
        }
        tokens = rest;
    }
    false
}

/// What an item begins with, or a statement. Anything else is a field, a variant or an element, and ends at a comma.
const ITEMS: [&str; 14] = [
    "async", "const", "enum", "extern", "fn", "impl", "let", "mod", "static", "struct", "trait",
    "type", "unsafe", "use",
];

/// Where an item ends that begins here: behind its semicolon, or its braces.
fn item_end(tokens: &[TokenTree], start: usize) -> usize {
    let words = tokens[start..].iter().filter_map(|token| match token {
        TokenTree::Ident(word) if *word != "pub" => Some(word.to_string()),
        _ => None,
    });
    let words: Vec<String> = words.take(2).collect();
    let first = words.first().map_or("", String::as_str);
    let is_part = !ITEMS.contains(&first);
    // `use a::{b};` and `const A: B = B { .. };` go on behind the braces.
    let to_semicolon = match first {
        "use" | "static" | "let" | "type" => true,
        "const" => !["fn", "unsafe", "async", "extern"].contains(&words[1].as_str()),
        _ => false,
    };
    for (at, token) in tokens.iter().enumerate().skip(start) {
        let braces = matches!(token, TokenTree::Group(it) if it.delimiter() == Delimiter::Brace);
        let comma = is_part && is_char(token, ',');
        if is_char(token, ';') || comma || (braces && !to_semicolon) {
            return at + 1;
        }
    }
    tokens.len()
}

/// Every path of a tree of `use`, with the name that it has afterwards.
fn leaves(tree: &[TokenTree], before: &[String]) -> Vec<(Path, String)> {
    let mut found = Vec::new();
    let branches = tree.split(|token| is_char(token, ',') || is_char(token, ';'));
    // A trailing comma is followed by nothing.
    for branch in branches.filter(|branch| !branch.is_empty()) {
        let mut path = before.to_vec();
        let mut name = None;
        let mut tokens = branch.iter();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => {
                    found.extend(leaves(&Vec::from_iter(group.stream()), &path));
                    path.clear();
                }
                TokenTree::Ident(word) if *word == "as" => {
                    name = tokens.next().map(ToString::to_string);
                }
                // `a::{self}` is `a`.
                TokenTree::Ident(word) if *word == "self" && !path.is_empty() => {}
                TokenTree::Ident(word) => path.push(word.to_string()),
                _ => {}
            }
        }
        if let Some(last) = path.last() {
            let name = name.unwrap_or_else(|| last.clone());
            found.push((path, name));
        }
    }
    found
}
