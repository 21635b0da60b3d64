//! Each occurrence has one fate, and one run at most.

use super::*;

#[test]
fn an_occurrence_is_claimed_once() {
    let place = Place::new();
    let store = place.store();
    assert_eq!(place.claim(&store, claim(1, "a", 60)), Claimed::Yes);
    assert_eq!(
        place.claim(&store, claim(2, "a", 60)),
        Claimed::AlreadyThere
    );
    assert_eq!(place.claim(&store, claim(3, "b", 60)), Claimed::Yes);
    let written: Vec<u64> = runs(&store).iter().map(|row| row.run.0).collect();
    assert_eq!(written, [3, 1]);
}

#[test]
fn an_occurrence_is_not_claimed_again_after_a_restart() {
    let place = Place::new();
    let store = place.store();
    place.claim(&store, claim(1, "a", 60));
    store.close();
    let store = place.store();
    assert_eq!(
        place.claim(&store, claim(2, "a", 60)),
        Claimed::AlreadyThere
    );
}

#[test]
fn the_same_instant_of_another_trigger_is_another_occurrence() {
    let place = Place::new();
    let store = place.store();
    let mut requested = claim(2, "a", 60);
    requested.occurrence.trigger = Trigger::Request;
    assert_eq!(place.claim(&store, claim(1, "a", 60)), Claimed::Yes);
    assert_eq!(place.claim(&store, requested), Claimed::Yes);
    assert_eq!(runs(&store)[0].trigger, Trigger::Request);
}

#[test]
fn a_waiting_occurrence_can_be_claimed() {
    let place = Place::new();
    let store = place.store();
    store.record(entry("a", 60, Fate::Waiting, "no place"));
    assert_eq!(place.claim(&store, claim(7, "a", 60)), Claimed::Yes);
    store.close();
    assert_eq!(place.lines(), ["a ran  7"]);
}

#[test]
fn the_first_fate_stays() {
    let place = Place::new();
    let store = place.store();
    place.claim(&store, claim(1, "a", 60));
    store.record(entry("a", 60, Fate::Skipped, "too late"));
    store.record(entry("a", 120, Fate::Waiting, "no place"));
    store.record(entry("a", 120, Fate::Skipped, "disabled"));
    store.record(entry("a", 120, Fate::Missed, "too late"));
    store.record(entry("a", 180, Fate::Missed, "suspended"));
    store.record(entry("a", 180, Fate::Missed, "downtime"));
    assert_eq!(
        place.claim(&store, claim(2, "a", 120)),
        Claimed::AlreadyThere
    );
    store.close();
    assert_eq!(
        place.lines(),
        ["a ran  1", "a skipped disabled", "a missed suspended"]
    );
}

/// The clock was set back, and the instant that was passed over comes.
#[test]
fn what_was_missed_can_run_when_it_comes_again() {
    let place = Place::new();
    let store = place.store();
    store.record(entry("a", 60, Fate::Missed, "passed over"));
    assert_eq!(place.claim(&store, claim(1, "a", 60)), Claimed::Yes);
    assert_eq!(
        place.claim(&store, claim(2, "a", 60)),
        Claimed::AlreadyThere
    );
    store.close();
    assert_eq!(place.lines(), ["a ran  1"]);
}

/// Missed is what nobody has looked at. What is decided when it comes is what has become of it, whether the store can be
/// written then or not.
#[test]
fn what_was_missed_is_decided_when_it_comes_again() {
    let place = Place::new();
    let store = place.store();
    store.record(entry("a", 60, Fate::Missed, "passed over"));
    store.record(entry("a", 60, Fate::Waiting, "no place"));
    store.record(entry("a", 120, Fate::Missed, "passed over"));
    store.record(entry("a", 120, Fate::Skipped, "overlap"));
    assert_eq!(
        place.claim(&store, claim(1, "a", 120)),
        Claimed::AlreadyThere
    );
    store.close();
    assert_eq!(place.lines(), ["a waiting no place", "a skipped overlap"]);
}

/// The others may never come again: the job may be gone by then.
#[test]
fn a_row_that_stands_for_others_does_so_whatever_becomes_of_its_own_instant() {
    let place = Place::new();
    let store = place.store();
    let others = "; later ones until noon have no rows of their own";
    let missed = |second| entry("a", second, Fate::Missed, &format!("passed over{others}"));
    store.record(missed(60));
    store.record(entry("a", 60, Fate::Waiting, "no place"));
    assert_eq!(place.claim(&store, claim(1, "a", 60)), Claimed::Yes);
    store.record(missed(120));
    store.record(entry("a", 120, Fate::Skipped, "overlap"));
    store.close();
    let others = others.trim_start_matches("; ");
    let lines = [
        format!("a ran {others} 1"),
        format!("a skipped overlap; {others}"),
    ];
    assert_eq!(place.lines(), lines);
}

/// The clock was set back twice: what waited since the first time is passed over with others once more.
#[test]
fn a_row_stands_for_others_in_one_sentence_until_the_last_of_them() {
    let until = |time: &str| format!("; later ones until {time} have no rows of their own");
    let (noon, one) = (until("2026-06-01T12:00:00Z"), until("2026-06-01T13:00:00Z"));
    for (before, after) in [(&noon, &one), (&one, &noon)] {
        let place = Place::new();
        let store = place.store();
        store.record(entry(
            "a",
            60,
            Fate::Missed,
            &format!("passed over{before}"),
        ));
        store.record(entry("a", 60, Fate::Waiting, "no place"));
        store.record(entry("a", 60, Fate::Missed, &format!("it was down{after}")));
        store.close();
        assert_eq!(place.lines(), [format!("a missed it was down{one}")]);
    }
}

#[test]
fn verdicts_come_in_the_order_of_the_claims() {
    let place = Place::new();
    let store = place.store();
    let claims: Vec<Claim> = (1..=5000)
        .map(|run| claim(run, &format!("job-{}", run % 2500), 60))
        .collect();
    store.claim(claims);
    let verdicts = place.verdicts(5000);
    assert!(
        verdicts
            .iter()
            .zip(1..)
            .all(|(verdict, run)| verdict.run.0 == run)
    );
    let granted = verdicts
        .iter()
        .filter(|verdict| verdict.claimed == Claimed::Yes);
    assert_eq!(granted.count(), 2500);
}
