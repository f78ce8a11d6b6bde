//! Ctrl-C, SIGTERM and SIGHUP: noted here, obeyed by whoever waits.
//!
//! Invariant: a signal never ends this program directly, so what it started is always taken down
//! by the destructors on the way out.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Whether we were asked to stop.
#[derive(Clone)]
pub(crate) struct Stop(Arc<AtomicBool>);

/// The error of whatever was given up because of a signal.
#[derive(Debug)]
pub(crate) struct Requested;

impl fmt::Display for Requested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped by a signal")
    }
}

impl std::error::Error for Requested {}

impl Stop {
    /// Takes the signals over.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(crate) fn install() -> Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&flag)).context("signal handler")?;
        }
        Ok(Self(flag))
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// What becomes true when a signal comes.
    pub(crate) fn flag(&self) -> &AtomicBool {
        &self.0
    }

    /// # Errors
    /// [`Requested`] once a signal has come.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_requested() {
            return Err(Requested.into());
        }
        Ok(())
    }

    /// Sleeps for one turn of a waiting loop.
    ///
    /// # Errors
    /// [`Requested`] once a signal has come.
    pub(crate) fn pause(&self, turn: Duration) -> Result<()> {
        self.check()?;
        thread::sleep(turn);
        self.check()
    }
}
