//! A program whose start hangs as long as somebody holds it: whoever opens it waits until that is over.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::{Home, has_program, skip};

/// Holds a lease on a file.
const HOLDER: &str = r#"
    $SIG{IO} = "IGNORE";
    open(my $held, "<", $ARGV[0]) or die;
    print fcntl($held, 1024, 1) ? "held\n" : "refused\n";
    close STDOUT;
    sleep;
"#;

/// The program `program` of a home, until this is dropped.
pub struct Held(Child);

impl Held {
    /// It would leave a line in the file `trace` of its working directory. None, said loudly, where nothing can be held.
    pub fn in_home(home: &Home) -> Option<Self> {
        if !has_program("perl") {
            skip("starts that hang: perl is missing");
            return None;
        }
        let program = install(home);
        let mut holder = Command::new("perl")
            .args(["-e", HOLDER])
            .arg(&program)
            .stdout(Stdio::piped())
            .spawn()
            .expect("perl starts");
        let said = std::io::read_to_string(holder.stdout.take().expect("a pipe")).expect("text");
        let held = Self(holder);
        if said != "held\n" {
            skip("starts that hang: no leases on this file system");
            return None;
        }
        Some(held)
    }
}

/// By another process: what this one has open for writing cannot be executed.
fn install(home: &Home) -> PathBuf {
    home.write("draft", "#!/bin/sh\necho ran >>trace\n");
    let [draft, program] = ["draft", "program"].map(|name| home.file(name));
    let mut install = Command::new("install");
    let install = install.args(["-m", "755"]).args([&draft, &program]);
    assert!(install.status().expect("install starts").success());
    program
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
