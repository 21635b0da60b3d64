//! Who starts what: orders wait in one line, and go to whichever spawner is idle.
//!
//! A start returns when the program is loaded, and where a file system does not answer that is never. So
//! the crew grows when all of it is held up while others wait, and shrinks when that is over. Where it cannot grow any
//! more, that is told, and when it is over.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use super::{SpawnOrder, UnderWay};
use crate::clock::Moment;
use crate::config::format_duration;
use crate::event::{HeldUp, NoStart};
use crate::run::RunId;
use crate::system::children::MOST_IN_FLIGHT;

/// How large it is, and when it grows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// So many are there when nothing hangs.
    pub usual: usize,
    /// So many are there at most.
    pub most: usize,
    /// How long a start may take before it is said to hang; and while others wait the latest one, before others help.
    pub patience: Duration,
}

impl Size {
    /// At least one.
    pub(super) fn of(usual: usize) -> Self {
        Self {
            usual: usual.max(1),
            most: MOST_IN_FLIGHT,
            patience: Duration::from_secs(1),
        }
    }
}

/// What a spawner does.
pub(super) trait Start: Send + Sized + 'static {
    /// One more of the kind.
    fn another(&self) -> io::Result<Self>;

    /// Answers, unless it is given up meanwhile.
    fn perform(&mut self, order: &SpawnOrder, under_way: &Arc<UnderWay>);

    /// The answer to what is given up.
    fn gave_up(&self, run: RunId, why: NoStart);

    /// What was given up while somebody was at it has come back.
    fn came_back(&self, run: RunId);

    /// All are held up, others wait, and no more come to help; or that is over: none waits, and somebody is there for the
    /// next one.
    fn held_up(&self, held_up: Option<HeldUp>);
}

/// The threads, as who gives the orders has them. They end when this is dropped.
#[derive(Debug)]
pub(super) struct Crew(Sender<Message>);

#[derive(Debug)]
enum Message {
    Order(SpawnOrder),
    GiveUp(RunId),
    /// By the spawner of this number.
    Done(usize),
    Close,
}

impl Crew {
    pub(super) fn start<S: Start>(size: Size, model: S) -> io::Result<Self> {
        let (messages, inbox) = mpsc::channel();
        let mut foreman = Foreman {
            model,
            size,
            messages: messages.clone(),
            workers: BTreeMap::new(),
            hired: 0,
            waiting: VecDeque::new(),
            failed: Duration::ZERO,
            is_held_up: false,
        };
        (0..size.usual).try_for_each(|_| foreman.hire())?;
        thread::Builder::new()
            .name("spawners".into())
            .spawn(move || foreman.serve(&inbox))?;
        Ok(Self(messages))
    }

    pub(super) fn order(&self, order: SpawnOrder) {
        self.tell(Message::Order(order));
    }

    pub(super) fn give_up(&self, run: RunId) {
        self.tell(Message::GiveUp(run));
    }

    fn tell(&self, message: Message) {
        let sent = self.0.send(message);
        sent.expect("the foreman lives until the crew is closed");
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        let _ = self.0.send(Message::Close);
    }
}

/// The one that knows who is idle.
struct Foreman<S> {
    model: S,
    size: Size,
    messages: Sender<Message>,
    workers: BTreeMap<usize, Worker>,
    /// Ever; it numbers them.
    hired: usize,
    /// And since when.
    waiting: VecDeque<(SpawnOrder, Duration)>,
    /// When last no thread could be had.
    failed: Duration,
    /// That is told.
    is_held_up: bool,
}

struct Worker {
    orders: Sender<Order>,
    at: Option<At>,
}

type Order = (SpawnOrder, Arc<UnderWay>);

/// What a spawner is at.
struct At {
    order: SpawnOrder,
    under_way: Arc<UnderWay>,
    since: Duration,
    is_told: bool,
}

impl<S: Start> Foreman<S> {
    fn serve(mut self, inbox: &Receiver<Message>) {
        while let Some(message) = self.next(inbox) {
            match message {
                Message::Order(order) => {
                    self.waiting.push_back((order, Moment::now().elapsed));
                }
                Message::GiveUp(run) => self.give_up(run),
                Message::Done(number) => self.is_done(number),
                Message::Close => return,
            }
            self.hand_out();
        }
    }

    /// Waits for a message, and looks meanwhile at what takes long. With nothing to start it just sleeps.
    fn next(&mut self, inbox: &Receiver<Message>) -> Option<Message> {
        while let Some(due) = self.next_look() {
            let left = due.saturating_sub(Moment::now().elapsed);
            match inbox.recv_timeout(left) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Timeout) => self.look(Moment::now().elapsed),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        inbox.recv().ok()
    }

    fn next_look(&self) -> Option<Duration> {
        let untold = self.at_work().filter(|at| !at.is_told);
        let naming = untold.map(|at| at.since + self.size.patience).min();
        let looks = [naming, self.help_is_due()];
        looks.into_iter().flatten().min()
    }

    /// When somebody waits, and all are at work. Where there are as many as may be, that is told once.
    fn help_is_due(&self) -> Option<Duration> {
        let is_told = self.is_held_up && self.workers.len() >= self.size.most;
        if self.waiting.is_empty() || is_told {
            return None;
        }
        let latest = self.at_work().map(|at| at.since).max()?;
        Some(latest.max(self.failed) + self.size.patience)
    }

    fn at_work(&self) -> impl Iterator<Item = &At> {
        let workers = self.workers.values();
        workers.filter_map(|worker| worker.at.as_ref())
    }

    fn look(&mut self, now: Duration) {
        self.name_hanging(now);
        if self.help_is_due().is_some_and(|due| due <= now) {
            self.help(now);
            self.hand_out();
        }
    }

    /// As many more as there are: where many hang, the others do not wait for one after the other.
    fn help(&mut self, now: Duration) {
        let room = self.size.most - self.workers.len();
        let wanted = self.workers.len().min(self.waiting.len()).min(room);
        let hired = (0..wanted).try_for_each(|_| self.hire());
        if hired.is_err() {
            self.failed = now;
        }
        if wanted == 0 || hired.is_err() {
            self.tell_held_up(hired.err());
        }
    }

    fn tell_held_up(&mut self, error: Option<io::Error>) {
        if !std::mem::replace(&mut self.is_held_up, true) {
            self.model.held_up(Some(HeldUp {
                starters: self.workers.len(),
                no_more: error.map(|error| error.to_string()),
            }));
        }
    }

    /// Each start that hangs is named once.
    fn name_hanging(&mut self, now: Duration) {
        let patience = self.size.patience;
        let at_work = self
            .workers
            .values_mut()
            .filter_map(|worker| worker.at.as_mut());
        for at in at_work.filter(|at| !at.is_told && at.since + patience <= now) {
            at.is_told = true;
            log::warn!("{}", hangs(&at.order, now.saturating_sub(at.since)));
        }
    }

    /// Where it is neither here nor there it is answered already.
    fn give_up(&mut self, run: RunId) {
        let now = Moment::now().elapsed;
        let waits = self.waiting.iter().position(|(order, _)| order.run == run);
        if let Some((_, since)) = waits.and_then(|at| self.waiting.remove(at)) {
            let why = no_turn(now.saturating_sub(since));
            return self.model.gave_up(run, NoStart::NoTurn(why));
        }
        let at_work = self.workers.values().filter_map(|it| it.at.as_ref());
        for at in at_work.filter(|at| at.order.run == run) {
            if at.under_way.give_up() {
                let reason = no_answer(now.saturating_sub(at.since));
                self.model.gave_up(run, NoStart::GivenUp(reason));
            }
        }
    }

    fn hire(&mut self) -> io::Result<()> {
        let (orders, work) = mpsc::channel();
        let (number, done) = (self.hired, self.messages.clone());
        let spawner = self.model.another()?;
        thread::Builder::new()
            .name(format!("spawner-{number}"))
            .spawn(move || work_off(spawner, &work, || done.send(Message::Done(number)).is_ok()))?;
        self.hired += 1;
        self.workers.insert(number, Worker { orders, at: None });
        Ok(())
    }

    /// As many stay idle as there usually are.
    fn is_done(&mut self, number: usize) {
        let worker = self.workers.get_mut(&number);
        let at = worker.and_then(|worker| worker.at.take());
        if let Some(at) = at.filter(|at| at.under_way.is_given_up()) {
            self.model.came_back(at.order.run);
        }
        if self.waiting.is_empty() && self.idle() > self.size.usual {
            self.workers.remove(&number);
        }
    }

    fn idle(&self) -> usize {
        let workers = self.workers.values();
        workers.filter(|worker| worker.at.is_none()).count()
    }

    /// That nobody waits is not enough: those who waited may have been given up.
    fn hand_out(&mut self) {
        let idle = self
            .workers
            .values_mut()
            .filter(|worker| worker.at.is_none());
        for worker in idle {
            let Some((order, _)) = self.waiting.pop_front() else {
                break;
            };
            worker.take(order);
        }
        if self.is_held_up && self.waiting.is_empty() && self.idle() > 0 {
            self.is_held_up = false;
            self.model.held_up(None);
        }
    }
}

impl Worker {
    fn take(&mut self, order: SpawnOrder) {
        let under_way = Arc::<UnderWay>::default();
        self.at = Some(At {
            order: order.clone(),
            under_way: under_way.clone(),
            since: Moment::now().elapsed,
            is_told: false,
        });
        let sent = self.orders.send((order, under_way));
        sent.expect("a spawner lives as long as its channel");
    }
}

/// Until there are no orders, or nobody wants to know, any more.
fn work_off<S: Start>(mut spawner: S, work: &Receiver<Order>, done: impl Fn() -> bool) {
    for (order, under_way) in work {
        spawner.perform(&order, &under_way);
        if !done() {
            return;
        }
    }
}

fn no_answer(time: Duration) -> String {
    let time = format_duration(time);
    format!("not within {time}: its program, a file or a folder does not answer")
}

fn no_turn(time: Duration) -> String {
    let time = format_duration(time);
    format!("not within {time}: all that start processes are held up")
}

pub(super) fn hangs(order: &SpawnOrder, time: Duration) -> String {
    let (run, job, time) = (order.run, &order.job.name, time.as_secs());
    format!(
        "run {run} of job '{job}' is being started for {time} s: its program, a file or a folder does not \
         answer; other runs are started meanwhile, and 'hupctl kill {run}' gives it up"
    )
}
