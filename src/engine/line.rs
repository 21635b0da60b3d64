//! A line of occurrences that wait, in order of due time. It is made of lanes: those that wait for the same runs are in
//! one, and a lane that is closed is in nobody's way. Whether one is open is asked from outside, and only when something
//! has happened to it: whoever goes first is found at once, however many wait behind closed lanes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::waiting::Waiting;
use crate::config::Job;
use crate::run::{GroupName, JobName, RunId};

/// Those that are never overtaken by each other: all of a group, or else all of a job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    Job(JobName),
    Group(GroupName),
}

impl Lane {
    pub fn of(job: &Job) -> Self {
        match &job.group {
            Some(group) => Self::Group(group.clone()),
            None => Self::Job(job.name.clone()),
        }
    }
}

/// First due, first served; among equals the one that was decided first.
pub type Place = (Timestamp, RunId);

const FRONT: Place = (Timestamp::MIN, RunId(0));

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    waiting: BTreeMap<Place, (Lane, Waiting)>,
    by_lane: BTreeSet<(Lane, Place)>,
    /// The first of every lane that was open when it was looked at.
    open: BTreeMap<Place, Lane>,
}

impl Line {
    pub fn push(&mut self, lane: Lane, waiting: Waiting) {
        let place = (waiting.occurrence.instant, waiting.run);
        if let Some(first) = self.first(&lane).filter(|first| place < *first) {
            self.open.remove(&first);
        }
        self.by_lane.insert((lane.clone(), place));
        self.waiting.insert(place, (lane, waiting));
    }

    pub fn first(&self, lane: &Lane) -> Option<Place> {
        let mut from = self.by_lane.range((lane.clone(), FRONT)..);
        let (of, place) = from.next()?;
        (of == lane).then_some(*place)
    }

    pub fn open(&mut self, lane: &Lane) {
        if let Some(first) = self.first(lane) {
            self.open.insert(first, lane.clone());
        }
    }

    pub fn close(&mut self, lane: &Lane) {
        if let Some(first) = self.first(lane) {
            self.open.remove(&first);
        }
    }

    /// The first one that no run is in the way of.
    pub fn first_open(&self) -> Option<Place> {
        self.open.first_key_value().map(|(place, _)| *place)
    }

    pub fn remove(&mut self, place: Place) -> Option<(Lane, Waiting)> {
        let (lane, waiting) = self.waiting.remove(&place)?;
        self.open.remove(&place);
        self.by_lane.remove(&(lane.clone(), place));
        Some((lane, waiting))
    }

    pub fn get(&self, place: Place) -> Option<&Waiting> {
        self.waiting.get(&place).map(|(_, waiting)| waiting)
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting.values().map(|(_, waiting)| waiting)
    }

    pub fn into_waiting(self) -> impl Iterator<Item = Waiting> {
        self.waiting.into_values().map(|(_, waiting)| waiting)
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }
}
