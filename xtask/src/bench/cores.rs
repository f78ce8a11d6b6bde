//! Who runs where: what is measured on one core, the load on the others, so that they do not take
//! time from each other. Without `taskset` (util-linux) or a second core all run everywhere.

use std::num::NonZero;
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::tools::output_of;

/// The division of the machine, until it is dropped.
pub(super) struct Cores {
    count: usize,
    divided: bool,
}

impl Cores {
    /// Keeps this program off the first core from here on; threads and children made later
    /// inherit that.
    pub(super) fn divide() -> Self {
        let count = thread::available_parallelism().map_or(1, NonZero::get);
        let mut trial = Command::new("taskset");
        let usable = count > 1 && output_of(trial.args(["-c", "0", "true"])).is_ok();
        let divided = usable && keep_to(&format!("1-{}", count - 1));
        if divided {
            println!("what is measured has core 0, the load has the rest");
        } else {
            println!("what is measured and the load share all cores");
        }
        Self { count, divided }
    }

    /// The program on the core of what is measured, its arguments still to be named.
    pub(super) fn measured(&self, program: &Path) -> Command {
        if !self.divided {
            return Command::new(program);
        }
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(program);
        command
    }

    /// Does some work of our own where what is measured runs.
    pub(super) fn on_measured<T>(&self, work: impl FnOnce() -> T) -> T {
        if !self.divided {
            return work();
        }
        let moved = keep_to("0");
        let done = work();
        if !moved || !keep_to(&self.of_load()) {
            eprintln!("warning: the cores could not be divided as they should be");
        }
        done
    }

    fn of_load(&self) -> String {
        format!("1-{}", self.count - 1)
    }

    /// How many threads what is measured can run at once.
    pub(super) fn of_measured(&self) -> usize {
        if self.divided { 1 } else { self.count }
    }
}

impl Drop for Cores {
    fn drop(&mut self) {
        if self.divided && !keep_to(&format!("0-{}", self.count - 1)) {
            eprintln!("warning: this program stays off core 0");
        }
    }
}

/// Whether this thread, and what it makes from now on, keeps to these cores.
fn keep_to(cores: &str) -> bool {
    let mut taskset = Command::new("taskset");
    taskset
        .args(["-p", "-c", cores])
        .arg(std::process::id().to_string());
    output_of(&mut taskset).is_ok()
}
