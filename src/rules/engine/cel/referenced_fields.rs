//! The fields of the object that an expression reads: what its need declares, and all that is converted for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::Value;
use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr};
use cel::objects::{Key, Map};
use serde_json::Value as Json;

use crate::need::FieldPaths;

/// The variable that is the object.
const OBJECT_VARIABLE: &str = "object";
/// The function that gives the number of items.
const SIZE: &str = "size";

/// Fields of a mapping or of all items of a list, and the fields of those.
#[derive(Debug, Clone, Default)]
pub(super) struct ReferencedFields {
    /// Read as a whole, or in a way that does not show in the expression.
    all: bool,
    fields: BTreeMap<String, ReferencedFields>,
}

/// Variables and the field that each stands for, `None` if it is not of the object. The last binding of a name counts.
type Scope<'e> = Vec<(&'e str, Option<Vec<&'e str>>)>;

impl ReferencedFields {
    /// Notes what an expression reads.
    pub(super) fn collect(&mut self, expression: &IdedExpr) {
        self.collect_in(expression, &mut vec![(OBJECT_VARIABLE, Some(Vec::new()))]);
    }

    /// The same as paths.
    pub(super) fn paths(&self) -> FieldPaths {
        let mut paths = Vec::new();
        self.add_paths("", &mut paths);
        paths.into_iter().collect()
    }

    fn add_paths(&self, path: &str, paths: &mut Vec<String>) {
        match self {
            Self { all: true, .. } => paths.push(path.to_owned()),
            Self { fields, .. } if fields.is_empty() && !path.is_empty() => {
                paths.push(format!("{path}[]"))
            }
            Self { fields, .. } => {
                for (name, below) in fields {
                    let dot = if path.is_empty() { "" } else { "." };
                    below.add_paths(&format!("{path}{dot}{name}"), paths);
                }
            }
        }
    }

    /// Notes a field. Whether it is there, or how many items it has, shows in whatever is made of it.
    fn note(&mut self, path: &[&str], all: bool) {
        let field = path.iter().fold(self, |field, name| {
            field.fields.entry((*name).to_owned()).or_default()
        });
        field.all |= all;
    }

    fn collect_in<'e>(&mut self, expression: &'e IdedExpr, scope: &mut Scope<'e>) {
        if let Some(path) = field_path(expression, scope) {
            let tests = matches!(&expression.expr, Expr::Select(select) if select.test);
            return self.note(&path, !tests);
        }
        match &expression.expr {
            Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
            Expr::Select(select) => self.collect_in(&select.operand, scope),
            Expr::List(list) => {
                for part in &list.elements {
                    self.collect_in(part, scope);
                }
            }
            Expr::Call(call) => {
                let parts = call.target.as_deref().into_iter().chain(&call.args);
                for part in parts {
                    match field_path(part, scope) {
                        Some(path) if call.func_name == SIZE => self.note(&path, false),
                        _ => self.collect_in(part, scope),
                    }
                }
            }
            Expr::Map(map) => {
                self.collect_entries(map.entries.iter().map(|entry| &entry.expr), scope)
            }
            Expr::Struct(value) => {
                self.collect_entries(value.entries.iter().map(|entry| &entry.expr), scope)
            }
            Expr::Comprehension(looped) => self.collect_loop(looped, scope),
        }
    }

    /// Within a loop over a list of the object, the variable stands for its items.
    fn collect_loop<'e>(&mut self, looped: &'e ComprehensionExpr, scope: &mut Scope<'e>) {
        let items = field_path(&looped.iter_range, scope);
        match &items {
            Some(path) => self.note(path, false),
            None => self.collect_in(&looped.iter_range, scope),
        }
        self.collect_in(&looped.accu_init, scope);
        let outer = scope.len();
        scope.push((&looped.iter_var, items.clone()));
        scope.extend(
            looped
                .iter_var2
                .iter()
                .map(|name| (name.as_str(), items.clone())),
        );
        scope.push((&looped.accu_var, None));
        for part in [&looped.loop_cond, &looped.loop_step, &looped.result] {
            self.collect_in(part, scope);
        }
        scope.truncate(outer);
    }

    fn collect_entries<'e>(
        &mut self,
        entries: impl Iterator<Item = &'e EntryExpr>,
        scope: &mut Scope<'e>,
    ) {
        for entry in entries {
            match entry {
                EntryExpr::StructField(field) => self.collect_in(&field.value, scope),
                EntryExpr::MapEntry(entry) => {
                    self.collect_in(&entry.key, scope);
                    self.collect_in(&entry.value, scope);
                }
            }
        }
    }

    /// JSON as CEL sees it, without what is not read. Whole numbers are `int`, so that literals compare with them.
    pub(super) fn project(&self, json: &Json) -> Value {
        match json {
            Json::Object(fields) if !self.all => {
                let read = self.fields.iter();
                cel_map(
                    read.filter_map(|(name, below)| Some((name, below.project(fields.get(name)?)))),
                )
            }
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Value::Int(whole),
                (None, Some(float)) => Value::Float(float),
                (None, None) => Value::Null,
            },
            Json::String(text) => Value::from(text.as_str()),
            Json::Array(items) => Value::List(Arc::new(
                items.iter().map(|item| self.project(item)).collect(),
            )),
            Json::Object(fields) => cel_map(
                fields
                    .iter()
                    .map(|(name, field)| (name, ALL_FIELDS.project(field))),
            ),
        }
    }
}

const ALL_FIELDS: ReferencedFields = ReferencedFields {
    all: true,
    fields: BTreeMap::new(),
};

fn cel_map<'a>(fields: impl Iterator<Item = (&'a String, Value)>) -> Value {
    let entries = fields.map(|(name, field)| (Key::String(Arc::new(name.clone())), field));
    Value::Map(Map {
        map: Arc::new(entries.collect()),
    })
}

/// The field that an expression stands for; `None` if it is not of the object.
fn field_path<'e>(expression: &'e IdedExpr, scope: &Scope<'e>) -> Option<Vec<&'e str>> {
    match &expression.expr {
        Expr::Ident(name) => {
            let name = name.trim_start_matches('.');
            let (_, path) = scope.iter().rev().find(|(bound, _)| *bound == name)?;
            path.clone()
        }
        Expr::Select(select) => {
            let mut path = field_path(&select.operand, scope)?;
            path.push(&select.field);
            Some(path)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::CelProgram;

    #[test]
    fn paths_are_those_that_an_expression_reads() {
        for (expression, expected) in [
            ("object.spec.x == 1", &["spec.x"][..]),
            (
                "has(object.spec) && has(object.spec.x) && object.spec.x.y",
                &["spec.x.y"],
            ),
            (
                "!has(object.metadata.deletionTimestamp)",
                &["metadata.deletionTimestamp[]"],
            ),
            ("size(object.spec.selector) == 0", &["spec.selector[]"]),
            ("object.spec.versions.size() == 1", &["spec.versions[]"]),
            (
                "object.spec.versions.exists(v, v.served && v.name == 'v1')",
                &["spec.versions.name", "spec.versions.served"],
            ),
            (
                "object.status.stored.all(s, object.spec.versions.exists(v, v.name == s))",
                &["spec.versions.name", "status.stored"],
            ),
            (
                "object.spec.list.exists(object, object.a)",
                &["spec.list.a"],
            ),
            ("['a'].exists(object, object == 'b')", &[]),
            (
                "object.metadata.labels['app'] == 'web'",
                &["metadata.labels"],
            ),
            ("object.spec.list.filter(c, c.a)[0].b == ''", &["spec.list"]),
            ("object == running", &[""]),
        ] {
            let program = CelProgram::compile(expression).expect(expression);
            let paths = program.field_paths();
            assert_eq!(Vec::from_iter(paths.iter()), expected, "{expression}");
        }
    }
}
