//! Cleanup: what is over is removed when nobody needs it any more.

use portcullis_shared::time::UnixSeconds;

/// A claim to do a job alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// Which job.
    pub job: &'static str,
    /// Who wants to do it: random, new for each time that it is done.
    pub holder: [u8; 16],
    /// The time.
    pub now: UnixSeconds,
    /// From when on another may take it, if nothing more is heard of this holder.
    pub until: UnixSeconds,
    /// Not if it was done after that.
    pub unless_done_after: UnixSeconds,
}
