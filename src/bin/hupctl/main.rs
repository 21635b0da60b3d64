//! hupctl: asks hupd over its socket, and prints what it answers.

mod arguments;
mod check;
mod ending;
mod explain;
mod instants;
mod jobs;
mod kill;
mod logs;
mod next;
mod reload;
mod run;
mod running;
mod runs;
mod screen;
mod socket;
mod status;
mod stop;
mod table;
mod times;
mod visible;

use std::process::ExitCode;

use clap::Parser;
use hupd::config::Surroundings;
use hupd::control::client::Client;
use rustix::fs::{Access, access};
use rustix::process::geteuid;

use arguments::{Arguments, Command};
use ending::{Ending, Failure};
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
    if let Command::Check { file } = arguments.command {
        let file = file.or(arguments.config);
        return check::check(file.as_deref(), &surroundings, screen);
    }
    if let Command::Next {
        schedule: Some(expression),
        timezone,
        from,
        number,
        ..
    } = arguments.command
    {
        let wanted = Wanted {
            expression,
            timezone,
            from,
            number,
        };
        return instants::instants(&wanted, &surroundings, screen);
    }
    if let Command::Explain {
        expression,
        timezone,
        from,
        number,
    } = arguments.command
    {
        let wanted = Wanted {
            expression,
            timezone,
            from,
            number,
        };
        return explain::explain(&wanted, &surroundings, screen);
    }
    let client = client(&arguments, &surroundings)?;
    match arguments.command {
        Command::Check { .. } | Command::Explain { .. } => unreachable!("they ask no hupd"),
        Command::Status => status::status(&client, screen),
        Command::List => jobs::list(&client, screen),
        Command::Next { job, number, .. } => next::next(&client, screen, job, number),
        Command::Run { job, wait: false } => run::run(&client, screen, job),
        Command::Run { job, wait: true } => run::run_and_wait(&client, screen, job),
        Command::Runs {
            job,
            failed,
            number,
        } => runs::runs(&client, screen, runs::filter(job, failed, number)),
        Command::Logs { of } => logs::logs(&client, screen, &of),
        Command::Kill { run } => kill::kill(&client, screen, run),
        Command::Reload => reload::reload(&client, screen),
        Command::Stop => stop::stop(&client, screen),
    }
}

/// The way to the hupd that is meant. A file that was named and cannot be read must not lead to another one.
fn client(arguments: &Arguments, surroundings: &Surroundings) -> Result<Client, Failure> {
    if let (Some(file), None) = (&arguments.config, &arguments.socket) {
        access(file, Access::READ_OK).map_err(|error| Failure::File(file.clone(), error.into()))?;
    }
    let hints = Hints {
        socket: arguments.socket.as_deref(),
        config: arguments.config.as_deref(),
        environment: std::env::var_os("HUPD_SOCKET").map(Into::into),
    };
    Ok(Client::new(&socket(hints, surroundings)))
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
