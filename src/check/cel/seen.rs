//! What an expression looks at of the object, so that only that is made ready for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::Value;
use cel::common::ast::{EntryExpr, Expr, IdedExpr};
use cel::objects::{Key, Map};
use serde_json::Value as Json;

/// The variable that is the object.
const OBJECT: &str = "object";

/// Fields of a mapping, and of those the fields.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Looked at as a whole, or in a way that is not seen from the expression.
    whole: bool,
    fields: BTreeMap<String, Seen>,
}

impl Seen {
    /// Notes what an expression looks at.
    pub(super) fn note(&mut self, expression: &IdedExpr) {
        if let Some(path) = path(expression) {
            let tests = matches!(&expression.expr, Expr::Select(select) if select.test);
            let place = path.iter().fold(self, |place, field| {
                place.fields.entry((*field).to_owned()).or_default()
            });
            // Whether it is there shows in whatever is made of it.
            place.whole |= !tests;
            return;
        }
        match &expression.expr {
            Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
            Expr::Select(select) => self.note(&select.operand),
            Expr::List(list) => list.elements.iter().for_each(|part| self.note(part)),
            Expr::Call(call) => {
                let target = call.target.as_deref().into_iter();
                target.chain(&call.args).for_each(|part| self.note(part));
            }
            Expr::Map(map) => self.entries(map.entries.iter().map(|entry| &entry.expr)),
            Expr::Struct(value) => self.entries(value.entries.iter().map(|entry| &entry.expr)),
            Expr::Comprehension(looped) => [
                &looped.iter_range,
                &looped.accu_init,
                &looped.loop_cond,
                &looped.loop_step,
                &looped.result,
            ]
            .into_iter()
            .for_each(|part| self.note(part)),
        }
    }

    fn entries<'a>(&mut self, entries: impl Iterator<Item = &'a EntryExpr>) {
        for entry in entries {
            match entry {
                EntryExpr::StructField(field) => self.note(&field.value),
                EntryExpr::MapEntry(entry) => {
                    self.note(&entry.key);
                    self.note(&entry.value);
                }
            }
        }
    }

    /// JSON as CEL sees it, without what is not looked at. Whole numbers are `int`, so that literals compare with them.
    pub(super) fn of(&self, json: &Json) -> Value {
        match json {
            Json::Object(fields) if !self.whole => {
                let seen = self.fields.iter();
                map(seen.filter_map(|(name, seen)| Some((name, seen.of(fields.get(name)?)))))
            }
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Value::Int(whole),
                (None, Some(float)) => Value::Float(float),
                (None, None) => Value::Null,
            },
            Json::String(text) => Value::from(text.as_str()),
            Json::Array(items) => {
                Value::List(Arc::new(items.iter().map(|item| WHOLE.of(item)).collect()))
            }
            Json::Object(fields) => map(fields.iter().map(|(name, field)| (name, WHOLE.of(field)))),
        }
    }
}

const WHOLE: Seen = Seen {
    whole: true,
    fields: BTreeMap::new(),
};

fn map<'a>(fields: impl Iterator<Item = (&'a String, Value)>) -> Value {
    let entries = fields.map(|(name, field)| (Key::String(Arc::new(name.clone())), field));
    Value::Map(Map {
        map: Arc::new(entries.collect()),
    })
}

/// The fields that lead from the object to what an expression is; none where it is not of the object.
fn path(expression: &IdedExpr) -> Option<Vec<&str>> {
    match &expression.expr {
        Expr::Ident(name) => (name.trim_start_matches('.') == OBJECT).then(Vec::new),
        Expr::Select(select) => {
            let mut path = path(&select.operand)?;
            path.push(&select.field);
            Some(path)
        }
        _ => None,
    }
}
