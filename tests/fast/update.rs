//! Golden files: what is said of a difference, and what `UPDATE` may be.

use crate::golden::{difference, is_update};

#[test]
fn a_difference_is_shown_with_its_surroundings_alone() {
    let golden: String = (1..=20).map(|line| format!("line {line}\n")).collect();
    let now = golden.replace("line 10\n", "line ten\n");
    let told = difference("a/golden.txt", &golden, &now).expect("a difference");
    insta::assert_snapshot!(told, @r"
    a/golden.txt differs from what is made now:

    --- a/golden.txt
    +++ what is made now
    @@ -7,7 +7,7 @@
     line 7
     line 8
     line 9
    -line 10
    +line ten
     line 11
     line 12
     line 13

    If the difference is right, run UPDATE=1 cargo test --test fast
    ");
    assert_eq!(difference("a/golden.txt", &golden, &golden), None);
    let told = difference("a/golden.txt", "line\n", "line").expect("a difference");
    assert!(told.contains("No newline at end of file"), "{told}");
}

#[test]
fn golden_files_are_written_by_one_alone_and_any_other_word_is_an_error() {
    assert_eq!(is_update(Some("1")), Ok(true));
    for compares in [None, Some(""), Some("0")] {
        assert_eq!(is_update(compares), Ok(false), "{compares:?}");
    }
    for wrong in ["yes", "true", "2", " 1"] {
        let error = is_update(Some(wrong)).expect_err("no word of ours");
        assert!(error.starts_with(&format!("UPDATE={wrong}: ")), "{error}");
    }
}
