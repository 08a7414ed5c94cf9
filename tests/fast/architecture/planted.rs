//! Faults on purpose: that the net holds something is known only because it catches these.

use super::against;
use super::tree::{Tree, circles, entangled};

const TABLE: [(&str, &[&str]); 2] = [("low", &[]), ("high", &["low"])];

/// What is wrong where a file of the lower module holds this text.
fn in_the_lower(text: &str) -> Vec<String> {
    let tree = Tree::parse([
        ("lib.rs", "mod low; mod high;"),
        ("low/mod.rs", "mod part; pub struct Low;"),
        ("low/part.rs", text),
        ("high.rs", "use crate::low::Low; pub struct High;"),
    ]);
    against(&TABLE, &tree)
}

#[test]
fn an_import_against_the_arrow_is_found_however_it_is_written() {
    for text in [
        "use crate::high::High;",
        "use crate::{low::Low, high::{self, High as Other}};",
        "use super::super::high;",
        "pub(crate) use crate::high::High;",
        "fn f() { let high = crate::high::High; }",
        "fn f(high: &[crate::high::High]) {}",
        "fn f() { use crate::high::High; }",
        "fn f() { assert!(matches!(x, crate::high::High)); }",
        "#[derive(Debug)] struct A { #[cfg(test)] a: A, b: crate::high::High }",
        "mod inner { use super::super::super::high::High; }",
        "#[cfg(test)] use crate::low::{Low}; use crate::high::High;",
        "const A: B = B { a: 1 }; use crate::high::High;",
        "const fn f() {} #[cfg(test)] use crate::low::Low; use crate::high::High;",
        "#[cfg(test)] fn f<A, B>() -> impl Iterator<Item = u8> {} use crate::high::High;",
        "fn f() -> impl Iterator<Item = u8> {} use crate::high::High;",
    ] {
        let wrong = in_the_lower(text);
        let expected = "low::part imports high, but low may not import high";
        assert_eq!(wrong, [expected], "{text}");
    }
}

#[test]
fn what_is_no_import_is_left_alone() {
    for text in [
        "//! use crate::high::High;\n/* crate::high::High */",
        "const TEXT: &str = \"use crate::high::High;\";",
        "#[cfg(test)] mod tests { use crate::high::High; }",
        "#[cfg(test)] use crate::high::{High};",
        "impl Low { #[cfg(test)] fn f() { crate::high::f() } }",
        "use std::high::High; use other::crate_::high;",
        "use super::Low;",
    ] {
        assert_eq!(in_the_lower(text), [""; 0], "{text}");
    }
}

#[test]
fn a_permission_that_nobody_needs_is_found() {
    let tree = Tree::parse([("lib.rs", ""), ("low.rs", ""), ("high.rs", "")]);
    let wrong = against(&TABLE, &tree);
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(wrong[0].starts_with("high does not import low"));
}

/// Three files of a module, of which the last two have these texts.
fn three(parent: &str, a: &str, b: &str) -> Tree {
    let parent = format!("mod a; mod b; {parent}");
    Tree::parse([("m/mod.rs", parent.as_str()), ("m/a.rs", a), ("m/b.rs", b)])
}

#[test]
fn a_circle_is_found_through_the_re_exports_of_the_parent_too() {
    for (parent, b) in [
        ("", "use super::a::A; pub struct B;"),
        ("pub use a::A;", "use super::A; pub struct B;"),
        (
            "pub(crate) use self::a::A as Other;",
            "use crate::m::Other; pub struct B;",
        ),
        ("", "pub struct B; impl B { fn f() -> super::a::A {} }"),
    ] {
        let edges = three(parent, "use super::b::B; pub struct A;", b).edges();
        let found = Vec::from_iter(circles(&edges));
        assert_eq!(found, [["m::a", "m::b"]], "{parent} {b}");
        assert!(entangled(&edges).is_empty(), "{parent} {b}");
    }
}

#[test]
fn a_parent_that_only_re_exports_is_in_no_circle() {
    let parent = "pub use a::A; pub use b::B;";
    let edges = three(parent, "use super::B; pub struct A;", "pub struct B;").edges();
    assert!(circles(&edges).is_empty() && entangled(&edges).is_empty());
}

#[test]
fn a_parent_that_imports_from_its_children_and_they_from_it_is_entangled() {
    for parent in [
        "use a::A; pub struct M;",
        "pub struct M; fn f() { a::f() }",
        "pub struct M; const ALL: [M; 1] = [self::a::ONE];",
    ] {
        let edges = three(parent, "use super::M;", "").edges();
        assert_eq!(Vec::from_iter(entangled(&edges)), ["m"], "{parent}");
    }
}

#[test]
fn types_are_found_by_name_and_those_of_tests_are_not() {
    let text =
        "pub struct A; enum B {} trait C { type Inside; } type D = A; fn f() { struct Local; }
        mod inner { struct A; } #[cfg(test)] mod tests { struct B; } #[cfg(test)] mod fixture;";
    let tree = Tree::parse([
        ("m.rs", text),
        ("m/fixture.rs", "struct B;"),
        ("m/tests.rs", "struct D;"),
    ]);
    let types = tree.types();
    let found = types.iter().map(|(name, modules)| (*name, modules.len()));
    let found: Vec<_> = found.collect();
    assert_eq!(found, [("A", 2), ("B", 1), ("C", 1), ("D", 1)]);
}
