//! What an expression looks at of the object, so that only that is made ready for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::Value;
use cel::common::ast::{EntryExpr, Expr, IdedExpr};
use cel::objects::{Key, Map};
use serde_json::Value as Json;

/// The variable that is the object.
const OBJECT_VARIABLE: &str = "object";

/// Fields of a mapping, and of those the fields.
#[derive(Debug, Default)]
pub(super) struct ReferencedFields {
    /// Looked at as a whole, or in a way that is not seen from the expression.
    all: bool,
    fields: BTreeMap<String, ReferencedFields>,
}

impl ReferencedFields {
    /// Notes what an expression looks at.
    pub(super) fn collect(&mut self, expression: &IdedExpr) {
        if let Some(path) = field_path(expression) {
            let tests = matches!(&expression.expr, Expr::Select(select) if select.test);
            let place = path.iter().fold(self, |place, field| {
                place.fields.entry((*field).to_owned()).or_default()
            });
            // Whether it is there shows in whatever is made of it.
            place.all |= !tests;
            return;
        }
        match &expression.expr {
            Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
            Expr::Select(select) => self.collect(&select.operand),
            Expr::List(list) => list.elements.iter().for_each(|part| self.collect(part)),
            Expr::Call(call) => {
                let target = call.target.as_deref().into_iter();
                target.chain(&call.args).for_each(|part| self.collect(part));
            }
            Expr::Map(map) => self.collect_entries(map.entries.iter().map(|entry| &entry.expr)),
            Expr::Struct(value) => {
                self.collect_entries(value.entries.iter().map(|entry| &entry.expr))
            }
            Expr::Comprehension(looped) => [
                &looped.iter_range,
                &looped.accu_init,
                &looped.loop_cond,
                &looped.loop_step,
                &looped.result,
            ]
            .into_iter()
            .for_each(|part| self.collect(part)),
        }
    }

    fn collect_entries<'a>(&mut self, entries: impl Iterator<Item = &'a EntryExpr>) {
        for entry in entries {
            match entry {
                EntryExpr::StructField(field) => self.collect(&field.value),
                EntryExpr::MapEntry(entry) => {
                    self.collect(&entry.key);
                    self.collect(&entry.value);
                }
            }
        }
    }

    /// JSON as CEL sees it, without what is not looked at. Whole numbers are `int`, so that literals compare with them.
    pub(super) fn project(&self, json: &Json) -> Value {
        match json {
            Json::Object(fields) if !self.all => {
                let seen = self.fields.iter();
                cel_map(
                    seen.filter_map(|(name, seen)| Some((name, seen.project(fields.get(name)?)))),
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
                items.iter().map(|item| ALL_FIELDS.project(item)).collect(),
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

/// The fields that lead from the object to what an expression is; none where it is not of the object.
fn field_path(expression: &IdedExpr) -> Option<Vec<&str>> {
    match &expression.expr {
        Expr::Ident(name) => (name.trim_start_matches('.') == OBJECT_VARIABLE).then(Vec::new),
        Expr::Select(select) => {
            let mut path = field_path(&select.operand)?;
            path.push(&select.field);
            Some(path)
        }
        _ => None,
    }
}
