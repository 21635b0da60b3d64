//! Secrets that a file names, where hupd was given some and where it was given none.

use std::fs;

use super::super::{Config, Surroundings, load};
use super::{accepted, job, now, root};

/// With a folder of credentials in which there is one: `there`.
fn given(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("there"), "secret\n").unwrap();
    let file = folder.path().join("hupd.toml");
    fs::write(&file, format!("[jobs.a]\ncommand = \"x\"\n{text}")).unwrap();
    let surroundings = Surroundings {
        credentials_directory: Some(folder.path().to_owned()),
        ..root()
    };
    let accepted = load(&file, &surroundings, now());
    accepted
        .map(|accepted| accepted.config)
        .map_err(|problems| problems.to_string())
}

#[test]
fn a_credential_that_was_not_given_is_an_error_where_others_were() {
    assert!(given("env = { A = { credential = \"there\" } }\n").is_ok());
    let problems = given("env = { A = { credential = \"gone\" } }\n").unwrap_err();
    assert!(problems.contains(":3:13"), "{problems}");
    let message = "env: A: cannot read credential 'gone': no such file or directory";
    assert!(problems.contains(message), "{problems}");
    assert!(
        problems.contains("LoadCredential=gone:/path/to/file"),
        "{problems}"
    );
    accepted("[jobs.a]\ncommand = \"x\"\nenv = { A = { credential = \"gone\" } }\n");
}

#[test]
fn of_a_credential_the_name_is_told() {
    let text = "env = { A = { credential = \"there\" }, B = \"text\" }\n";
    let config = given(text).unwrap();
    let keys = job(&config, "a").keys();
    let told = |name: &str| {
        let key = keys.iter().find(|key| key.key == name).unwrap();
        (key.value.as_str(), key.secret.is_some())
    };
    assert_eq!(told("env.A"), ("{ credential = \"there\" }", false));
    assert_eq!(told("env.B"), ("\"…\"", true));
    let renamed = given("env = { A = { credential = \"there\" }, B = \"other\" }\n").unwrap();
    assert_ne!(job(&renamed, "a").env, job(&config, "a").env);
}
