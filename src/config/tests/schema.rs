//! The schema: what it calls a default is what the parser does without the key.

use serde_json::{Map, Value, json};

use super::super::schema;
use super::accepted;

/// Each key that has a default, with it.
fn defaults(table: &Value) -> Map<String, Value> {
    let keys = table["properties"].as_object().unwrap().iter();
    let keys = keys.filter_map(|(key, value)| Some((key.clone(), value.get("default")?.clone())));
    keys.collect()
}

fn job(schema: &Value) -> &Value {
    let jobs = schema["properties"]["jobs"]["patternProperties"].as_object();
    jobs.unwrap().values().next().unwrap()
}

fn as_toml(file: &Value) -> String {
    toml::to_string(&toml::Value::try_from(file).unwrap()).unwrap()
}

#[test]
fn a_file_that_says_every_default_is_the_same_as_one_that_says_nothing() {
    let schema = schema();
    let of = |section: &str| defaults(&schema["properties"][section]);
    let mut a = defaults(job(&schema));
    a.insert("command".into(), json!("x"));
    let said = json!({
        "daemon": of("daemon"),
        "log": of("log"),
        "history": of("history"),
        "defaults": of("defaults"),
        "jobs": { "a": a },
    });
    let said = accepted(&as_toml(&said));
    let silent = accepted("[jobs.a]\ncommand = \"x\"\n");
    assert_eq!(said.settings(), silent.settings());
    assert_eq!(said.jobs, silent.jobs);
}

#[test]
fn the_same_holds_for_how_a_run_is_tried_again() {
    let schema = schema();
    let retry = &job(&schema)["properties"]["retry"]["anyOf"][1];
    let mut said = defaults(retry);
    said.insert("attempts".into(), json!(3));
    let file = |retry: Value| {
        let job = json!({ "command": "x", "retry": retry });
        accepted(&as_toml(&json!({ "jobs": { "a": job } }))).jobs
    };
    assert_eq!(file(json!(said)), file(json!({ "attempts": 3 })));
}

#[test]
fn a_key_is_known_where_it_may_be_written_and_only_there() {
    let schema = schema();
    let has = |table: &Value, key: &str| table["properties"].get(key).is_some();
    let (job, defaults) = (job(&schema), &schema["properties"]["defaults"]);
    for key in ["command", "description", "every", "schedule"] {
        assert!(has(job, key) && !has(defaults, key), "{key}");
    }
    for key in defaults["properties"].as_object().unwrap().keys() {
        assert!(has(job, key), "{key}");
    }
}
