//! As much of JSON Schema as the schema of the file uses; a word that is not known here is a mistake of the test.

use regex::Regex;
use serde_json::{Map, Value, json};

/// What is wrong with a value, each with its place.
pub fn problems(schema: &Value, value: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    check(schema, value, "", &mut problems);
    problems
}

/// What a file says, in the words of JSON; a date is a text, as for the language servers.
pub fn of_toml(value: &toml::Value) -> Value {
    match value {
        toml::Value::Array(all) => all.iter().map(of_toml).collect(),
        toml::Value::Table(table) => {
            let pairs = table
                .iter()
                .map(|(key, value)| (key.clone(), of_toml(value)));
            Value::Object(pairs.collect())
        }
        toml::Value::Datetime(time) => json!(time.to_string()),
        toml::Value::Integer(number) => json!(number),
        toml::Value::Float(number) => json!(number),
        toml::Value::Boolean(flag) => json!(flag),
        toml::Value::String(text) => json!(text),
    }
}

fn check(schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
    let schema = schema.as_object().expect("a schema is an object");
    for (word, rule) in schema {
        let holds = match word.as_str() {
            "$schema" | "title" | "description" | "default" => true,
            "properties" | "patternProperties" | "additionalProperties" => {
                continue;
            }
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(rule, item, &format!("{at}[{n}]"), problems);
                }
                continue;
            }
            _ => is_kept(word, rule, value),
        };
        if !holds {
            problems.push(format!("{at}: {word} {rule}, found {value}"));
        }
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        match schema_of(schema, key) {
            Some(schema) => check(schema, value, &format!("{at}.{key}"), problems),
            None if schema.get("additionalProperties") == Some(&json!(false)) => {
                problems.push(format!("{at}: unknown key '{key}'"));
            }
            None => {}
        }
    }
}

/// The schema of the value of a key.
fn schema_of<'s>(schema: &'s Map<String, Value>, key: &str) -> Option<&'s Value> {
    let named = schema.get("properties").and_then(|all| all.get(key));
    named.or_else(|| {
        let mut patterns = schema.get("patternProperties")?.as_object()?.iter();
        let (_, schema) = patterns.find(|(pattern, _)| matches(pattern, key))?;
        Some(schema)
    })
}

fn is_kept(word: &str, rule: &Value, value: &Value) -> bool {
    let text = value.as_str();
    let list = value.as_array();
    let number = value.as_i64();
    let size = rule.as_u64().and_then(|size| usize::try_from(size).ok());
    match word {
        "type" => is_of(rule.as_str().expect("one type"), value),
        "enum" => rule.as_array().expect("words").contains(value),
        "anyOf" => {
            let mut any = rule.as_array().expect("schemas").iter();
            any.any(|schema| self::problems(schema, value).is_empty())
        }
        "required" => {
            let mut keys = rule.as_array().expect("keys").iter();
            value.as_object().is_none_or(|table| {
                keys.all(|key| table.contains_key(key.as_str().expect("a key")))
            })
        }
        "pattern" => text.is_none_or(|text| matches(rule.as_str().expect("a pattern"), text)),
        "minimum" => number.is_none_or(|number| Some(number) >= rule.as_i64()),
        "maximum" => number.is_none_or(|number| Some(number) <= rule.as_i64()),
        "minItems" => list.is_none_or(|list| Some(list.len()) >= size),
        "minLength" => text.is_none_or(|text| Some(text.chars().count()) >= size),
        "maxLength" => text.is_none_or(|text| Some(text.chars().count()) <= size),
        _ => panic!("the word '{word}' is not known to this test"),
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => panic!("the type '{kind}' is not known to this test"),
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).expect("a pattern").is_match(text)
}
