//! Expressions, each with a zone and a time.

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

use super::some_of;

const IN_FIELDS: [&str; 40] = [
    "*",
    "0",
    "1",
    "5",
    "7",
    "12",
    "23",
    "24",
    "29",
    "30",
    "31",
    "59",
    "60",
    "JAN",
    "feb",
    "DEC",
    "mon",
    "FRI",
    "SUN",
    "sat",
    "L",
    "W",
    "?",
    "#",
    "H",
    "H(1-5)",
    "L-3",
    "15W",
    "FRI#2",
    "2030",
    "LW",
    "-",
    "-",
    "/",
    "/",
    ",",
    ",",
    "99999999999999999999",
    "ä",
    "\u{202e}",
];

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(&["*", "0", "*/2", "1-5", "0/7", "1,15", "7", "29", "2", "FRI-SUN", "*/59"][..])
            .prop_map(str::to_owned),
        2 => some_of(&IN_FIELDS, 6),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    let blank = select(&[" ", " ", " ", "  ", "\t", "\u{a0}", ""][..]);
    let fields = prop::collection::vec((field(), blank), 4..9).prop_map(|fields| {
        let fields = fields.into_iter();
        fields
            .map(|(field, blank)| field + blank)
            .collect::<String>()
    });
    let macros = select(
        &[
            "@daily",
            "@Yearly",
            "@reboot",
            "@every 5m",
            "@hourl",
            "@daily x",
            "@",
        ][..],
    );
    let five = prop::collection::vec(field(), 5).prop_map(|fields| fields.join(" "));
    prop_oneof![10 => five, 8 => calendar(), 4 => fields, 1 => macros.prop_map(str::to_owned), 1 => "\\PC{0,20}", 1 => any::<String>()]
}

const IN_CALENDARS: [&str; 26] = [
    "*", "0", "1", "2", "7", "12", "24", "31", "59", "60", "2026", "1969", "99", "Mon", "friday",
    "Sun", "..", "..", "-", "-", "~", ":", ":", "/", ",", " ",
];

fn calendar() -> impl Strategy<Value = String> {
    let weekdays = select(&["", "Mon ", "mon..fri ", "Sat,Sun ", "Fri..Mon ", "Funday "][..]);
    let date = select(
        &[
            "",
            "*-*-* ",
            "*-02~03 ",
            "2027-*-01..07 ",
            "12-24 ",
            "*-*~07/1 ",
            "*-02-30 ",
            "1-2-3-4 ",
        ][..],
    );
    let time = select(
        &[
            "",
            "09:00",
            "*:0/15",
            "2..4/2:30:10",
            "24:00",
            "1:2:3:4",
            "*:*:*",
            "0:0:0.5",
        ][..],
    );
    let zone = select(&["", " UTC", " Europe/Berlin", " Nowhere"][..]);
    let whole = (weekdays, date, time, zone)
        .prop_map(|(weekdays, date, time, zone)| format!("{weekdays}{date}{time}{zone}"));
    let shorthand = select(&["daily", "Hourly UTC", "weekly x y", "quarterly 12:00"][..]);
    prop_oneof![6 => whole, 3 => some_of(&IN_CALENDARS, 9), 1 => shorthand.prop_map(str::to_owned)]
}

const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
    "America/Havana",
    "Europe/Amsterdam",
];

/// Times of all centuries, more of them today; the last days of time as well.
fn time() -> impl Strategy<Value = String> {
    let seconds = prop_oneof![
        4 => 1_500_000_000_i64..2_500_000_000,
        2 => -5_000_000_000_i64..20_000_000_000,
        1 => Timestamp::MIN.as_second()..Timestamp::MAX.as_second(),
        1 => (Timestamp::MAX.as_second() - 100_000)..Timestamp::MAX.as_second(),
    ];
    let fraction = select(&[0, 0, 1, 999_999_999][..]);
    (seconds, fraction).prop_map(|(seconds, fraction)| {
        let time = Timestamp::new(seconds, fraction).expect("it is in range");
        time.to_string()
    })
}

/// An expression, a zone and a time, a line each.
pub fn lines_of_a_schedule() -> impl Strategy<Value = String> {
    let lines = (expression(), select(&ZONES[..]), time());
    lines.prop_map(|(expression, zone, time)| format!("{expression}\n{zone}\n{time}"))
}
