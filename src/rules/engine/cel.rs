//! Predicates in CEL, the language that administrators write in ValidatingAdmissionPolicy.
//!
//! An expression sees `object` (the object, with the fields that the expressions of its rule read), `running` and `target` (minors as numbers: 24 for 1.24) and `now`
//! (seconds since 1970), and the functions `seconds("2024-01-01T00:00:00Z")` and `certificates(caBundle)`, which counts those
//! that can be read. Evaluation is bounded by the expression: its
//! length, and how deep loops over lists are nested.

mod referenced_fields;

use std::sync::{Arc, LazyLock};

use cel::common::ast::{EntryExpr, Expr, IdedExpr};
use cel::{Context, Env, Value};
use referenced_fields::ReferencedFields;

use crate::need::FieldPaths;

/// Longer than any predicate that a person would still read.
const MAX_LENGTH: usize = 4096;
/// Brackets within brackets, signs in front of signs, operators behind operators: parser and evaluation go down a level for
/// each, and some sixty fill the stack of a thread in a debug build.
const MAX_DEPTH: usize = 24;
/// Loops within loops: a list of an object in a list of the object, and no deeper.
const MAX_NESTING: usize = 2;

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// An expression that is ready to be evaluated.
#[derive(Debug)]
pub(crate) struct CelProgram {
    program: cel::Program,
    /// What it looks at of the object.
    referenced_fields: ReferencedFields,
}

/// An expression that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column} of the expression: {reason}")]
pub struct CelCompileError {
    /// Line within the expression, from 1.
    pub line: usize,
    /// Column within the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub reason: String,
}

/// What an expression is evaluated on besides the object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CelVariables {
    /// The running minor.
    pub(crate) running: u32,
    /// The minor at the end of the path.
    pub(crate) target: u32,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

impl CelProgram {
    /// Parses an expression and checks its bounds.
    pub(crate) fn compile(text: &str) -> Result<Self, CelCompileError> {
        let bad = |why: String| CelCompileError {
            line: 1,
            column: 1,
            reason: why,
        };
        if text.len() > MAX_LENGTH {
            return Err(bad(format!("it is longer than {MAX_LENGTH} bytes")));
        }
        if bracket_depth(text) > MAX_DEPTH {
            return Err(bad(format!(
                "it goes more than {MAX_DEPTH} brackets, signs or operators deep"
            )));
        }
        let program = cel::Program::compile(text).map_err(|errors| {
            let first = errors.errors.first();
            let (line, column) = first.map_or((1, 1), |error| error.pos);
            let number = |n: isize| usize::try_from(n).unwrap_or(1).max(1);
            CelCompileError {
                line: number(line),
                column: number(column),
                reason: first.map_or_else(String::new, |error| error.msg.clone()),
            }
        })?;
        let nesting = loop_nesting(program.expression());
        if nesting > MAX_NESTING {
            return Err(bad(format!(
                "loops are nested {nesting} deep, {MAX_NESTING} is the most"
            )));
        }
        let mut referenced_fields = ReferencedFields::default();
        referenced_fields.collect(program.expression());
        Ok(Self {
            program,
            referenced_fields,
        })
    }

    /// The fields of the object that it reads.
    pub(crate) fn field_paths(&self) -> FieldPaths {
        self.referenced_fields.paths()
    }

    /// Whether it holds for an object.
    pub(crate) fn eval_bool(
        &self,
        object: &serde_json::Value,
        around: &mut CelBindings,
    ) -> Result<bool, String> {
        match self.eval(object, around)? {
            Value::Bool(holds) => Ok(holds),
            other => Err(format!("it gives a {}, not true or false", other.type_of())),
        }
    }

    /// The text that it gives for an object.
    pub(crate) fn eval_string(
        &self,
        object: &serde_json::Value,
        around: &mut CelBindings,
    ) -> Result<String, String> {
        match self.eval(object, around)? {
            Value::String(text) => Ok(text.to_string()),
            other => Err(format!("it gives a {}, not a text", other.type_of())),
        }
    }

    /// Whether it holds for a request of which only these fields are known; `None` if that depends on anything else.
    pub(crate) fn holds_for_request(&self, request: &serde_json::Value) -> Option<bool> {
        let mut context = Context::with_env(ENV.clone());
        context.add_variable("request", request).ok()?;
        match self.program.execute(&context) {
            Ok(Value::Bool(holds)) => Some(holds),
            _ => None,
        }
    }

    fn eval(&self, object: &serde_json::Value, around: &mut CelBindings) -> Result<Value, String> {
        let context = around.0.as_mut().map_err(|error| error.clone())?;
        context.add_variable_from_value("object", self.referenced_fields.project(object));
        self.program
            .execute(context)
            .map_err(|error| error.to_string())
    }
}

/// What an expression sees but for the object. Made once for many objects.
pub(crate) struct CelBindings(Result<Context<'static, 'static>, String>);

impl CelBindings {
    pub(crate) fn new(around: CelVariables) -> Self {
        Self(bind_variables(around).map_err(|error| error.to_string()))
    }
}

fn bind_variables(
    around: CelVariables,
) -> Result<Context<'static, 'static>, cel::DeclarationError> {
    let mut context = Context::with_env(ENV.clone());
    context.add_function("seconds", |text: Arc<String>| unix_seconds(&text))?;
    context.add_function("certificates", |bundle: Arc<String>| {
        count_certificates(&bundle)
    })?;
    context.add_variable_from_value("running", Value::Int(around.running.into()));
    context.add_variable_from_value("target", Value::Int(around.target.into()));
    context.add_variable_from_value("now", Value::Int(around.now));
    Ok(context)
}

/// Seconds since 1970; 0, long ago, for an invalid time.
fn unix_seconds(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>()
        .map_or(0, |time| time.as_second())
}

/// How many certificates of a bundle can be read.
fn count_certificates(bundle: &str) -> i64 {
    i64::try_from(crate::facts::ca_bundle::expiry_times(bundle).len()).unwrap_or(i64::MAX)
}

/// How deeply an expression nests, judged by its brackets, signs and operators: in a chain such as `1 + 2 + 3` or `f(1)(2)(3)` each one
/// contains those before it. Those in strings count too: that errs on the safe side.
fn bracket_depth(text: &str) -> usize {
    // A chain for each bracket that is open, what was before the first one among them.
    let mut chains = vec![0_usize];
    let mut deepest = 0;
    let words = text.replace(" in ", " + ");
    for letter in words.chars() {
        match letter {
            ')' | ']' | '}' if chains.len() > 1 => drop(chains.pop()),
            '(' | '[' | '{' | '!' | '-' | '+' | '*' | '/' | '%' | '<' | '>' | '=' | '?' => {
                if let Some(chain) = chains.last_mut() {
                    *chain += 1;
                }
            }
            '&' | '|' | ':' | ',' => {
                if let Some(chain) = chains.last_mut() {
                    *chain = 0;
                }
            }
            _ => {}
        }
        deepest = deepest.max(chains.iter().sum());
        if matches!(letter, '(' | '[' | '{') {
            chains.push(0);
        }
    }
    deepest
}

/// How deeply loops nest.
fn loop_nesting(expression: &IdedExpr) -> usize {
    let most =
        |parts: &mut dyn Iterator<Item = &IdedExpr>| parts.map(loop_nesting).max().unwrap_or(0);
    match &expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => 0,
        Expr::Select(select) => loop_nesting(&select.operand),
        Expr::List(list) => most(&mut list.elements.iter()),
        Expr::Call(call) => {
            let target = call.target.as_deref().map_or(0, loop_nesting);
            target.max(most(&mut call.args.iter()))
        }
        Expr::Map(map) => entries_nesting(map.entries.iter().map(|entry| &entry.expr)),
        Expr::Struct(value) => entries_nesting(value.entries.iter().map(|entry| &entry.expr)),
        Expr::Comprehension(looped) => {
            let inside = [&looped.loop_cond, &looped.loop_step, &looped.result];
            let before = [&looped.iter_range, &looped.accu_init];
            let inside = 1 + most(&mut inside.into_iter());
            inside.max(most(&mut before.into_iter()))
        }
    }
}

fn entries_nesting<'a>(entries: impl Iterator<Item = &'a EntryExpr>) -> usize {
    entries
        .map(|entry| match entry {
            EntryExpr::StructField(field) => loop_nesting(&field.value),
            EntryExpr::MapEntry(entry) => loop_nesting(&entry.key).max(loop_nesting(&entry.value)),
        })
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{CelBindings, CelProgram, CelVariables};

    const AROUND: CelVariables = CelVariables {
        running: 24,
        target: 25,
        now: 1_700_000_000,
    };

    fn around() -> CelBindings {
        CelBindings::new(AROUND)
    }

    fn holds(text: &str) -> Result<bool, String> {
        let object = json!({
            "spec": {"n": 3, "p": "50%", "big": 4_294_967_296_i64, "list": [{"a": 1}, {"a": 2}]},
            "other": null,
        });
        CelProgram::compile(text)
            .expect("an expression")
            .eval_bool(&object, &mut around())
    }

    #[test]
    fn expressions_see_the_object_and_its_surroundings() {
        for text in [
            "object.spec.n == 3 && object.spec.n >= 2",
            "object.spec.big > 3",
            "string(object.spec.n) == '3' && string(object.spec.p) == '50%'",
            "!has(object.status)",
            "object.spec.list.exists(item, item.a == 2)",
            "target == running + 1",
            "certificates('Cg==') == 0",
            "now - seconds('2023-11-14T22:13:00Z') == 20",
            "object.spec.list.map(item, string(item.a)).size() == 2",
            "has(object.spec) && has(object.spec.list) && has(object.other)",
            "has(object.spec.n) && object.spec == {'n': 3, 'p': '50%', 'big': 4294967296, 'list': object.spec.list}",
            "object['spec']['n'] == 3 && 'spec' in object && size(object) == 2 && object.spec.list[1]['a'] == 2",
            "[object.spec.n, 4].exists(object, object == 4) && {'a': object.spec.p}['a'] == '50%'",
        ] {
            assert_eq!(holds(text), Ok(true), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_evaluated_is_an_error_and_no_answer() {
        for text in [
            "object.status.x == 1",
            "object.spec.n",
            "object.spec.n.x == 1",
            "1 / 0 == 1",
        ] {
            assert!(holds(text).is_err(), "{text}: {:?}", holds(text));
        }
    }

    #[test]
    fn bad_expressions_are_told_with_line_and_column() {
        let bad = CelProgram::compile("object.spec.n ==\n  == 3").expect_err("no expression");
        assert_eq!(bad.line, 2, "{bad}");
        let bad = CelProgram::compile(&"1 + ".repeat(2000)).expect_err("too long");
        assert!(bad.reason.contains("longer"), "{bad}");
        let deep = "object.a.all(x, x.b.all(y, y.c.all(z, z)))";
        assert!(
            CelProgram::compile(deep)
                .expect_err("too deep")
                .reason
                .contains("nested")
        );
        assert!(
            CelProgram::compile("object.a.all(x, x.b.all(y, y)) && object.a.all(x, x)").is_ok()
        );
        for sign in ["(", "[", "{", "!", "-", "! ", "a?"] {
            assert!(CelProgram::compile(&sign.repeat(1500)).is_err(), "{sign}");
        }
    }

    #[test]
    fn long_chains_are_refused_before_they_are_parsed() {
        for piece in [
            " + 3", " < 3", "[0]", ".f()", ".f(1)", " in [1]", " - 1 * 2", " ? (1", "(-",
        ] {
            let text = format!("object.x{}", piece.repeat(300));
            assert!(CelProgram::compile(&text).is_err(), "{piece}");
        }
        for piece in [".a", " && true", " || x == 1 + 2"] {
            let text = format!("object.x{}", piece.repeat(200));
            assert!(CelProgram::compile(&text).is_ok(), "{piece}");
        }
    }

    const EXPRESSIONS: [&str; 4] = [
        "object.spec.list.exists(item, item.a == 2) && has(object.status) ? 'x' : \"y\\n\"",
        "now - seconds('2023-11-14T22:13:00Z') == 20 || !(target in [1, 2u, -3, 4.5e3])",
        "certificates('Cg==') == 0 && {'a': object.spec.n}.a % 2 < 3 / 1",
        "object.spec.list.map(item, string(item.a)).size() == 2 && object.spec.p.matches('^[0-9]+%$')",
    ];

    proptest! {
        #![proptest_config(crate::mutate::cases(256))]

        #[test]
        fn no_damage_to_an_expression_panics(text in crate::mutate::damaged_text(&EXPRESSIONS)) {
            let object = json!({"spec": {"n": 3, "p": "50%", "list": [{"a": 1}, {"a": "\u{202e}"}]}});
            if let Ok(program) = CelProgram::compile(&text) {
                let _ = program.eval_bool(&object, &mut around());
                let _ = program.eval_string(&object, &mut around());
            }
        }
    }
}
