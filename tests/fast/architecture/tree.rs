//! All modules of a crate, and which imports which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as FilePath;

use walkdir::WalkDir;

use super::source::{Path, Source};

/// The modules, each by its path below the crate.
pub(super) struct Tree(BTreeMap<Path, Source>);

/// From whom to whom.
type Edges = BTreeMap<Path, BTreeSet<Path>>;

impl Tree {
    /// Everything under a folder but tests.
    pub(super) fn load(folder: &FilePath) -> Self {
        let files = WalkDir::new(folder).into_iter().map(|file| {
            let file = file.expect("a readable folder").into_path();
            let below = file.strip_prefix(folder).expect("a file of the folder");
            let name = below.to_string_lossy().replace('\\', "/");
            let is_source = name.ends_with(".rs") && file.is_file();
            is_source.then(|| (name, std::fs::read_to_string(&file).expect("a source")))
        });
        let files: Vec<(String, String)> = files.flatten().collect();
        Self::parse(
            files
                .iter()
                .map(|(name, text)| (name.as_str(), text.as_str())),
        )
    }

    /// The same from names below `src` and texts.
    pub(super) fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let files = files.into_iter().filter_map(|(name, text)| {
            let mut module: Path = name.split('/').map(str::to_owned).collect();
            let last = module.pop()?;
            let last = last.strip_suffix(".rs")?;
            if !["lib", "mod"].contains(&last) {
                module.push(last.to_owned());
            }
            let source = Source::parse(&module, text);
            Some((module, source))
        });
        let mut modules: BTreeMap<Path, Source> = files.collect();
        let tests = modules.values().flat_map(|source| &source.test_modules);
        let tests: Vec<Path> = tests.cloned().collect();
        modules.retain(|module, _| {
            let is_test = |word: &String| word == "tests";
            !module.iter().any(is_test) && !tests.iter().any(|test| module.starts_with(test))
        });
        Self(modules)
    }

    /// The modules that the root of the crate declares.
    pub(super) fn top_level(&self) -> BTreeSet<&str> {
        let modules = self.0.keys().filter_map(|module| module.first());
        modules.map(String::as_str).collect()
    }

    /// Which file imports from which.
    pub(super) fn edges(&self) -> Edges {
        let edge = |(module, source): (&Path, &Source)| {
            let others = source.uses.iter().filter_map(|path| self.home(path, 0));
            let others = others.filter(|other| *other != module && !other.is_empty());
            (module.clone(), others.cloned().collect())
        };
        self.0.iter().map(edge).collect()
    }

    /// The module in which what a path names is at home, behind all re-exports.
    fn home(&self, path: &[String], depth: usize) -> Option<&Path> {
        let length = (0..=path.len())
            .rev()
            .find(|&length| self.0.contains_key(&path[..length]))?;
        let (module, source) = self.0.get_key_value(&path[..length])?;
        let rest = &path[length..];
        // Where nothing leads on, or two modules re-export from one another, it is at home here.
        let alias = rest.first().and_then(|name| source.aliases.get(name));
        match alias {
            Some(alias) if depth < 16 && alias.as_slice() != path => {
                self.home(&[alias, &rest[1..]].concat(), depth + 1)
            }
            _ => Some(module),
        }
    }

    /// Every name of a type with the modules that have one.
    pub(super) fn types(&self) -> BTreeMap<&str, Vec<String>> {
        let mut types: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (module, source) in &self.0 {
            for name in &source.types {
                types.entry(name).or_default().push(module.join("::"));
            }
        }
        types
    }
}

/// Modules that import from below themselves and are imported from there.
pub(super) fn entangled(edges: &Edges) -> BTreeSet<String> {
    let is_entangled = |module: &&Path| {
        let down = edges[*module].iter().any(|other| is_below(other, module));
        let up = |(other, targets): (&Path, &BTreeSet<Path>)| {
            is_below(other, module) && targets.contains(*module)
        };
        down && edges.iter().any(up)
    };
    let entangled = edges.keys().filter(is_entangled);
    entangled.map(|module| module.join("::")).collect()
}

/// Sets of more than one file, each of which imports all others in the end. Left out is what leads from one top-level
/// module to another, and from an entangled module to what is below it: through it nearly everything would be one circle.
pub(super) fn circles(edges: &Edges) -> BTreeSet<Vec<String>> {
    let entangled = entangled(edges);
    let kept = |(module, others): (&Path, &BTreeSet<Path>)| {
        let is_entangled = entangled.contains(&module.join("::"));
        let others = others.iter().filter(|other| {
            other.first() == module.first() && !(is_entangled && is_below(other, module))
        });
        (module.clone(), others.cloned().collect())
    };
    let edges: Edges = edges.iter().map(kept).collect();
    let reached: BTreeMap<&Path, BTreeSet<&Path>> = edges
        .keys()
        .map(|module| (module, reachable(&edges, module)))
        .collect();
    let circle = |module: &Path| -> Vec<String> {
        let back = reached[module].iter();
        let back = back.filter(|other| reached[**other].contains(module));
        back.map(|other| other.join("::")).collect()
    };
    let circles = edges.keys().map(circle);
    circles.filter(|circle| circle.len() > 1).collect()
}

fn is_below(module: &[String], above: &[String]) -> bool {
    module.len() > above.len() && module.starts_with(above)
}

fn reachable<'a>(edges: &'a Edges, from: &'a Path) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut ahead = vec![from];
    while let Some(module) = ahead.pop() {
        let others = edges.get(module).into_iter().flatten();
        ahead.extend(others.filter(|other| reached.insert(*other)));
    }
    reached
}
