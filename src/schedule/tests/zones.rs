//! Zones by name, by the system, and with data that is missing, damaged or changed.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::time;
use crate::schedule::zone_data::{ZoneData, from_localtime, from_variable};
use crate::schedule::{Zone, Zones};

const SYSTEM: &str = "/usr/share/zoneinfo";

/// Zone data with Berlin and New York in it.
fn two_zones() -> (TempDir, ZoneData) {
    let folder = TempDir::new().unwrap();
    for name in ["Europe/Berlin", "America/New_York"] {
        let path = folder.path().join("zoneinfo").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(format!("{SYSTEM}/{name}"), path).unwrap();
    }
    let data = ZoneData::at(&folder.path().join("zoneinfo"));
    (folder, data)
}

fn error(data: &ZoneData, name: &str) -> String {
    data.zone(name).unwrap_err().to_string()
}

#[test]
fn times_are_written_with_the_offset_in_force() {
    let berlin = Zone::named("Europe/Berlin").unwrap();
    assert_eq!(
        berlin.format(time("2026-03-29T01:00:00Z")),
        "2026-03-29T03:00:00+02:00"
    );
    assert_eq!(
        berlin.format(time("2026-03-29T00:59:59.5Z")),
        "2026-03-29T01:59:59.5+01:00"
    );
    assert_eq!(
        Zone::utc().format(time("2026-03-29T01:00:00Z")),
        "2026-03-29T01:00:00+00:00"
    );
}

#[test]
fn a_zone_is_shown_by_its_name() {
    assert_eq!(
        Zone::named("Europe/Berlin").unwrap().to_string(),
        "Europe/Berlin"
    );
    assert_eq!(Zone::utc().name(), "UTC");
}

#[test]
fn zones_are_equal_when_name_and_rules_are() {
    assert_eq!(Zone::named("Europe/Berlin"), Zone::named("Europe/Berlin"));
    assert_ne!(Zone::named("Europe/Berlin"), Zone::named("Europe/Paris"));
    assert_ne!(Zone::named("Etc/UTC").unwrap(), Zone::utc());
}

#[test]
fn a_look_up_sees_the_rules_that_are_on_disk_then() {
    let (folder, data) = two_zones();
    let before = data.zone("Europe/Berlin").unwrap();
    assert_eq!(data.zone("Europe/Berlin").unwrap(), before);

    let path = folder.path().join("zoneinfo/Europe/Berlin");
    fs::copy(format!("{SYSTEM}/Asia/Tokyo"), path).unwrap();

    let after = data.zone("Europe/Berlin").unwrap();
    assert_ne!(after, before);
    assert_eq!(
        after.format(time("2026-01-01T00:00:00Z")),
        "2026-01-01T09:00:00+09:00"
    );
}

#[test]
fn without_zone_data_only_utc_works() {
    let data = ZoneData::at("/nonexistent".as_ref());
    assert_eq!(
        error(&data, "Europe/Berlin"),
        "zone 'Europe/Berlin': no zone data on this machine (install tzdata); only 'UTC' works without"
    );
    assert_eq!(Zone::named("UTC").unwrap(), Zone::utc());
    assert_eq!(
        from_variable(&data, OsStr::new("UTC")).unwrap(),
        Zone::utc()
    );
}

#[test]
fn an_unknown_zone_is_refused_with_the_closest_name() {
    let (_folder, data) = two_zones();
    let expected = |name: &str| format!("unknown zone '{name}'; did you mean 'Europe/Berlin'?");
    for name in [
        "Europe/Berln",
        "europe/berlin",
        "Berlin",
        "Europe/Berlin/",
        "../Europe/Berlin",
        "Europe/berlin",
    ] {
        assert_eq!(error(&data, name), expected(name));
    }
    assert_eq!(
        error(&data, "new york"),
        "unknown zone 'new york'; did you mean 'America/New_York'?"
    );
}

#[test]
fn a_name_like_no_other_is_answered_with_what_is_allowed() {
    let (_folder, data) = two_zones();
    for name in [
        "",
        "/",
        "Europe",
        "Mars/Phobos",
        "+02:00",
        "CEST",
        "\u{1F30D}",
    ] {
        assert_eq!(
            error(&data, name),
            format!(
                "unknown zone '{name}' (allowed: names of the tz database such as 'Europe/Berlin', and 'UTC')"
            )
        );
    }
    assert!(error(&data, &"x".repeat(10_000)).len() < 200);
    assert!(error(&data, "a\nb\0").contains("'a\\nb\\u{0}'"));
}

#[test]
fn a_zone_with_leap_seconds_is_refused() {
    let (_folder, data) = two_zones();
    assert_eq!(
        error(&data, "right/Europe/Berlin"),
        "zone 'right/Europe/Berlin' counts leap seconds; leave out 'right/'"
    );
}

#[test]
fn damaged_zone_data_is_an_error_and_no_panic() {
    let (folder, data) = two_zones();
    let path = folder.path().join("zoneinfo/Europe/Berlin");
    let whole = fs::read(&path).unwrap();
    for length in [0, 3, 4, 20, 44, 100, 500] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(data.zone("Europe/Berlin").is_err(), "{length}");
    }
}

#[test]
fn the_variable_may_hold_a_name_a_path_or_a_rule() {
    let (folder, data) = two_zones();
    let berlin = data.zone("Europe/Berlin").unwrap();
    let path = folder.path().join("zoneinfo/Europe/Berlin");
    assert_eq!(
        from_variable(&data, OsStr::new("Europe/Berlin")).unwrap(),
        berlin
    );
    assert_eq!(
        from_variable(&data, OsStr::new(":Europe/Berlin")).unwrap(),
        berlin
    );
    assert_eq!(from_variable(&data, path.as_os_str()).unwrap(), berlin);
    assert_eq!(from_variable(&data, OsStr::new("")).unwrap(), Zone::utc());

    let rule = from_variable(&data, OsStr::new("EST5EDT,M3.2.0,M11.1.0")).unwrap();
    assert_eq!(rule.name(), "EST5EDT,M3.2.0,M11.1.0");
    assert_eq!(
        rule.format(time("2026-07-01T00:00:00Z")),
        "2026-06-30T20:00:00-04:00"
    );
}

#[test]
fn a_variable_with_an_unknown_zone_is_an_error() {
    let (_folder, data) = two_zones();
    let error = |text: &str| {
        from_variable(&data, OsStr::new(text))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error("Europe/Berln"),
        "TZ: unknown zone 'Europe/Berln'; did you mean 'Europe/Berlin'?"
    );
    assert_eq!(error("/nonexistent"), "TZ: no zone data in '/nonexistent'");
}

#[test]
fn localtime_is_named_by_where_it_leads() {
    let (folder, data) = two_zones();
    let localtime = folder.path().join("localtime");
    symlink(folder.path().join("zoneinfo/Europe/Berlin"), &localtime).unwrap();
    assert_eq!(
        from_localtime(&data, &localtime),
        data.zone("Europe/Berlin").unwrap()
    );
}

#[test]
fn localtime_that_is_a_copy_is_named_by_its_path() {
    let (folder, data) = two_zones();
    let localtime = folder.path().join("localtime");
    fs::copy(format!("{SYSTEM}/Europe/Berlin"), &localtime).unwrap();
    let zone = from_localtime(&data, &localtime);
    assert_eq!(zone.name(), localtime.to_str().unwrap());
    assert_eq!(
        zone.format(time("2026-07-01T00:00:00Z")),
        "2026-07-01T02:00:00+02:00"
    );
}

#[test]
fn localtime_that_is_absent_or_damaged_is_utc() {
    let (folder, data) = two_zones();
    let localtime = folder.path().join("localtime");
    assert_eq!(from_localtime(&data, &localtime), Zone::utc());
    symlink(folder.path().join("zoneinfo/Europe/Nowhere"), &localtime).unwrap();
    assert_eq!(from_localtime(&data, &localtime), Zone::utc());
    fs::remove_file(&localtime).unwrap();
    fs::write(&localtime, "TZif").unwrap();
    assert_eq!(from_localtime(&data, &localtime), Zone::utc());
}

#[test]
fn zones_of_one_load_are_read_once() {
    let mut zones = Zones::default();
    assert_eq!(zones.named("Europe/Berlin"), Zone::named("Europe/Berlin"));
    assert_eq!(zones.named("Europe/Berlin"), zones.named("Europe/Berlin"));
    assert_eq!(zones.named("Nowhere"), Zone::named("Nowhere"));
    assert_eq!(zones.named("Nowhere"), zones.named("Nowhere"));
}
