//! hupctl: asks hupd over its socket, and prints what it answers.

mod arguments;
mod chart;
mod check;
mod ending;
mod explain;
mod follow;
mod generations;
mod hanging;
mod instants;
mod jobs;
mod kill;
mod live;
mod logs;
mod next;
mod pause;
mod plan;
mod reload;
mod reloading;
mod run;
mod running;
mod runs;
mod runs_chart;
mod screen;
mod short;
mod show;
mod show_job;
mod socket;
mod source;
mod status;
mod stop;
mod table;
mod times;
mod usual;
mod visible;
mod waiting;
mod watching;
mod why;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use hupd::config::{Surroundings, schema};
use hupd::control::client::Client;
use hupd::protocol::PauseRequest;
use rustix::process::geteuid;

use arguments::{Arguments, Command, NextArguments, USUAL_TIMES};
use ending::{Ending, Failure};
use generations::Problems;
use instants::Wanted;
use screen::{Audience, Screen};
use socket::{Hints, socket};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut screen = Screen::new(match arguments.json {
        true => Audience::Programs,
        false => Audience::People,
    });
    let outcome = carry_out(arguments, &mut screen).and_then(|ending| {
        screen.flush()?;
        Ok(ending)
    });
    ExitCode::from(match outcome {
        Ok(ending) => ending.status(),
        Err(failure) => {
            tell(&failure, &mut screen);
            failure.status()
        }
    })
}

fn carry_out(arguments: Arguments, screen: &mut Screen) -> Result<Ending, Failure> {
    let surroundings = Surroundings::from_environment(geteuid().is_root());
    let Arguments {
        config,
        socket,
        pid,
        command,
        ..
    } = arguments;
    match command {
        Command::Check { file } => {
            let file = file.or(config);
            check::check(file.as_deref(), &surroundings, screen)
        }
        Command::Schema => {
            let schema = serde_json::to_string_pretty(&schema()).expect("a value is always JSON");
            screen.bytes(format!("{schema}\n").as_bytes())?;
            Ok(Ending::Done)
        }
        Command::Explain {
            expression,
            timezone,
            from,
            number,
        } => {
            let wanted = Wanted {
                expression,
                timezone,
                from,
                number,
            };
            explain::explain(&wanted, &surroundings, screen)
        }
        Command::Next(NextArguments {
            schedule: Some(expression),
            timezone,
            from,
            number,
            ..
        }) => {
            let wanted = Wanted {
                expression,
                timezone,
                from,
                number: number.unwrap_or(USUAL_TIMES),
            };
            instants::instants(&wanted, &surroundings, screen)
        }
        Command::Next(wanted) if wanted.file.is_some() => {
            next::of_file(&wanted, &surroundings, screen)
        }
        Command::Plan(wanted) if wanted.against.is_some() => {
            let (old, new) = (wanted.against.as_deref(), wanted.file.as_deref());
            let files = old.zip(new).expect("both files are named");
            plan::of_files(files, &wanted, (&surroundings, screen))
        }
        command => {
            let client = match pid {
                Some(pid) => Client::of_process(pid)?,
                None => client(config.as_deref(), socket.as_deref(), &surroundings)?,
            };
            ask(&client, command, screen)
        }
    }
}

/// What needs hupd.
fn ask(client: &Client, command: Command, screen: &mut Screen) -> Result<Ending, Failure> {
    match command {
        Command::Check { .. } | Command::Schema | Command::Explain { .. } => {
            unreachable!("they ask no hupd")
        }
        Command::Status => status::status(client, screen),
        Command::List => jobs::list(client, screen),
        Command::Next(wanted) => next::next(client, &wanted, screen),
        Command::Run { job, wait: false } => run::run(client, screen, job),
        Command::Run { job, wait: true } => run::run_and_wait(client, screen, job),
        Command::Runs(wanted) => runs::runs(client, screen, &wanted),
        Command::Generations { number, problems } => {
            let problems = match problems {
                true => Problems::Printed,
                false => Problems::Counted,
            };
            generations::generations(client, screen, (number, problems))
        }
        Command::Show {
            generation: Some(number),
            ..
        } => generations::show(client, screen, number),
        Command::Show { of, .. } => show::show(client, screen, &of.unwrap_or_default()),
        Command::Why { job, time } => why::why(client, screen, job, time),
        Command::Pause {
            job,
            until,
            time,
            reason,
        } => {
            let until = pause::until(until.as_deref(), time, &screen.view.times)?;
            let pause = PauseRequest { job, until, reason };
            pause::pause(client, screen, pause)
        }
        Command::Resume { job } => pause::resume(client, screen, job),
        Command::Logs {
            of, follow: true, ..
        } => follow::follow(client, screen, &of),
        Command::Logs { of, attempt, .. } => logs::logs(client, screen, (&of, attempt)),
        Command::Kill { run } => kill::kill(client, screen, run),
        Command::Plan(wanted) => plan::plan(client, &wanted, screen),
        Command::Reload { confirm } => reload::reload(client, screen, confirm),
        Command::Confirm => reload::confirm(client, screen),
        Command::Rollback { generation } => reload::roll_back(client, screen, generation),
        Command::Stop => stop::stop(client, screen),
    }
}

/// The way to the hupd that is meant.
fn client(
    config: Option<&Path>,
    named: Option<&Path>,
    surroundings: &Surroundings,
) -> Result<Client, Failure> {
    let hints = Hints {
        socket: named,
        config,
        environment: std::env::var_os("HUPD_SOCKET").map(Into::into),
    };
    let client = Client::new(&socket(hints, surroundings)?);
    Ok(match config {
        Some(file) => client.of_file(file),
        None => client,
    })
}

/// The sentence on standard error; for programs the JSON of it on standard output besides.
fn tell(failure: &Failure, screen: &mut Screen) {
    if let Failure::Client(error) = failure
        && screen.is_for_programs()
    {
        // If this fails, the exit status still says what happened.
        let _ = screen.bytes(&error.to_json());
    }
    let _ = screen.aside(&format!("hupctl: {failure}"));
}
